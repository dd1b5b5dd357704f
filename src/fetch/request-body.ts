import type { Clock } from '../backends/backend.ts'
import { toContent } from '../content/to-content.ts'
import type { Body } from '../models/request.ts'

/** Bytes of a body that are looked at for its end. */
const AHEAD = 65_536

/**
 * The content of a `Request`, which does not say what it was made of. If the stream has ended within one
 * turn of the event loop, as that of a string or bytes does, it is these bytes, to be sent with their length
 * and sent again; else it goes on as a stream.
 */
export async function contentOf(stream: ReadableStream<Uint8Array>, clock: Clock): Promise<Body> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  let next = reader.read()
  const turn = new Promise<null>((resolve) => clock.afterPending(() => resolve(null)))
  while (size <= AHEAD) {
    const step = await Promise.race([next, turn])
    if (step === null) break
    if (step.done) return Buffer.concat(chunks)
    chunks.push(step.value)
    size += step.value.byteLength
    next = reader.read()
  }
  next.catch(() => {}) // it is told to whoever reads on
  return toContent(rest(chunks, next, reader))
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

async function* rest(
  chunks: readonly Uint8Array[],
  next: ReturnType<Reader['read']>,
  reader: Reader,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks
    for (let step = await next; !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel()
  }
}
