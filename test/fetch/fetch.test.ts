// The behaviour of WHATWG Fetch that is relevant on a server. Each case runs with the fetch of Node
// and with Hawser's, and both must give the expected result.
import assert from 'node:assert/strict'
import type { Case } from './table.ts'
import { errorOf, table } from './table.ts'

interface Echo {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}
const echo = async (response: Promise<Response>) => (await (await response).json()) as Echo
const bodyOf = async (response: Promise<Response>) => {
  const { method, headers, body } = await echo(response)
  const { 'content-type': type, 'content-length': length, 'transfer-encoding': coding } = headers
  return [method, body, type ?? null, length ?? null, coding ?? null]
}
const stream = (...chunks: string[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
const half = { method: 'POST', duplex: 'half' } as const
const form = () => {
  const data = new FormData()
  data.append('a', '1')
  data.append('f', new Blob(['file'], { type: 'text/x' }), 'n.txt')
  return data
}

table('methods', [
  ...['get', 'Post', 'PUT', 'delete', 'OPTIONS'].map(
    (method): Case => [
      `${method} is converted to upper case`,
      async (fetch, origin) => (await echo(fetch(`${origin}/echo`, { method }))).method,
      method.toUpperCase(),
    ],
  ),
  ...['patch', 'PATCH', 'propfind'].map(
    (method): Case => [
      `${method} is sent unchanged`,
      async (fetch, origin) => {
        // The server of Node refuses unknown methods with 400.
        const response = await fetch(`${origin}/echo`, { method })
        return response.ok ? ((await response.json()) as Echo).method : response.status
      },
      method === 'PATCH' ? 'PATCH' : 400,
    ],
  ),
  ...['CONNECT', 'trace', 'TRACK', 'a b', '', 'é'].map(
    (method): Case => [
      `${JSON.stringify(method)} is refused`,
      (fetch, origin) => errorOf(() => fetch(`${origin}/echo`, { method })),
      'TypeError',
    ],
  ),
  [
    'HEAD has no body',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`, { method: 'head' })
      return [response.body, await response.text(), response.bodyUsed]
    },
    [null, '', false],
  ],
])

const headerForms: [string, NonNullable<RequestInit['headers']>][] = [
  ['a record', { 'X-One': '1', two: ' 2 ' }],
  [
    'pairs',
    [
      ['x-one', '1'],
      ['Two', '2\t'],
    ],
  ],
  ['Headers', new Headers({ 'x-one': '1', two: '2' })],
  [
    'a Map',
    new Map([
      ['x-one', '1'],
      ['two', '2'],
    ]) as never,
  ],
]

table('request headers', [
  ...headerForms.map(
    ([form, headers]): Case => [
      form,
      async (fetch, origin) => {
        const sent = (await echo(fetch(`${origin}/echo`, { headers }))).headers
        return [sent['x-one'], sent.two, sent.accept]
      },
      ['1', '2', '*/*'],
    ],
  ),
  [
    'repeated headers, and values that are not strings',
    async (fetch, origin) => {
      const headers = [
        ['a', '1'],
        ['A', '2'],
        ['b', 3],
        ['c', ''],
      ] as never
      const sent = (await echo(fetch(`${origin}/echo`, { headers }))).headers
      return [sent.a, sent.b, sent.c]
    },
    ['1, 2', '3', ''],
  ],
  [
    'headers that replace the defaults',
    async (fetch, origin) => {
      const headers = { Accept: 'a/b', 'User-Agent': 'me', 'accept-encoding': 'identity' }
      const sent = (await echo(fetch(`${origin}/echo`, { headers }))).headers
      return [sent.accept, sent['user-agent'], sent['accept-encoding']]
    },
    ['a/b', 'me', 'identity'],
  ],
  ...(
    [
      ['a name with a blank', { 'a b': '1' }],
      ['an empty name', { '': '1' }],
      ['a value beyond latin1', { a: 'Ā' }],
      ['a value with NUL', { a: 'b\0' }],
      ['a pair of one', [['a']]],
      ['a pair of three', [['a', 'b', 'c']]],
      ['a number', 1],
    ] as const
  ).map(
    ([name, headers]): Case => [
      `${name} is refused`,
      (fetch, origin) => errorOf(() => fetch(`${origin}/echo`, { headers: headers as never })),
      'TypeError',
    ],
  ),
])

const URLENCODED = 'application/x-www-form-urlencoded;charset=UTF-8'
const PLAIN = 'text/plain;charset=UTF-8'

table('request bodies', [
  ...(
    [
      ['a string', { body: 'é' }, ['POST', 'é', PLAIN, '2', null]],
      ['an empty string', { body: '' }, ['POST', '', PLAIN, '0', null]],
      ['no body', {}, ['POST', '', null, '0', null]],
      ['null', { body: null }, ['POST', '', null, '0', null]],
      [
        'parameters',
        { body: new URLSearchParams('a=1&b=é') },
        ['POST', 'a=1&b=%C3%A9', URLENCODED, '12', null],
      ],
      ['bytes', { body: new Uint8Array([65, 66]) }, ['POST', 'AB', null, '2', null]],
      [
        'a view of a part',
        { body: new Uint8Array([65, 66, 67]).subarray(1) },
        ['POST', 'BC', null, '2', null],
      ],
      [
        'a DataView',
        { body: new DataView(Uint8Array.of(65, 66).buffer) },
        ['POST', 'AB', null, '2', null],
      ],
      ['an ArrayBuffer', { body: Uint8Array.of(65).buffer }, ['POST', 'A', null, '1', null]],
      ['a Blob', { body: new Blob(['blob'], { type: 'a/b' }) }, ['POST', 'blob', 'a/b', '4', null]],
      ['a Blob without a type', { body: new Blob(['blob']) }, ['POST', 'blob', null, '4', null]],
      [
        'another object',
        { body: { toString: () => 'me' } as never },
        ['POST', 'me', PLAIN, '2', null],
      ],
      ['a number', { body: 7 as never }, ['POST', '7', PLAIN, '1', null]],
      [
        'a given Content-Type',
        { body: 'x', headers: { 'Content-Type': 'x/y' } },
        ['POST', 'x', 'x/y', '1', null],
      ],
    ] as [string, RequestInit, unknown][]
  ).map(
    ([name, init, expected]): Case => [
      name,
      (fetch, origin) => bodyOf(fetch(`${origin}/echo`, { method: 'POST', ...init })),
      expected,
    ],
  ),
  [
    'a stream, in chunks',
    (fetch, origin) => bodyOf(fetch(`${origin}/echo`, { ...half, body: stream('a', 'b') })),
    ['POST', 'ab', null, null, 'chunked'],
  ],
  [
    'an async generator',
    (fetch, origin) => {
      async function* body() {
        yield Buffer.from('a')
        yield Buffer.from('b')
      }
      return bodyOf(fetch(`${origin}/echo`, { ...half, body: body() }))
    },
    ['POST', 'ab', null, null, 'chunked'],
  ],
  [
    'a form',
    async (fetch, origin) => {
      const { headers, body } = await echo(
        fetch(`${origin}/echo`, { method: 'POST', body: form() }),
      )
      const type = headers['content-type'] ?? ''
      const sent = await new Response(body, { headers: { 'content-type': type } }).formData()
      const file = sent.get('f') as unknown as {
        name: string
        type: string
        text(): Promise<string>
      }
      assert.equal(headers['content-length'], String(body.length))
      return [sent.get('a'), file.name, file.type, await file.text()]
    },
    ['1', 'n.txt', 'text/x', 'file'],
  ],
  ...(
    [
      ['a body with GET', { body: 'x' }],
      ['a body with HEAD', { method: 'HEAD', body: '' }],
      ['a stream without duplex', { method: 'POST', body: stream('a') }],
    ] as [string, RequestInit][]
  ).map(
    ([name, init]): Case => [
      `${name} is refused`,
      (fetch, origin) => errorOf(() => fetch(`${origin}/echo`, init)),
      'TypeError',
    ],
  ),
  [
    'a stream that is locked or has been read is refused',
    async (fetch, origin) => {
      const locked = stream('a')
      locked.getReader()
      const read = stream('a')
      await read.cancel()
      const send = (body: ReadableStream) =>
        errorOf(() => fetch(`${origin}/echo`, { ...half, body }))
      return [await send(locked), await send(read)]
    },
    ['TypeError', 'TypeError'],
  ],
  [
    'a stream of chunks that are not bytes fails',
    (fetch, origin) => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(1)
          controller.close()
        },
      })
      return errorOf(() => fetch(`${origin}/echo`, { ...half, body }))
    },
    'TypeError',
  ],
])

table('a Request', [
  [
    'is sent unchanged',
    async (fetch, origin) => {
      const request = new Request(`${origin}/echo?q`, {
        method: 'PUT',
        headers: { a: '1' },
        body: 'x',
      })
      const { method, url, headers, body } = await echo(fetch(request))
      return [method, url, headers.a, headers['content-type'], body, request.bodyUsed]
    },
    ['PUT', '/echo?q', '1', PLAIN, 'x', true],
  ],
  [
    'is sent with the length of its body, if that is known',
    async (fetch, origin) => {
      const send = (init: RequestInit) =>
        bodyOf(fetch(new Request(`${origin}/echo`, { method: 'POST', ...init })))
      return [await send({ body: 'abc' }), await send({ body: new Uint8Array(3) }), await send({})]
    },
    [
      ['POST', 'abc', PLAIN, '3', null],
      ['POST', '\0\0\0', null, '3', null],
      ['POST', '', null, '0', null],
    ],
  ],
  [
    'with a slow stream',
    (fetch, origin) => {
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 5))
          controller.enqueue(Buffer.from('slow'))
          controller.close()
        },
      })
      return bodyOf(fetch(new Request(`${origin}/echo`, { ...half, body })))
    },
    ['POST', 'slow', null, null, 'chunked'],
  ],
  [
    'is overridden by the second argument',
    async (fetch, origin) => {
      const request = new Request(`${origin}/echo`, {
        method: 'PUT',
        headers: { a: '1' },
        body: 'x',
      })
      const { method, headers, body } = await echo(
        fetch(request, { method: 'POST', headers: { b: '2' }, body: 'y' }),
      )
      return [method, headers.a ?? null, headers.b, body]
    },
    ['POST', null, '2', 'y'],
  ],
  [
    'can be the second argument',
    async (fetch, origin) => {
      const request = new Request('http://other/', { method: 'DELETE', headers: { a: '1' } })
      const { method, headers } = await echo(fetch(`${origin}/echo`, request))
      return [method, headers.a]
    },
    ['DELETE', '1'],
  ],
  [
    'whose body has been read is refused',
    async (fetch, origin) => {
      const request = new Request(`${origin}/echo`, { method: 'POST', body: 'x' })
      await request.text()
      return errorOf(() => fetch(request))
    },
    'TypeError',
  ],
  [
    'is sent with its signal and its redirect mode',
    async (fetch, origin) => [
      await errorOf(() =>
        fetch(new Request(`${origin}/never`, { signal: AbortSignal.timeout(5) })),
      ),
      (await fetch(new Request(`${origin}/redirect/302`, { redirect: 'manual' }))).status,
    ],
    ['TimeoutError', 302],
  ],
])

table('URLs', [
  ...['/relative', 'nonsense', 'http://', 'http://u:p@127.0.0.1/', 'foo:bar'].map(
    (url): Case => [`${url} is refused`, (fetch) => errorOf(() => fetch(url)), 'TypeError'],
  ),
  [
    'a URL object, and an object with toString',
    async (fetch, origin) => [
      (await fetch(new URL(`${origin}/text`))).status,
      (await fetch({ toString: () => `${origin}/text` } as never)).status,
    ],
    [200, 200],
  ],
  [
    'the fragment is neither sent nor part of response.url',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/echo?a=ü b#frag`)
      return [response.url.replace(origin, ''), ((await response.json()) as Echo).url]
    },
    ['/echo?a=%C3%BC%20b', '/echo?a=%C3%BC%20b'],
  ],
])

