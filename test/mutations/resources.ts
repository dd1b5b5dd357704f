import * as zlib from 'node:zlib'
import type { Mutation } from './mutation.ts'

/** Not every supported runtime has zstd. Without it, its test is skipped. */
const zstd = 'createZstdDecompress' in zlib

/** Hazards 36 to 39: memory that a server can make the client use. */
export const resources: readonly Mutation[] = [
  {
    marks: '36, 37',
    mistake: 'maxResponseSize does not apply to a stream of decoded bytes',
    file: 'src/content/decoding/decoder.ts',
    find: '    if (received > max) {',
    replace: '    if (received > max && received < 0) {',
    tests: ['client/decoded-responses'],
  },
  {
    marks: '36',
    mistake: 'maxResponseSize does not apply to a body that is decoded at once',
    file: 'src/content/decoding/decoder.ts',
    find: '      return content.length <= max ? content : null',
    replace: '      return content',
    tests: ['content/decoding-whole'],
  },
  {
    marks: '36',
    mistake: 'the number of content codings is unlimited',
    file: 'src/content/decoding/decoder.ts',
    find: 'const MAX_CODINGS = 5',
    replace: 'const MAX_CODINGS = 500',
    tests: ['content/decoding'],
  },
  ...(zstd
    ? [
        {
          marks: '36',
          mistake: 'the window size of zstd is not limited to 8 MiB',
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
    mistake: 'a buffer of the size in Content-Length is allocated before the body arrives',
    file: 'src/pool/body-buffer.ts',
    find: 'Math.max(doubled, TRUSTED_LENGTH + 1)',
    replace: 'this.#expected + 1',
    tests: ['pool/response'],
  },
  {
    marks: '36, 37',
    mistake: 'a body is read although its Content-Length exceeds maxResponseSize',
    file: 'src/pool/response-body.ts',
    find: 'Math.max(this.#received, this.#length || 0) > max',
    replace: 'this.#received > max',
    tests: ['pool/response'],
  },
  {
    marks: '37',
    mistake: 'maxResponseSize does not apply to a body that is read in chunks',
    file: 'src/client/response.ts',
    find: 'return maxResponseSize === null ? chunks : limitSize(chunks, maxResponseSize, AFTER_HEAD)',
    replace: 'return maxResponseSize === null ? chunks : chunks',
    tests: ['client/decoded-responses'],
  },
  {
    marks: '38',
    mistake: 'the engine ignores that a handler returned false to pause',
    file: 'src/pool/sinks.ts',
    find: 'chunk) !== false',
    replace: 'chunk) !== false || true',
    tests: ['connection/pause'],
  },
  {
    marks: '38',
    mistake: 'chunks are buffered without limit if the reader is slow',
    file: 'src/pool/response-body.ts',
    find: 'chunks.bytes < READ_AHEAD || this.#length <= READ_AHEAD || this.#pause()',
    replace: 'chunks.bytes >= 0',
    tests: ['engine/bodies', 'pool/response'],
  },
  {
    marks: '38',
    mistake: 'a pause of the reader does not pause the socket',
    file: 'src/connection/response-reader.ts',
    find: '    if (this.paused) this.#socket.pause()\n',
    replace: '',
    tests: ['connection/pause', 'engine/bodies'],
  },
  {
    marks: '38',
    mistake: 'a raw socket buffers data without limit',
    file: 'src/connection/raw-socket.ts',
    find: 'length)))) this.#socket.pause()',
    replace: 'length)))) return',
    tests: ['connection/upgrade'],
  },
  {
    marks: '39',
    mistake: 'a failed handshake leaves a reference to its exchange',
    file: 'src/pool/lease.ts',
    find: '    const exchange = this.#releaseFailedDial()\n    exchange.fail(dialError(exchange, this.origin, failure))',
    replace:
      '    const exchange = this.#releaseFailedDial()\n    Reflect.set(globalThis, String(Math.random()), exchange)\n    exchange.fail(dialError(exchange, this.origin, failure))',
    tests: ['engine/process'],
  },
  {
    marks: '91',
    mistake: 'TLS over a stream reads on while it is paused',
    file: 'src/backends/node-socket.ts',
    find: '    this.#underlying?.stopReading()\n',
    replace: '',
    tests: ['backends/socket-stream'],
  },
  {
    marks: '92',
    mistake: 'a deadline does not wait for data that arrived in a blocked event loop',
    file: 'src/backends/system-clock.ts',
    find: 'void setImmediate(callback)',
    replace: 'queueMicrotask(callback)',
    tests: ['backends/blocked-loop'],
  },
  {
    marks: 'R14',
    mistake: 'a TLS connection is closed without close_notify',
    file: 'src/backends/node-socket.ts',
    find: '    this.#socket.end()\n    // Bun',
    replace: '    // Bun',
    tests: ['backends/close-notify', 'engine/tls'],
  },
]
