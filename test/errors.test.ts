import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import * as errors from '../src/errors.ts'
import { assertLinear } from './support/growth.ts'
import { withPollutedPrototype } from './support/pollution.ts'

const { redactUrl, ...classes } = errors
type ClassName = keyof typeof classes

// The tree of spec section 13.
const tree: [name: ClassName, parent: ClassName | 'Error', code: string][] = [
  ['HawserError', 'Error', 'HAWSER_ERROR'],
  ['RequestError', 'HawserError', 'HAWSER_REQUEST_ERROR'],
  ['TransportError', 'RequestError', 'HAWSER_TRANSPORT_ERROR'],
  ['TimeoutException', 'TransportError', 'HAWSER_TIMEOUT_EXCEPTION'],
  ['ConnectTimeout', 'TimeoutException', 'HAWSER_CONNECT_TIMEOUT'],
  ['ReadTimeout', 'TimeoutException', 'HAWSER_READ_TIMEOUT'],
  ['WriteTimeout', 'TimeoutException', 'HAWSER_WRITE_TIMEOUT'],
  ['PoolTimeout', 'TimeoutException', 'HAWSER_POOL_TIMEOUT'],
  ['TotalTimeout', 'TimeoutException', 'HAWSER_TOTAL_TIMEOUT'],
  ['NetworkError', 'TransportError', 'HAWSER_NETWORK_ERROR'],
  ['ConnectError', 'NetworkError', 'HAWSER_CONNECT_ERROR'],
  ['ReadError', 'NetworkError', 'HAWSER_READ_ERROR'],
  ['WriteError', 'NetworkError', 'HAWSER_WRITE_ERROR'],
  ['CloseError', 'NetworkError', 'HAWSER_CLOSE_ERROR'],
  ['ProtocolError', 'TransportError', 'HAWSER_PROTOCOL_ERROR'],
  ['LocalProtocolError', 'ProtocolError', 'HAWSER_LOCAL_PROTOCOL_ERROR'],
  ['RemoteProtocolError', 'ProtocolError', 'HAWSER_REMOTE_PROTOCOL_ERROR'],
  ['ProxyError', 'TransportError', 'HAWSER_PROXY_ERROR'],
  ['UnsupportedProtocol', 'TransportError', 'HAWSER_UNSUPPORTED_PROTOCOL'],
  ['DecodingError', 'RequestError', 'HAWSER_DECODING_ERROR'],
  ['TooManyRedirects', 'RequestError', 'HAWSER_TOO_MANY_REDIRECTS'],
  ['InsecureRedirect', 'RequestError', 'HAWSER_INSECURE_REDIRECT'],
  ['ResponseTooLarge', 'RequestError', 'HAWSER_RESPONSE_TOO_LARGE'],
  ['HTTPStatusError', 'HawserError', 'HAWSER_HTTP_STATUS_ERROR'],
  ['InvalidURL', 'HawserError', 'HAWSER_INVALID_URL'],
  ['ClientClosed', 'HawserError', 'HAWSER_CLIENT_CLOSED'],
  ['StreamError', 'HawserError', 'HAWSER_STREAM_ERROR'],
  ['StreamConsumed', 'StreamError', 'HAWSER_STREAM_CONSUMED'],
  ['StreamClosed', 'StreamError', 'HAWSER_STREAM_CLOSED'],
  ['ResponseNotRead', 'StreamError', 'HAWSER_RESPONSE_NOT_READ'],
]

const request = { method: 'GET', origin: 'http://a.test', path: '/' }

function make(name: ClassName, facts: errors.ErrorFacts = {}): errors.HawserError {
  if (name === 'HTTPStatusError') {
    return new classes[name]('broken', { ...facts, request, response: { status: 500 } })
  }
  return new classes[name]('broken', facts)
}

test('the tree is complete', () => {
  assert.deepEqual(Object.keys(classes).sort(), tree.map(([name]) => name).sort())
})

