// Plants a marked secret in every place that accepts one, and looks for it in everything that is
// printed of every public object, error and event.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { DispatchRequest, RequestError } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import {
  BasicAuth,
  Client,
  Cookies,
  DigestAuth,
  HawserError,
  Headers,
  HTTPProxy,
  MockDispatcher,
  NetrcAuth,
  Request,
} from '../../src/index.ts'
import { redactField } from '../../src/redaction.ts'
import { folder, netrcFile, useNetrc } from '../client/netrc-file.ts'
import { reply, Web } from '../client/scripted-web.ts'
import { runInProcess } from '../command/run-command.ts'
import { httpServer } from '../engine/servers.ts'
import { encrypted } from '../models/pem-files.ts'
import { certificateFor } from '../support/certificates.ts'
import { setEnvironment } from '../support/environment.ts'
import { settle } from '../support/scripted-clock.ts'

/** The secret. Its length is a multiple of three, so that Base64 of `user:` + MARK contains it. */
const MARK = 'Sekret'
const FORMS = [
  MARK,
  btoa(`u:${MARK}`).slice(4, -4),
  btoa(MARK).replaceAll('=', ''),
  'SEKRET',
  'sekret',
]

/** Everything that programs print of a value. */
function printed(value: unknown): string[] {
  const texts = [
    inspect(value, { depth: 8, maxStringLength: null, maxArrayLength: null }),
    inspect(value, { compact: false }),
  ]
  texts.push(inspect({ nested: { value } }, { depth: 8 }))
  try {
    texts.push(JSON.stringify(value) ?? '', JSON.stringify({ nested: [value] }))
  } catch (error) {
    assert.match(String(error), /circular/i) // nothing is printed
  }
  if (value instanceof Error) {
    texts.push(
      String(value),
      value.stack ?? '',
      JSON.stringify({ ...value }),
      inspect({ ...value }),
    )
    if (value.cause !== undefined) texts.push(...printed(value.cause))
  }
  return texts
}

function assertHidden(name: string, ...values: unknown[]): void {
  for (const text of values.flatMap(printed)) {
    const found = FORMS.find((form) => text.includes(form))
    assert.equal(found, undefined, `${name} shows ${found}:\n${text.slice(0, 3000)}`)
  }
}

/** Checks the error that `assert.throws` or `assert.rejects` passes. */
const hidden = (name: string) => (error: unknown) => {
  assertHidden(name, error)
  return true
}

const SECRET_HEADERS = {
  Authorization: `Bearer ${MARK}`,
  Cookie: `a=${MARK}`,
  'X-Api-Key': MARK,
  'X-Auth-Token': MARK,
  Referer: `http://u:${MARK}@a.test/?${MARK}`,
}
const RECEIVED = [
  `Set-Cookie: session=${MARK}; Path=/`,
  `WWW-Authenticate: Digest realm="r", nonce="${MARK}", opaque="${MARK}", qop="auth"`,
  `Authentication-Info: nextnonce="${MARK}"`,
  `Link: </next?token=${MARK}>; rel=next`,
  `Refresh: 0; url=/x?${MARK}`,
  `Content-Location: /x?${MARK}`,
  `X-Callback: http://u:${MARK}@a.test/?${MARK}`,
]