table('a response', [
  [
    'is a Response',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const { ok, status, statusText, type, redirected, bodyUsed, headers, body } = response
      return [
        response instanceof Response,
        response.constructor === Response,
        Object.prototype.toString.call(response),
        headers instanceof Headers,
        headers === response.headers,
        body instanceof ReadableStream,
        body === response.body,
        { ok, status, statusText, type, redirected, bodyUsed },
      ]
    },
    [
      true,
      true,
      '[object Response]',
      true,
      true,
      true,
      true,
      {
        ok: true,
        status: 200,
        statusText: 'OK',
        type: 'basic',
        redirected: false,
        bodyUsed: false,
      },
    ],
  ],
  ...[200, 201, 299, 300, 304, 400, 404, 500, 599].map(
    (status): Case => [
      `status ${status}`,
      async (fetch, origin) => {
        const response = await fetch(`${origin}/status/${status}?reason=Well%20then`)
        return [response.status, response.ok, response.statusText]
      },
      [status, status < 300, 'Well then'],
    ],
  ),
  ...[204, 205, 304].map(
    (status): Case => [
      `${status} has no body`,
      async (fetch, origin) => {
        const response = await fetch(`${origin}/status/${status}`)
        const copy = response.clone()
        const read = [await response.text(), (await response.arrayBuffer()).byteLength]
        return [response.body, ...read, response.bodyUsed, copy.body]
      },
      [null, '', 0, false, null],
    ],
  ),
  [
    'headers',
    async (fetch, origin) => {
      const { headers } = await fetch(`${origin}/headers`)
      const names = [...headers.keys()].filter((name) => /^(x-|set-)/.test(name))
      return [headers.get('X-ONE'), headers.get('x-many'), headers.getSetCookie(), names]
    },
    ['1', 'a, b', ['a=1', 'b=2'], ['set-cookie', 'set-cookie', 'x-many', 'x-one']],
  ],
  [
    'has methods that read its body',
    async (fetch, origin) => {
      const get = (query = '') => fetch(`${origin}/text?${query}`)
      const blob = await (await get('type=Text/X;a=b')).blob()
      const urlencoded = `type=application/x-www-form-urlencoded&body=${encodeURIComponent('a=1&b=2')}`
      return [
        await (await get()).text(),
        Buffer.from(await (await get()).arrayBuffer()).toString(),
        await (await get(`body=${encodeURIComponent('{"a":[1]}')}`)).json(),
        [blob.type, await blob.text(), blob instanceof Blob],
        [...(await (await get(urlencoded)).formData()).entries()],
      ]
    },
    [
      'hello',
      'hello',
      { a: [1] },
      ['text/x;a=b', 'hello', true],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
  ],
  [
    'arrayBuffer() is as large as the body',
    async (fetch, origin) => {
      const buffer = await (await fetch(`${origin}/bytes/010203`)).arrayBuffer()
      return [buffer instanceof ArrayBuffer, buffer.byteLength, [...new Uint8Array(buffer)]]
    },
    [true, 3, [1, 2, 3]],
  ],
  [
    'text() decodes UTF-8 for any charset, removes a BOM, and never fails',
    async (fetch, origin) => [
      await (await fetch(`${origin}/bytes/efbbbf41`)).text(),
      await (await fetch(`${origin}/bytes/41ff42`)).text(),
      await (await fetch(`${origin}/text?type=text/plain;charset=latin1&body=é`)).text(),
    ],
    ['A', 'A\ufffdB', 'é'],
  ],
  [
    'json() and formData() of other content fail',
    async (fetch, origin) => [
      await errorOf(async () => (await fetch(`${origin}/text`)).json()),
      await errorOf(async () => (await fetch(`${origin}/text?body=`)).json()),
      await errorOf(async () => (await fetch(`${origin}/text`)).formData()),
    ],
    ['SyntaxError', 'SyntaxError', 'TypeError'],
  ],
  [
    'can be read once',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const first = response.text()
      const during = response.bodyUsed
      await first
      const errors = []
      for (const method of ['text', 'json', 'arrayBuffer', 'blob', 'formData'] as const) {
        errors.push(await errorOf(() => response[method]()))
      }
      const clone = await errorOf(async () => response.clone())
      return [during, response.bodyUsed, response.body?.locked, ...errors, clone]
    },
    [true, true, true, ...Array(6).fill('TypeError')],
  ],
  [
    'can be cloned before it is read',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const copy = response.clone()
      const texts = [await copy.text(), response.bodyUsed, await response.text()]
      return [...texts, copy.url === response.url, copy.status, copy instanceof Response]
    },
    ['hello', false, 'hello', true, 200, true],
  ],
  [
    'a clone of a clone',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/pieces`)
      const copies = [response, response.clone()]
      copies.push(copies[1]!.clone())
      return Promise.all(copies.map((one) => one.text()))
    },
    ['one two three', 'one two three', 'one two three'],
  ],
  [
    'can be copied with the Response constructor',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const other = new Response(response.body, response)
      return [other.status, other.headers.get('content-type'), await other.text()]
    },
    [200, 'text/plain', 'hello'],
  ],
  ...['gzip', 'deflate', 'br', 'identity', 'unknown'].map(
    (coding): Case => [
      `content coding ${coding}`,
      async (fetch, origin) => {
        const whole = await fetch(`${origin}/coded/${coding}`)
        const streamed = await fetch(`${origin}/coded/${coding}`)
        let text = ''
        for await (const chunk of streamed.body!) text += Buffer.from(chunk)
        return [await whole.text(), text, whole.headers.get('content-encoding')]
      },
      coding.length > 7
        ? ['not coded', 'not coded', coding]
        : coding === 'unknown'
          ? ['not coded', 'not coded', coding]
          : ['decoded', 'decoded', coding],
    ],
  ),
  [
    'content that is not encoded as declared',
    async (fetch, origin) => errorOf(async () => (await fetch(`${origin}/coded/invalid`)).text()),
    'TypeError',
  ],
])

table('a body as a stream', [
  [
    'chunk by chunk',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/pieces`)
      const { body } = response
      const before = response.bodyUsed
      let text = ''
      for await (const chunk of body!) {
        assert.ok(chunk instanceof Uint8Array)
        text += Buffer.from(chunk)
      }
      return [before, text, response.bodyUsed, await errorOf(() => response.text())]
    },
    [false, 'one two three', true, 'TypeError'],
  ],
  [
    'into the buffer of a BYOB reader',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const reader = response.body!.getReader({ mode: 'byob' })
      const read = async () => {
        const { done, value } = await reader.read(new Uint8Array(3))
        return [done, Buffer.from(value ?? []).toString()]
      }
      return [await read(), await read(), await read()]
    },
    [
      [false, 'hel'],
      [false, 'lo'],
      [true, ''],
    ],
  ],
  [
    'while it is locked, methods fail; after release, they work',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const reader = response.body!.getReader()
      const failed = [
        await errorOf(() => response.text()),
        await errorOf(async () => response.clone()),
      ]
      reader.releaseLock()
      return [...failed, response.bodyUsed, await response.text()]
    },
    ['TypeError', 'TypeError', false, 'hello'],
  ],
  [
    'with 1 MB, piped',
    async (fetch, origin) => {
      const { body } = await fetch(`${origin}/large`)
      let size = 0
      await body!.pipeTo(
        new WritableStream({
          write(chunk) {
            size += chunk.length
          },
        }),
      )
      return size
    },
    1 << 20,
  ],
  [
    'cancelled',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/unfinished`)
      await response.body!.cancel()
      return [response.bodyUsed, await errorOf(() => response.text())]
    },
    [true, 'TypeError'],
  ],
  [
    'abandoned in the middle',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/large`)
      for await (const _ of response.body!) break
      return [response.bodyUsed, response.body!.locked]
    },
    [true, false],
  ],
  [
    'truncated by the server',
    async (fetch, origin) => [
      await errorOf(async () => (await fetch(`${origin}/truncated`)).text()),
      await errorOf(async () => {
        for await (const _ of (await fetch(`${origin}/truncated`)).body!);
      }),
    ],
    ['TypeError', 'TypeError'],
  ],
])