for (const [name, parent, code] of tree) {
  test(`${name} is a ${parent}, ${code}`, () => {
    const error = make(name)
    const parentClass = parent === 'Error' ? Error : classes[parent]
    assert.equal(Object.getPrototypeOf(classes[name]), parentClass)
    assert.ok(error instanceof Error)
    assert.equal(error.name, name)
    assert.ok(Object.hasOwn(classes[name].prototype, 'name'))
    assert.ok(!Object.hasOwn(error, 'name'))
    assert.equal(error.code, code)
    assert.equal(error.message, 'broken')
    assert.match(error.stack ?? '', new RegExp(`^${name}: broken\n`))
  })

  test(`${name} keeps its cause, and has none of its own`, () => {
    const cause = new Error('ECONNRESET')
    assert.equal(make(name, { cause }).cause, cause)
    assert.ok(!Object.hasOwn(make(name), 'cause'))
    assert.equal(make(name, { cause: null }).cause, null)
  })
}

test('a RequestError has every fact', () => {
  const facts = {
    request,
    phase: 'wait',
    bytesSent: 812,
    responseStarted: true,
    reusedConnection: true,
    safeToRetry: true,
  } as const
  const { code: _, ...known } = new errors.ReadTimeout('late', facts)
  assert.deepEqual(known, facts)
})

const defaults = {
  request: null,
  phase: null,
  bytesSent: 0,
  responseStarted: false,
  reusedConnection: false,
  safeToRetry: false,
}

test('facts that are left out have defaults', () => {
  const { code: _, ...known } = new errors.ReadTimeout('late')
  assert.deepEqual(known, defaults)
  const undefinedFacts = { request: undefined, phase: undefined, bytesSent: undefined }
  const { code: __, ...same } = new errors.ReadTimeout('late', undefinedFacts)
  assert.deepEqual(same, defaults)
})

test('a ProxyError has the status and reason of the proxy, if it answered', () => {
  const refused = new errors.ProxyError('refused', { phase: 'proxy', status: 407, reason: 'Auth' })
  assert.deepEqual([refused.status, refused.reason, refused.phase], [407, 'Auth', 'proxy'])
  const unreachable = new errors.ProxyError('unreachable')
  assert.deepEqual([unreachable.status, unreachable.reason], [null, null])
})

test('an HTTPStatusError has its request and response', () => {
  const response = { status: 404 }
  const error = new errors.HTTPStatusError('404', { request, response })
  assert.equal(error.request, request)
  assert.equal(error.response, response)
})

test('a DecodingError may have the issues of a schema', () => {
  const issues = [{ message: 'Expected text', path: ['name'] }]
  assert.equal(new errors.DecodingError('wrong', { issues }).issues, issues)
  assert.equal(new errors.DecodingError('wrong').issues, null)
})

test('79 the code of an error is one of a known set, for each class', () => {
  const narrow = (error: errors.HawserError): errors.ErrorCode | number | undefined => {
    // @ts-expect-error There is no such code.
    if (error.code === 'HAWSER_READ_TIMEOUTS') return 0
    // @ts-expect-error A RequestError has no code of a StreamError.
    if (error instanceof errors.RequestError && error.code === 'HAWSER_STREAM_CLOSED') return 1
    switch (error.code) {
      case 'HAWSER_READ_TIMEOUT':
        return error.code satisfies 'HAWSER_READ_TIMEOUT'
    }
    return error.code
  }
  assert.equal(narrow(new errors.ReadTimeout('late')), 'HAWSER_READ_TIMEOUT')
})

test('a StreamError may have the request that needed the body', () => {
  assert.equal(new errors.StreamConsumed('sent already', { request }).request, request)
  assert.equal(new errors.StreamClosed('closed').request, null)
})

test('22 a polluted Object.prototype adds no facts', () => {
  const polluted = {
    cause: 'evil',
    request: 'evil',
    phase: 'evil',
    bytesSent: 1,
    responseStarted: true,
    reusedConnection: true,
    safeToRetry: true,
    status: 200,
    reason: 'evil',
    code: 'EVIL',
  }
  const { code, ...known } = withPollutedPrototype(polluted, () => {
    const error = new errors.ProxyError('refused', {})
    return { ...error, hasCause: Object.hasOwn(error, 'cause') }
  })
  assert.equal(code, 'HAWSER_PROXY_ERROR')
  assert.deepEqual(known, { ...defaults, status: null, reason: null, hasCause: false })
  const stream = withPollutedPrototype(polluted, () => new errors.StreamConsumed('sent already'))
  assert.equal(stream.request, null)
})