describe('57 no secret is printed of', () => {
  test('a client, its requests, responses and cookies', async (t) => {
    useNetrc(t, `machine n.test login u password ${MARK}`)
    const events: unknown[] = []
    const web = new Web(({ target, headers }, count) => {
      if (count === 1) return reply(401, RECEIVED)
      if (target.includes('/first')) {
        return reply(302, [`Location: http://u:${MARK}@a.test/second?${MARK}`, ...RECEIVED])
      }
      return reply(headers.has('authorization') ? 200 : 500, RECEIVED, MARK)
    })
    const client = web.client({
      trustEnv: true,
      baseUrl: `http://u:${MARK}@a.test/?base=${MARK}`,
      headers: SECRET_HEADERS,
      params: { key: MARK },
      cookies: { c: MARK },
      auth: new DigestAuth('u', MARK),
      verify: { passphrase: MARK, pfx: MARK, key: MARK, cert: MARK, ca: undefined },
      proxies: new HTTPProxy(`http://u:${MARK}@proxy.test`, {
        headers: { 'X-Proxy-Token': MARK },
        verify: { passphrase: MARK },
      }),
      trace: (...event) => events.push(event),
      eventHooks: {
        request: [(request) => void events.push(request)],
        response: [(response) => void events.push(response)],
      },
    })
    client.cookies.set('d', MARK, { domain: 'a.test' })
    const options: RequestOptions = {
      cookies: { e: MARK },
      params: { more: MARK },
      headers: { Authorization: MARK },
      data: { password: MARK },
    }
    const request = client.buildRequest('POST', `/first?${MARK}#${MARK}`, options)
    const response = await web.during(client.send(request))
    assert.ok(web.sent.length >= 3)
    assertHidden('request', request, request.headers, request.clone())
    assertHidden('response', response, response.headers, response.cookies, response.request)
    assertHidden(
      'history',
      response.history,
      response.history.map((r) => r.nextRequest),
    )
    assertHidden('client', client, client.cookies)
    assertHidden('events and hooks', events)
    const streamed = await web.during(client.stream('GET', `/x?${MARK}`, { auth: ['u', MARK] }))
    assertHidden('stream', streamed)
    await streamed.close()
    assertHidden('closed client', client)
    const thrown = await web.during(
      client.get('/x', { auth: null, headers: { authorization: null } }).then((r) => {
        try {
          return r.raiseForStatus()
        } catch (error) {
          return error
        }
      }),
    )
    assertHidden('HTTPStatusError', thrown)
  })

  test('auth, proxies, headers, cookies and mocks', (t) => {
    const file = netrcFile(t, `default login u password ${MARK}`)
    assertHidden('auth', new BasicAuth('u', MARK), new DigestAuth('u', MARK), new NetrcAuth(file))
    const headers = { 'X-Token': MARK, 'Proxy-Authorization': MARK }
    assertHidden(
      'proxy',
      new HTTPProxy(`http://u:${MARK}@h.test`),
      new HTTPProxy('http://h.test', { headers }),
    )
    assertHidden('SOCKS', new HTTPProxy('socks5://h.test', { auth: ['u', MARK] }))
    assertHidden(
      'headers',
      new Headers(SECRET_HEADERS),
      new Headers(RECEIVED.map((line) => line.split(/: (.*)/s, 2) as [string, string])),
    )
    assertHidden('cookies', new Cookies({ a: MARK }))
    assertHidden('dispatcher', new MockDispatcher(() => ({ text: MARK })))
    const client = new Client({
      proxies: { 'http://h.test': `http://u:${MARK}@p.test`, all: `socks5://u:${MARK}@p.test` },
    })
    assertHidden('client with proxies', client)
    return client.close()
  })

  test('a pool, its controls, heads, responses and events', async () => {
    const web = new Web(() => reply(200, RECEIVED, MARK))
    const events: unknown[] = []
    const listen = (event: unknown) => events.push(event)
    const channels = ['request:start', 'request:end', 'connection:open', 'connection:close']
    for (const name of channels) subscribe(`hawser:${name}`, listen)
    const pool = new ConnectionPool({
      backend: web.backend,
      proxy: `http://u:${MARK}@proxy.test`,
      tls: { passphrase: MARK },
      trace: (...event) => events.push(event),
    })
    const request: DispatchRequest = {
      origin: 'http://a.test',
      path: `/x?${MARK}`,
      method: 'POST',
      headers: SECRET_HEADERS,
      body: MARK,
    }
    const heads: unknown[] = []
    const control = pool.dispatch(request, {
      onHead: (head) => void heads.push(head, head.headers),
      onData() {},
      onEnd: (trailers) => void heads.push(trailers),
      onError: (error) => assert.fail(String(error)),
    })
    assertHidden('waiting control', control, pool)
    await settle()
    assertHidden('control', control, pool)
    for (let i = 0; heads.length < 3 && i < 100; i++) await web.serve()
    assert.equal(heads.length, 3)
    assertHidden('ended control and heads', control, heads)
    const response = await web.during(pool.request(request))
    assertHidden('engine response', response, response.headers)
    await response.bytes()
    await pool.close()
    for (const name of channels) unsubscribe(`hawser:${name}`, listen)
    assert.ok(events.length > 4)
    assertHidden('events', events)
  })

  test('fetch: its responses and errors', async () => {
    const web = new Web(({ target }) =>
      target.includes('loop')
        ? reply(302, [`Location: http://u:${MARK}@a.test/loop?${MARK}`, ...RECEIVED])
        : reply(200, RECEIVED, MARK),
    )
    const fetch = createFetch({ backend: web.backend, trustEnv: false, headers: SECRET_HEADERS })
    const response = await web.during(fetch(`http://a.test/?${MARK}`, { headers: SECRET_HEADERS }))
    assertHidden(
      'fetch response',
      response,
      response.headers,
      response.clone(),
      response.clone().headers,
    )
    assert.equal(response.headers.get('set-cookie'), `session=${MARK}; Path=/`)
    for (const [url, init] of [
      [`http://a.test/loop?${MARK}`, {}],
      [`http://a.test/loop?${MARK}`, { redirect: 'error' }],
      [`http://u:${MARK}@a.test/`, {}],
      [`/relative?${MARK}`, {}],
      [`http://a.test:x/${MARK}@x?${MARK}`, {}],
      [`http://a.test/?${MARK}`, { headers: { Authorization: `${MARK}\n${MARK}` } }],
    ] as [string, RequestInit][]) {
      const error = await web.during(fetch(url, init).catch((error: unknown) => error))
      assert.ok(error instanceof Error, url)
      assertHidden(`fetch of ${url}`, error)
    }
    await fetch.close()
  })
})