const redirected = async (response: Promise<Response>, origin: string) => {
  const { redirected, status, url } = await response
  return [status, redirected, url.replace(origin, '')]
}

table('redirects', [
  ...[301, 302, 303, 307, 308].map(
    (status): Case => [
      `${status} is followed`,
      (fetch, origin) => redirected(fetch(`${origin}/redirect/${status}`), origin),
      [200, true, '/echo'],
    ],
  ),
  ...[300, 304, 305, 306].map(
    (status): Case => [
      `${status} is not followed`,
      (fetch, origin) => redirected(fetch(`${origin}/redirect/${status}`), origin),
      [status, false, `/redirect/${status}`],
    ],
  ),
  ...(
    [
      [301, 'POST', ['GET', '', null]],
      [302, 'POST', ['GET', '', null]],
      [303, 'POST', ['GET', '', null]],
      [307, 'POST', ['POST', 'x', PLAIN]],
      [308, 'POST', ['POST', 'x', PLAIN]],
      [301, 'PUT', ['PUT', 'x', PLAIN]],
      [303, 'PUT', ['GET', '', null]],
    ] as const
  ).map(
    ([status, method, expected]): Case => [
      `${status} in response to ${method}`,
      async (fetch, origin) =>
        (await bodyOf(fetch(`${origin}/redirect/${status}`, { method, body: 'x' }))).slice(0, 3),
      expected,
    ],
  ),
  [
    '303 in response to HEAD is followed with HEAD',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/redirect/303`, { method: 'HEAD' })
      return [response.status, response.body]
    },
    [200, null],
  ],
  [
    'the fragment of Location is not part of response.url',
    (fetch, origin) => redirected(fetch(`${origin}/redirect/302?to=/text#a`), origin),
    [200, true, '/text'],
  ],
  [
    'manual',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/redirect/302`, { redirect: 'manual' })
      const { status, redirected, headers } = response
      return [status, redirected, headers.get('location'), await response.text()]
    },
    [302, false, '/echo', 'moved'],
  ],
  [
    'error',
    async (fetch, origin) => [
      await errorOf(() => fetch(`${origin}/redirect/302`, { redirect: 'error' })),
      (await fetch(`${origin}/text`, { redirect: 'error' })).status,
    ],
    ['TypeError', 200],
  ],
  [
    'without Location',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/no-location`)
      return [response.status, await response.text()]
    },
    [302, 'no location'],
  ],
  ['too many', (fetch, origin) => errorOf(() => fetch(`${origin}/loop/1`)), 'TypeError'],
  [
    'to an unsupported or invalid URL',
    async (fetch, origin) => [
      await errorOf(() => fetch(`${origin}/redirect/302?to=foo:bar`)),
      await errorOf(() => fetch(`${origin}/redirect/302?to=${encodeURIComponent('http://[')}`)),
    ],
    ['TypeError', 'TypeError'],
  ],
  ...[301, 307].map(
    (status): Case => [
      `${status} in response to a stream fails`,
      (fetch, origin) =>
        errorOf(() => fetch(`${origin}/redirect/${status}`, { ...half, body: stream('a') })),
      'TypeError',
    ],
  ),
  [
    '303 in response to a stream is followed without a body',
    async (fetch, origin) =>
      (await bodyOf(fetch(`${origin}/redirect/303`, { ...half, body: stream('a') }))).slice(0, 2),
    ['GET', ''],
  ],
  [
    'credentials are not sent to another origin',
    async (fetch, origin) => {
      const headers = { authorization: 'secret', cookie: 'a=1', 'x-mine': '1' }
      const elsewhere = `${origin.replace('127.0.0.1', 'localhost')}/echo`
      const to = encodeURIComponent(elsewhere)
      const same = (await echo(fetch(`${origin}/redirect/302`, { headers }))).headers
      const other = (await echo(fetch(`${origin}/redirect/302?to=${to}`, { headers }))).headers
      return [same.authorization, same.cookie, other.authorization, other.cookie, other['x-mine']]
    },
    ['secret', 'a=1', undefined, undefined, '1'],
  ],
])

