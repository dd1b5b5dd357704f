import assert from 'node:assert/strict'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { Client, DecodingError, MockDispatcher, ResponseTooLarge } from '../../../src/index.ts'
import { latin1Text } from '../hostile-text.ts'
import { target } from '../target.ts'

const CODINGS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  raw: deflateRawSync,
  br: brotliCompressSync,
  identity: (bytes: Uint8Array) => Buffer.from(bytes),
} as const
type Coding = keyof typeof CODINGS

const MAX = 4096

/**
 * Decoding restores the encoded content. Damaged content gives the same error or the same bytes
 * whether it is read at once or streamed.
 */
export const codings = target({
  name: 'codings',
  inputs: fc.record({
    text: latin1Text,
    times: fc.nat(500),
    codings: fc.array(fc.constantFrom(...(Object.keys(CODINGS) as Coding[])), { maxLength: 3 }),
    damage: fc.array(
      fc.record({
        at: fc.nat(0xffff),
        bytes: fc.array(fc.nat(255), { maxLength: 3 }),
        removed: fc.nat(3),
      }),
      { maxLength: 2 },
    ),
    piece: fc.integer({ min: 1, max: 60 }),
  }),
  async check({ text, times, codings, damage, piece }) {
    const plain = Buffer.from(text.repeat(times), 'latin1')
    let coded = codings.reduce((bytes, coding) => CODINGS[coding](bytes), plain)
    for (const { at, bytes, removed } of damage) {
      const place = at % (coded.length + 1)
      const behind = coded.subarray(place + removed)
      coded = Buffer.concat([coded.subarray(0, place), Buffer.from(bytes), behind])
    }
    const client = new Client({
      trustEnv: false,
      maxResponseSize: MAX,
      dispatcher: new MockDispatcher(() => ({
        status: 200,
        headers: { 'content-encoding': codings.join(', ').replaceAll('raw', 'deflate') },
        content: pieces(coded, piece),
      })),
    })
    const read = await outcome(async () => (await client.get('http://h.test/')).bytes())
    const streamed = await outcome(async () => {
      const response = await client.stream('GET', 'http://h.test/')
      const chunks: Uint8Array[] = []
      for await (const chunk of response.iterBytes()) chunks.push(chunk)
      return Buffer.concat(chunks)
    })
    await client.close()
    // If content is both too large and damaged, either error may be found first.
    if (isError(read) && isError(streamed) && damage.length > 0) return
    assert.equal(read, streamed)
    if (damage.length > 0) return
    assert.equal(read, plain.length > MAX ? 'ResponseTooLarge' : plain.latin1Slice())
  },
})

function isError(outcome: string): boolean {
  return outcome === DecodingError.name || outcome === ResponseTooLarge.name
}

/** The decoded content as latin1, or the name of the error. */
async function outcome(work: () => Promise<Uint8Array>): Promise<string> {
  try {
    return Buffer.from(await work()).latin1Slice()
  } catch (error) {
    if (error instanceof DecodingError || error instanceof ResponseTooLarge) return error.name
    throw error
  }
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
