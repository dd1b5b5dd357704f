import * as zlib from 'node:zlib'
import type { Mutation } from './mutation.ts'

/** Not every runtime that we support has it, and where it is not the test of it is skipped. */
const zstd = 'createZstdDecompress' in zlib

/** What a server may cost: hazards 36 to 39. */
export const resources: readonly Mutation[] = [
  {
    marks: '36, 37',
    mistake: 'a stream of decoded bytes has no bound',
    file: 'src/content/decoding/decoder.ts',
    find: '    if (received <= max) {',
    replace: '    if (received <= max || received > 0) {',
    tests: ['client/decoded-responses'],
  },
  {
    marks: '36',
    mistake: 'a body that is decoded at once has no bound',
    file: 'src/content/decoding/decoder.ts',
    find: '      return whole.length <= max ? whole : null',
    replace: '      return whole',
    tests: ['content/decoding-whole'],
  },
  {
    marks: '36',
    mistake: 'a chain of codings has no bound',
    file: 'src/content/decoding/decoder.ts',
    find: 'const MAX_CODINGS = 5',
    replace: 'const MAX_CODINGS = 500',
    tests: ['content/decoding'],
  },
  ...(zstd
    ? [
        {
          marks: '36',
          mistake: 'a zstd frame may ask for any window',
          file: 'src/content/decoding/codings.ts',
          find: 'withoutPrototype({ [constants.ZSTD_d_windowLogMax]: 23 })',
          replace: 'withoutPrototype({ [constants.ZSTD_d_windowLogMax]: 30 })',
          tests: ['content/decoding'],
        },
      ]
    : []),
  {
    marks: '36',
    mistake: 'the body of a redirect is decoded',
    file: 'src/client/sending.ts',
    find: '      await response.close()\n      this.#addToHistory(response)\n    }\n  }',
    replace: '      await response.read()\n      this.#addToHistory(response)\n    }\n  }',
    tests: ['client/redirects', 'client/decoded-responses'],
  },
  {
    marks: '36',
    mistake: 'a Content-Length is allocated before a byte has come',
    file: 'src/pool/body-buffer.ts',
    find: 'Math.max(doubled, TRUSTED_LENGTH + 1)',
    replace: 'this.#expected + 1',
    tests: ['pool/response'],
  },
  {
    marks: '36, 37',
    mistake: 'a Content-Length beyond the bound is read all the same',
    file: 'src/pool/response-body.ts',
    find: 'Math.max(this.#received, this.#length || 0) > max',
    replace: 'this.#received > max',
    tests: ['pool/response'],
  },
  {
    marks: '37',
    mistake: 'the bound holds for what is read at once, and not in pieces',
    file: 'src/client/response.ts',
    find: 'return maxResponseSize === null ? chunks : limited(chunks, maxResponseSize, AFTER_HEAD)',
    replace: 'return maxResponseSize === null ? chunks : chunks',
    tests: ['client/decoded-responses'],
  },
  {
    marks: '38',
    mistake: 'what a handler says to a chunk is not heard',
    file: 'src/pool/sinks.ts',
    find: 'chunk) !== false',
    replace: 'chunk) !== false || true',
    tests: ['connection/pause'],
  },
  {
    marks: '38',
    mistake: 'chunks pile up before a slow reader',
    file: 'src/pool/response-body.ts',
    find: '    this.#paused = chunks.bytes >= READ_AHEAD\n',
    replace: '    this.#paused = chunks.bytes < 0\n',
    tests: ['engine/bodies', 'pool/response'],
  },
  {
    marks: '38',
    mistake: 'a pause does not reach the socket',
    file: 'src/connection/response-reader.ts',
    find: '    if (this.paused) this.#socket.pause()\n',
    replace: '',
    tests: ['connection/pause', 'engine/bodies'],
  },
  {
    marks: '38',
    mistake: 'a raw socket reads without end',
    file: 'src/connection/raw-socket.ts',
    find: 'length)))) this.#socket.pause()',
    replace: 'length)))) return',
    tests: ['connection/upgrade'],
  },
  {
    marks: '39',
    mistake: 'a failed handshake is remembered',
    file: 'src/pool/lease.ts',
    find: '    const exchange = this.#releaseFailedDial()\n    exchange.fail(dialError(exchange, this.origin, failure))',
    replace:
      '    const exchange = this.#releaseFailedDial()\n    Reflect.set(globalThis, String(Math.random()), exchange)\n    exchange.fail(dialError(exchange, this.origin, failure))',
    tests: ['engine/process'],
  },
]