table('errors', [
  [
    'a refused connection, a closed connection, and an unknown host',
    async (fetch, origin) => [
      await errorOf(() => fetch('http://127.0.0.1:9/')),
      await errorOf(() => fetch(`${origin}/drop`)),
      await errorOf(() => fetch('http://name.invalid/')),
    ],
    ['TypeError', 'TypeError', 'TypeError'],
  ],
  [
    'have a cause',
    async (fetch, origin) => {
      const error: Error = await fetch(`${origin}/drop`).then(
        () => assert.fail(),
        (reason) => reason,
      )
      return [error.message.startsWith('fetch failed'), error.cause instanceof Error]
    },
    [true, true],
  ],
  [
    'invalid options',
    async (fetch, origin) => [
      await errorOf(() => fetch(origin, { redirect: 'x' as never })),
      await errorOf(() => fetch(origin, { signal: 1 as never })),
    ],
    ['TypeError', 'TypeError'],
  ],
  [
    'options that have no meaning on a server are ignored',
    async (fetch, origin) => {
      const init = { credentials: 'include', cache: 'no-store', keepalive: true, mode: 'cors' }
      const more = { referrer: '', referrerPolicy: 'no-referrer', priority: 'high', window: null }
      return (await fetch(`${origin}/text`, { ...init, ...more } as never)).status
    },
    200,
  ],
])
