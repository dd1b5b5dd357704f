/**
 * Bytes as text, piece by piece what decoding them all at once would give. A character that a chunk cuts waits for its rest; a byte
 * order mark at the beginning is left out, and what is invalid becomes U+FFFD.
 */
export async function* iterText(
  source: AsyncIterable<Uint8Array>,
  charset: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder(charset)
  for await (const chunk of source) {
    const text = decoder.decode(chunk, { stream: true })
    if (text !== '') yield text
  }
  const rest = decoder.decode()
  if (rest !== '') yield rest
}