const PASSWORDS = [
  MARK,
  `12/${MARK}`,
  `1?${MARK}`,
  `1#${MARK}`,
  `${MARK}/x`,
  `@${MARK}`,
  `[${MARK}`,
]

describe('57 no secret is printed of an error', () => {
  test('about a URL', async () => {
    const web = new Web(() => null)
    for (const password of PASSWORDS) {
      for (const url of [
        `http://u:${password}@a.test:99999/`,
        `http://u:${password}@a.test/\0`,
        `ftp://u:${password}@a.test/`,
        `u:${password}@a.test`,
      ]) {
        for (const make of [
          () => new Request('GET', url),
          () => new Client({ baseUrl: url }),
          () => web.within(6000, web.client().get(url)),
        ]) {
          try {
            assertHidden(url, await make())
          } catch (error) {
            hidden(url)(error)
          }
        }
      }
      const call = web.client({ timeout: 10 }).get(`http://u:${password}@a.test/?${MARK}#${MARK}`)
      const error = await web.within(20, call).catch((error: unknown) => error)
      assert.ok(error instanceof Error)
      assertHidden(password, error)
    }
  })

  test('about a proxy', async (t) => {
    for (const password of PASSWORDS) {
      const url = `http://u:${password}@proxy.test`
      for (const proxies of [
        url,
        { all: url },
        { [url]: url },
        { [url]: null },
        `${url}/path`,
        `ftp${url}`,
        `socks5${url.slice(4)}?`,
      ]) {
        let client: Client | null = null
        try {
          client = new Client({ proxies })
        } catch (error) {
          assertHidden(url, error)
        }
        assertHidden(url, client)
        await client?.close()
      }
      for (const value of [url, url.slice(7), `${url}/path`]) {
        setEnvironment(t, { http_proxy: value })
        const web = new Web(() => null)
        const client = web.client({ trustEnv: true, timeout: 10 })
        const error = await web.within(20, client.get('http://a.test/')).catch((error) => error)
        assertHidden(value, error, client)
      }
    }
  })

  test('of a request that fails in every way', async () => {
    const path = `/x?${MARK}`
    const options: RequestOptions = {
      headers: SECRET_HEADERS,
      cookies: { a: MARK },
      auth: ['u', MARK],
    }
    const location = `http://u:${MARK}@a.test:x/?${MARK}`
    const failures: Record<string, [string | null, ClientOptions?, RequestOptions?]> = {
      'no response': [null],
      'a total timeout': [null, { timeout: { total: 5 } }],
      'a response that is not HTTP': [`${MARK}\r\n\r\n`],
      'a faulty field': [`HTTP/1.1 200 OK\r\nSet-Cookie${MARK}\r\n\r\n`],
      'a body that is too long': [reply(200, RECEIVED, MARK), { maxResponseSize: 1 }],
      'a body that cannot be decoded': [reply(200, ['Content-Encoding: gzip', ...RECEIVED], MARK)],
      'an incomplete body': [reply(200, RECEIVED, MARK).slice(0, -1)],
      'a redirect to an invalid URL': [reply(302, [`Location: ${location}`, ...RECEIVED])],
      'a redirect to another scheme': [reply(302, [`Location: ftp://u:${MARK}@a.test/?${MARK}`])],
      'too many redirects': [reply(302, [`Location: /x?${MARK}`, ...RECEIVED])],
      'an insecure redirect': [
        reply(302, [`Location: http://u:${MARK}@b.test/?${MARK}`]),
        {},
        { followRedirects: 'no-downgrade' },
      ],
      'a refused tunnel': [
        `HTTP/1.1 407 No\r\nContent-Length: 0\r\nProxy-Authenticate: Basic realm="${MARK}"\r\n\r\n`,
        { proxies: `http://u:${MARK}@proxy.test` },
      ],
      'a body that was consumed': [
        reply(307, [`Location: /x?${MARK}`]),
        {},
        { content: [Buffer.from(MARK)].values() },
      ],
    }
    for (const [name, [answer, client, request]] of Object.entries(failures)) {
      const web = new Web(() => answer)
      const call = web
        .client({ timeout: 10, ...client })
        .request('POST', `https://u:${MARK}@a.test${path}`, {
          ...options,
          ...request,
        } as RequestOptions)
      const error = await web.within(20, call).then(
        (r) => assert.fail(`${name}: ${r.status}`),
        (error: unknown) => error,
      )
      assertHidden(name, error)
    }
  })

  test('about an argument', async (t) => {
    const web = new Web(() => reply(200))
    const directory = folder(t)
    const pem = join(directory, 'key.pem')
    const certificate = certificateFor(['a.test'])
    writeFileSync(pem, certificate.cert + encrypted(certificate, 'right'))
    const clientOptions: unknown[] = [
      { auth: MARK },
      { auth: [MARK] },
      { auth: ['u', `${MARK}\n`] },
      { auth: [`u:${MARK}`, ''] },
      { headers: `Authorization: ${MARK}` },
      { headers: { Authorization: `${MARK}\n` } },
      { headers: { Authorization: [`${MARK}\0`] } },
      { headers: [`Authorization: ${MARK}`] },
      { headers: [['Authorization', MARK, MARK]] },
      { cookies: { a: `${MARK};` } },
      { cookies: MARK },
      { params: MARK },
      { params: { key: { secret: MARK } } },
      { cert: [pem, pem, MARK] },
      { verify: { pfx: MARK, passphrase: MARK, cert: 5 } },
      { verify: { ca: MARK } },
      { proxies: { all: { url: MARK } } },
      { proxies: new URL(`ftp://u:${MARK}@p.test`) },
      MARK,
      [MARK],
    ]
    for (const options of clientOptions) {
      let error: unknown = null
      let client: Client | null = null
      try {
        client = new Client(options as ClientOptions)
      } catch (thrown) {
        error = thrown
      }
      assertHidden(inspect(options), error, client)
      await client?.close()
    }
    const requestOptions: unknown[] = [
      { data: MARK },
      { data: { a: { b: MARK } } },
      { json: MARK, data: { password: MARK } },
      { files: { a: ['name', MARK, `text/x\n${MARK}`] } },
      { content: { secret: MARK } },
      { headers: { 'X-A': `${MARK}\r\nX: ${MARK}` } },
      { headers: { [`X-A: ${MARK}`]: '' } },
      { headers: { 'Proxy-Authorization': MARK } },
      { headers: { 'Transfer-Encoding': MARK } },
      { cookies: { a: `${MARK}\n` } },
      { signal: MARK },
      MARK,
    ]
    for (const options of requestOptions) {
      const call = web.client().post('http://a.test/', options as RequestOptions)
      const error = await web.during(call.catch((error: unknown) => error))
      assertHidden(inspect(options), error)
    }
  })

  test('about a netrc file', async (t) => {
    const warnings: unknown[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    for (const text of [
      `machine a.test login ${MARK}: password ${MARK}`,
      `machin a.test ${MARK}`,
      `machine a.test login u password "${MARK}`,
      `\xff${MARK}`,
    ]) {
      assert.doesNotThrow(() => {
        try {
          assertHidden('auth', new NetrcAuth(netrcFile(t, text)))
        } catch (error) {
          assertHidden(text, error)
        }
      })
      useNetrc(t, text)
      const web = new Web(() => reply(200))
      await web.during(web.client({ trustEnv: true, proxies: null }).get('http://a.test/'))
    }
    await turn()
    process.off('warning', onWarning)
    assertHidden('warnings', warnings)
  })
})

describe('57 the name of a field tells whether its value is printed', () => {
  const secrets = [
    ...['Authorization', 'Proxy-Authenticate', 'Cookie', 'set-cookie2', 'X-Api-Key', 'x.api.key'],
    ...['X-CSRFToken', 'X-XSRF-TOKEN', 'X-AuthToken', 'X-AccessToken', 'X-SessionToken', 'X-JWT'],
    ...['X-JWT-Assertion', 'X-SAML-Assertion', 'DPoP', 'X-OTP', 'X-UserPin', 'X-PIN', 'X-Passwd'],
    ...['X-ClientSecret', 'X-AccessKey', 'JSESSIONID', 'X-Ticket', 'X-Forwarded-Client-Cert'],
    ...['X_Password', 'x-amz-security-token', 'Signature', 'X-Passphrase', 'x-bearer', 'sid'],
  ]
  const others = [
    ...['Accept', 'Author', 'X-Footprint', 'X-Mapping', 'X-Monkey', 'x-ratelimit-remaining-tokens'],
    ...['Idempotency-Key', 'X-Tokenizer', 'Keep-Alive', 'Content-Type', 'X-Opinion', 'X-Compass'],
  ]
  for (const name of secrets) {
    test(`57 ${name} is not printed`, () => assert.equal(redactField(name, 'v'), '[secret]'))
  }
  for (const name of others) {
    test(`57 ${name} is printed`, () => assert.equal(redactField(name, 'v'), 'v'))
  }
})

test('57 no secret is printed by hawser --verbose', async (t: TestContext) => {
  const { origin } = await httpServer(t, (_, response) => {
    for (const line of RECEIVED)
      response.appendHeader(...(line.split(/: (.*)/s, 2) as [string, string]))
    response.writeHead(302, { location: `http://u:${MARK}@a.test/?${MARK}` }).end(MARK)
  })
  const url = `${origin.replace('//', `//u:${MARK}@`)}/x?${MARK}#${MARK}`
  const fields = Object.entries(SECRET_HEADERS).flatMap(([name, value]) => [
    '--headers',
    name,
    value,
  ])
  const args = [
    url,
    '-v',
    ...fields,
    '--cookies',
    'c',
    MARK,
    '--params',
    'p',
    MARK,
    '--data',
    'd',
    MARK,
  ]
  const { stderr, code } = await runInProcess(args)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /POST \/x\?… HTTP/)
  assertHidden('-v', { stderr })
  const refused = await runInProcess([
    `http://u:${MARK}@127.0.0.1:1/?${MARK}`,
    '-v',
    '--proxy',
    `http://u:12/${MARK}@p.test`,
  ])
  assert.notEqual(refused.code, 0)
  assertHidden('an error of the command', refused.stderr)
})

