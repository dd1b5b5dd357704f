// Events and records of compressed streams: they are delivered before the server sends another byte.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { Transform } from 'node:stream'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import type { Response } from '../../src/index.ts'
import { start } from '../engine/servers.ts'
import { openClient } from './clients.ts'

type Encoder = Transform & { flush(callback: () => void): void }

const { createZstdCompress } = zlib as { createZstdCompress?: () => Encoder }

const encoders: Record<string, [coding: string, create: () => Encoder]> = {
  gzip: ['gzip', () => zlib.createGzip()],
  deflate: ['deflate', () => zlib.createDeflate()],
  'raw deflate': ['deflate', () => zlib.createDeflateRaw()],
  br: ['br', () => zlib.createBrotliCompress()],
  ...(createZstdCompress && { zstd: ['zstd', createZstdCompress] }),
}

interface Kind {
  readonly type: string
  encode(text: string): string
  read(response: Response): AsyncGenerator<string>
}

const kinds: Record<string, Kind> = {
  'server-sent events': {
    type: 'text/event-stream',
    encode: (text) => `data: ${text}\n\n`,
    async *read(response) {
      for await (const { data } of response.iterEvents()) yield data
    },
  },
  'JSON lines': {
    type: 'application/x-ndjson',
    encode: (text) => `${JSON.stringify(text)}\n`,
    read: (response) => response.iterJSON<string>(),
  },
  'JSON text sequence': {
    type: 'application/json-seq',
    encode: (text) => `\x1e${JSON.stringify(text)}\n`,
    read: (response) => response.iterJSON<string>(),
  },
}

/** Short texts, and one that is larger than the buffers of zlib. */
const texts = ['first', 'second', 'x'.repeat(300_000), '', 'last']

for (const [name, { type, encode, read }] of Object.entries(kinds)) {
  describe(`A6 ${name} arrive before the server sends another byte`, () => {
    for (const [title, [coding, createEncoder]] of Object.entries(encoders)) {
      test(title, async (t) => {
        const encoder = createEncoder()
        const server = createServer((_, response) => {
          response.writeHead(200, { 'content-type': type, 'content-encoding': coding })
          response.flushHeaders()
          encoder.pipe(response)
        })
        const { origin } = await start(t, server, 'connection', 'http')
        const response = await openClient(t).stream('GET', origin)
        const received = read(response)
        for (const text of texts) {
          const next = received.next()
          encoder.write(encode(text))
          await new Promise<void>((resolve) => encoder.flush(resolve))
          assert.deepEqual(await next, { done: false, value: text })
        }
        encoder.end()
        assert.equal((await received.next()).done, true)
      })
    }
  })
}
