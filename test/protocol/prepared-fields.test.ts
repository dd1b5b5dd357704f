// Fields that were checked and written once are sent exactly as the same fields in a flat list.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LocalProtocolError } from '../../src/errors.ts'
import { PreparedFields } from '../../src/protocol/prepared-fields.ts'
import type { ContentLength, ProxyRules } from '../../src/protocol/request-head.ts'
import { prepareFields, requestHead, versionAndHost } from '../../src/protocol/request-head.ts'

const COMMON = [
  ...['accept', '*/*', 'user-agent', 'hawser/1', 'connection', 'keep-alive'],
  ...['X-Repeated', '1', 'x-repeated', '2'],
]
const ADDED = [
  [],
  ['x-a', 'b'],
  ['content-type', 'text/plain', 'x-a', ''],
  ['te', 'gzip'],
  ['upgrade', 'echo'],
  ['host', 'other.test'],
  ['expect', '100-continue'],
  ['content-length', '3'],
  ['content-length', '4'],
  ['transfer-encoding', 'chunked'],
  ['proxy-authorization', 'Basic eDp5'],
  ['x-a', 'bad\nvalue'],
  ['bad name', 'x'],
]
const FORWARDING: ProxyRules = {
  absolutePrefix: 'http://h.test',
  fieldLines: 'Proxy-Authorization: Basic eDp5\r\n',
  proxySuffix: '',
  whyNoProxyAuthorization: 'is set already',
}
const PROXIES: Record<string, ProxyRules | null> = {
  'no proxy': null,
  'a tunnel': { ...FORWARDING, absolutePrefix: null, fieldLines: '' },
  'a forwarding proxy': FORWARDING,
}

/** Returns the head, or the message of the error. */
function outcome(build: () => unknown): unknown {
  try {
    return build()
  } catch (error) {
    assert.ok(error instanceof LocalProtocolError, String(error))
    return error.message
  }
}

/** Prepares the common fields. */
function prepare(): PreparedFields {
  const fields = prepareFields(COMMON)
  assert.ok(fields instanceof PreparedFields)
  return fields
}

const common = prepare()

describe('R9 prepared fields are sent as the same fields in a list', () => {
  for (const [route, proxy] of Object.entries(PROXIES)) {
    for (const method of ['GET', 'POST', 'HEAD', 'TRACE']) {
      test(`${method}, ${route}`, () => {
        for (const added of ADDED) {
          for (const content of ['none', 0, 3, null] satisfies ContentLength[]) {
            for (const hasTrailers of [false, true]) {
              const head = (headers: Parameters<typeof requestHead>[3]) =>
                outcome(() =>
                  requestHead(
                    ...([method, '/', versionAndHost('h.test'), headers] as const),
                    ...([content, hasTrailers, proxy] as const),
                  ),
                )
              const prepared = added.length === 0 ? common : common.with(added)
              assert.deepEqual(head(prepared), head([...COMMON, ...added]), `${added} ${content}`)
            }
          }
        }
      })
    }
  }
})

test('fields with a meaning for a single request are not prepared', () => {
  for (const field of ['host', 'content-length', 'te', 'upgrade', 'proxy-authorization']) {
    const list = ['accept', '*/*', field, '1']
    assert.equal(prepareFields(list), list)
  }
  const closing = ['Connection', 'x, Close']
  assert.equal(prepareFields(closing), closing)
  assert.ok(prepareFields([]) instanceof PreparedFields)
})

test('the fields can be looked up and iterated like a list of pairs', () => {
  const fields = common.with(['X-A', 'b']).with(['x-c', 'd'])
  assert.equal(fields.get('ACCEPT'), '*/*')
  assert.equal(fields.get('x-repeated'), '1')
  assert.equal(fields.get('x-a'), 'b')
  assert.equal(fields.get('x-b'), null)
  assert.deepEqual([...fields].flat(), [...COMMON, 'X-A', 'b', 'x-c', 'd'])
  assert.equal(common.has('x-a'), false)
})
