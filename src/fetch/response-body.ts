import { Readable } from 'node:stream'
import { decoderFor } from '../content/decoding/decoder.ts'
import { ignore } from '../content/pull.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import { networkError } from './network-error.ts'

type ByteStream = ReadableStream<Uint8Array>

/** A response's body: taken whole without a stream, unless somebody asks for one. WHATWG Fetch 5.2 */
export class ResponseBody {
  readonly #raw: EngineResponse
  #stream: ByteStream | null = null
  #chunks: AsyncIterator<Uint8Array> | null = null
  #taken = false

  constructor(raw: EngineResponse) {
    this.#raw = raw
  }

  /** Something of it has been read, or it was cancelled. */
  get used(): boolean {
    return this.#taken || (this.#stream !== null && Readable.isDisturbed(this.#stream as never))
  }

  get stream(): ByteStream {
    this.#stream ??= this.#open()
    return this.#stream
  }

  /** All of it, once. Rejects with `TypeError`, or the signal's reason. */
  async bytes(): Promise<Uint8Array> {
    this.#refuseUsed()
    if (this.#stream !== null) return collect(this.#stream)
    this.#taken = true
    try {
      const raw = this.#raw
      const decoder = decoderFor(raw.headers.get('content-encoding'))
      return await (decoder === null ? raw.bytes() : decoder.decodeAll(raw))
    } catch (error) {
      this.#raw.close()
      throw networkError(error)
    }
  }

  /** Another one of the same bytes. Throws `TypeError` if this one is used or locked. */
  clone(): ResponseBody {
    this.#refuseUsed()
    const copy = new ResponseBody(this.#raw)
    ;[this.#stream, copy.#stream] = this.stream.tee()
    return copy
  }

  /** Read as it is pulled, and no earlier. */
  #open(): ByteStream {
    const taken = this.#taken
    const stream = new ReadableStream(
      {
        type: 'bytes',
        pull: (controller) => this.#pull(controller),
        cancel: () => (taken ? undefined : this.#raw.close()),
      },
      { highWaterMark: 0 },
    )
    if (taken) stream.getReader().cancel().catch(ignore) // as if it had been read from
    return stream
  }

  async #pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      this.#chunks ??= this.#decoded()[Symbol.asyncIterator]()
      let step = await this.#chunks.next()
      while (!step.done && step.value.length === 0) step = await this.#chunks.next()
      if (!step.done) return controller.enqueue(owned(step.value))
      controller.close()
      controller.byobRequest?.respond(0)
    } catch (error) {
      this.#raw.close()
      throw networkError(error)
    }
  }

  #decoded(): AsyncIterable<Uint8Array> {
    const decoder = decoderFor(this.#raw.headers.get('content-encoding'))
    return decoder === null ? this.#raw : decoder.decode(this.#raw)
  }

  #refuseUsed(): void {
    if (this.used || this.#stream?.locked) {
      throw new TypeError('The body of the response has been read already, or is locked')
    }
  }
}

async function collect(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const reader = stream.getReader()
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    chunks.push(step.value)
  }
  return Buffer.concat(chunks)
}

/** A byte stream transfers the whole memory of what it is given, and chunks share theirs. */
function owned(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : Uint8Array.from(chunk)
}
