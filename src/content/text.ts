import { withoutPrototype } from '../models/options.ts'

const BYTE_ORDER_MARK = '\ufeff'
const STREAM = withoutPrototype({ stream: true })

/**
 * Bytes as text, piece by piece what decoding them all at once would give. A character that a chunk cuts
 * waits for its rest; a byte order mark at the beginning is left out, and what is invalid becomes U+FFFD.
 *
 * @param charset a name as `charsetOf` gives it
 */
export async function* iterText(
  source: AsyncIterable<Uint8Array>,
  charset: string,
): AsyncGenerator<string, void, undefined> {
  // Of its own accord Node 24 leaves out two marks where a chunk cuts the first.
  const decoder = new TextDecoder(charset, withoutPrototype({ ignoreBOM: true }))
  let isBeginning = charset.startsWith('utf-')
  for await (const chunk of source) {
    let text = decoder.decode(chunk, STREAM)
    if (text === '') continue
    if (isBeginning && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1)
    isBeginning = false
    if (text !== '') yield text
  }
  const rest = decoder.decode()
  if (rest !== '') yield rest
}