test('a log shows name, message, code and facts', () => {
  const shown = inspect(new errors.ReadTimeout('no byte for 5000 ms', { phase: 'wait' }))
  assert.match(shown, /^ReadTimeout: no byte for 5000 ms\n/)
  assert.match(shown, /code: 'HAWSER_READ_TIMEOUT'/)
  assert.match(shown, /phase: 'wait'/)
})

test('TypeScript tells the classes apart after instanceof', () => {
  const describe = (error: errors.RequestError): string => {
    if (error instanceof errors.ConnectTimeout) return error.code
    if (error instanceof errors.TimeoutException) return error.message
    if (error instanceof errors.NetworkError) return error.message
    if (error instanceof errors.TransportError) return error.code
    return error.message
  }
  assert.equal(describe(new errors.LocalProtocolError('bad')), 'HAWSER_LOCAL_PROTOCOL_ERROR')
})

const urls: [url: string, shown: string][] = [
  ['http://a.test', 'http://a.test/'],
  ['https://user:secret@a.test:8443/path', 'https://a.test:8443/path'],
  ['https://secret@a.test/', 'https://a.test/'],
  ['http://a.test/path?token=secret', 'http://a.test/path?…'],
  ['http://a.test/path?token=secret#secret', 'http://a.test/path?…'],
  ['http://a.test/path#secret', 'http://a.test/path'],
  ['http://a.test/@types/node', 'http://a.test/@types/node'],
  ['http://a:secret@[::1]:80/', 'http://[::1]/'],
  ['socks5://user:secret@proxy.test:1080', 'socks5://proxy.test:1080'],
  // Relative, and the targets of a request.
  ['/path?token=secret', '/path?…'],
  ['/@types/node#secret', '/@types/node'],
  ['//user:secret@a.test/path', 'a.test/path'],
  ['a.test:443', 'a.test:443'],
  ['*', '*'],
  // As WHATWG reads them.
  ['http:user:secret@a.test/', 'http://a.test/'],
  ['http:\\\\user:secret@a.test\\', 'http://a.test/'],
  [' ht\ntp://user:secret@a.test/', 'http://a.test/'],
  // No URLs: the password's own slash, question mark or hash ends the host too early.
  ['user:secret@a.test:80', 'a.test:80'],
  ['user:p@secret@a.test:80', 'a.test:80'],
  ['http://user:se/secret@a.test/path', 'a.test/path'],
  ['http://user:se?secret@a.test/path', 'a.test/path'],
  ['http://user:se#secret@a.test/path', 'a.test/path'],
  ['http://user:secret@a.test:99999/?token=secret', 'a.test:99999/?…'],
  ['', ''],
  ['\0\ud800', '\0\ud800'],
]
for (const [url, shown] of urls) {
  test(`redactUrl(${JSON.stringify(url)})`, () => {
    assert.equal(redactUrl(url), shown)
    assert.ok(!redactUrl(url).includes('secret'))
  })
}

test('redactUrl takes a URL object', () => {
  assert.equal(redactUrl(new URL('http://user:secret@a.test/?b')), 'http://a.test/?…')
})

test('redactUrl does not throw when it was called often', () => {
  // Then Node 20 and 22 take these bytes for UTF-8 in `URL.canParse`.
  for (let i = 0; i < 50_000; i++) assert.equal(redactUrl('http:\xc3\t\x80'), 'http:\xc3\t\x80')
})

for (const hostile of ['?', '#', '@', '/', ':', 'http://@', '%']) {
  test(`redactUrl is linear for many ${hostile}`, () => {
    assertLinear((size) => hostile.repeat(size / hostile.length), redactUrl)
  })
}
