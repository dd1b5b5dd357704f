import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LocalProtocolError } from '../../../src/engine.ts'
import { PoolHarness } from '../../support/pool-harness.ts'
import { textOfWords, unicodeText } from '../hostile-text.ts'
import { target } from '../target.ts'

const SPLITS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  '\r\n\r\nGET /evil HTTP/1.1\r\n',
  ' HTTP/1.1\r\n',
]
const method = fc.oneof(
  fc.constantFrom('GET', 'POST', 'PUT', 'QUERY', 'get'),
  textOfWords(['GET', ...SPLITS]),
)
const path = fc.oneof(
  fc.constantFrom('/', '/a?b=c', '/%20'),
  textOfWords(['/', 'a', '?', '#', ...SPLITS]),
)
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'X-B',
    'Host',
    'Connection',
    'Content-Length',
    'Transfer-Encoding',
    'Expect',
  ),
  textOfWords(['a', 'X-B', ...SPLITS]),
)
const value = fc.oneof(
  fc.constantFrom('1', 'close', 'chunked', '0', 'h.test', '100-continue'),
  textOfWords(['b', ...SPLITS]),
  unicodeText,
)

/**
 * The engine rewrites these lists and omits empty ones. The content shows the resulting framing.
 */
const REWRITTEN = ['Transfer-Encoding', 'Connection']

/** Either exactly the given request is written, or nothing. */
export const requests = target({
  name: 'requests',
  inputs: fc.record({
    method,
    path,
    headers: fc.array(fc.tuple(name, value), { maxLength: 4 }),
    body: fc.option(fc.constantFrom('', 'content', '\r\n\r\n')),
  }),
  async check({ method, path, headers, body }) {
    const harness = new PoolHarness()
    try {
      const call = await harness.send({ method, path, headers, ...(body !== null && { body }) })
      const written = harness.backend.sockets.map((socket) => socket.written).join('')
      if (call.hasEnded) {
        assert.ok(call.error instanceof LocalProtocolError, String(call.error))
        assert.equal(written, '', 'the request was written and then rejected')
      } else assertOneRequest(written, { method, path, headers, body })
    } finally {
      await harness.pool.close()
      await harness.clock.flush()
    }
    harness.pool.assertQuiescent()
  },
})

function assertOneRequest(
  written: string,
  given: { method: string; path: string; headers: [string, string][]; body: string | null },
): void {
  const { method, path, headers, body } = given
  const end = written.indexOf('\r\n\r\n')
  const [line, ...fields] = written.slice(0, end).split('\r\n')
  assert.equal(line, `${method} ${path} HTTP/1.1`)
  assert.match(line, /^[^\s]+ [^\s]+ HTTP\/1\.1$/)
  for (const field of fields) {
    assert.match(field, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: ?[\t\x20-\x7e\x80-\xff]*$/)
  }
  for (const [name, value] of headers) {
    if (REWRITTEN.includes(name)) continue
    const trimmed = value.replaceAll(/^[ \t]+|[ \t]+$/g, '')
    assert.ok(
      fields.some((field) => field === `${name}: ${trimmed}`),
      `${name} was not written as it was given`,
    )
  }
  const of = (name: string) => fields.filter((field) => field.toLowerCase().startsWith(`${name}:`))
  assert.equal(of('host').length, 1)
  assert.ok(of('content-length').length + of('transfer-encoding').length <= 1)
  const isHeldBack = of('expect').length > 0
  const content = of('transfer-encoding').length > 0 ? chunked(body ?? '') : (body ?? '')
  assert.equal(written.slice(end + 4), isHeldBack ? '' : content)
}

function chunked(text: string): string {
  return text === '' ? '0\r\n\r\n' : `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
}
