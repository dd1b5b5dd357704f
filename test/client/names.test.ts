import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as engine from '../../src/engine.ts'
import type { Backend } from '../../src/index.ts'
import * as client from '../../src/index.ts'

const errors = [
  'HawserError RequestError TransportError',
  'TimeoutException ConnectTimeout ReadTimeout WriteTimeout PoolTimeout TotalTimeout',
  'NetworkError ConnectError ReadError WriteError CloseError',
  'ProtocolError LocalProtocolError RemoteProtocolError ProxyError UnsupportedProtocol',
  'DecodingError TooManyRedirects InsecureRedirect ResponseTooLarge HTTPStatusError InvalidURL ClientClosed',
  'StreamError StreamConsumed StreamClosed ResponseNotRead redactUrl',
].join(' ')

const sorted = (names: string) => names.split(' ').sort()

test('the names that hawser exports', () => {
  assert.deepEqual(
    Object.keys(client).sort(),
    sorted(
      [
        'Client AsyncClient request get options head post put patch delete stream',
        'Request Response Headers Cookies Timeout HTTPProxy AppDispatcher MockDispatcher BasicAuth DigestAuth NetrcAuth',
        'publicAddressesOnly',
        errors,
      ].join(' '),
    ),
  )
})

test('a Client accepts the Backend type that hawser exports', () => {
  const backend: Backend = engine.nodeBackend
  assert.ok(new client.Client({ backend }))
})

test('the names that hawser/engine exports', () => {
  const names =
    'ConnectionPool HTTPProxy Headers Timeout ResponseParser nodeBackend closeReasons publicAddressesOnly'
  assert.deepEqual(Object.keys(engine).sort(), sorted(`${names} ${errors}`))
})

test('hawser and hawser/engine export the same errors, Headers and Timeout', () => {
  const clientNames = new Map(Object.entries(client))
  const engineNames = new Map(Object.entries(engine))
  for (const name of [...sorted(errors), 'Headers', 'Timeout']) {
    assert.equal(clientNames.get(name), engineNames.get(name), name)
  }
})

test('a pool has only its public methods', () => {
  const pool = new engine.ConnectionPool()
  assert.deepEqual(Object.keys(pool), [])
  const { prototype } = engine.ConnectionPool
  const names = [prototype, Object.getPrototypeOf(prototype)].flatMap(Object.getOwnPropertyNames)
  assert.deepEqual(
    [...new Set(names)].sort(),
    sorted('constructor dispatch request stats assertQuiescent close'),
  )
})