test('57 messages contain no control characters', async () => {
  const web = new Web(() => reply(302, ['Location: a\x9b\x85:x\xe2\x80\xae']))
  const call = web.client().get('http://a.test/')
  const error = await web.during(call.catch((error: unknown) => error))
  assert.ok(error instanceof Error)
  assert.doesNotMatch(error.message, /[\0-\x1f\x7f-\x9f]/)
  const app = new MockDispatcher(() => {
    throw new HawserError('a\x9b2J\u202eb\u2069\u200f')
  })
  await assert.rejects(new Client({ dispatcher: app }).get('http://a.test/'), {
    message: 'a\ufffd2J\ufffdb\ufffd\ufffd',
  })
})

test('57 the path of a failed request is complete, but not enumerable', async () => {
  const web = new Web(() => 'no HTTP')
  const pool = new ConnectionPool({ backend: web.backend })
  const call = pool.request({ origin: 'http://a.test', path: `/x?${MARK}` })
  const error = await web.during(call.catch((error: unknown) => error))
  const { request } = error as RequestError
  assert.equal(request?.path, `/x?${MARK}`)
  assert.deepEqual(Object.keys(request ?? {}), ['method', 'origin'])
  const shown = { method: 'GET', origin: 'http://a.test', path: '/x?…' }
  assert.deepEqual(JSON.parse(JSON.stringify(request)), shown)
  assert.equal(inspect(request), inspect(shown))
})

describe('57 messages have a limited length', () => {
  test('with a Location of 60 KB', async () => {
    for (const location of [
      `http://a.test:x/${'y'.repeat(60_000)}`,
      `http://a.test/${'y'.repeat(60_000)}`,
      `ftp://${'y'.repeat(60_000)}/`,
      `${'y'.repeat(60_000)}:x`,
    ]) {
      const web = new Web(() => reply(302, [`Location: ${location}`]))
      const error = await web.during(
        web
          .client({ maxRedirects: 1 })
          .get('http://a.test/')
          .catch((error: unknown) => error),
      )
      assert.ok(error instanceof Error)
      assert.ok(error.message.length < 2200, `${error.message.length}`)
      assert.ok(inspect(error).length < 12_000)
    }
  })

  test('with a URL and a reason phrase of 60 KB', async () => {
    const long = 'y'.repeat(60_000)
    const web = new Web(() => reply(500).replace('Said', long))
    const response = await web.during(web.client().get(`http://a.test/${long}`))
    assert.throws(
      () => response.raiseForStatus(),
      (error) => {
        assert.ok((error as Error).message.length < 1000)
        return true
      },
    )
    assert.ok(inspect(response).length < 200)
  })
})
