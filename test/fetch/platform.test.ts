// As fetch.test.ts, on Node's own fetch and on ours: what the web platform's tests ask of edges, where it
// means something on a server.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Case } from './table.ts'
import { errorOf, table } from './table.ts'

const why = { why: true }
const half = { method: 'POST', duplex: 'half' } as const

const echo = async (response: Promise<Response>) =>
  (await (await response).json()) as {
    method: string
    headers: Record<string, string>
    body: string
  }

table('calls', [
  [
    'without arguments, or with a URL that is none: rejected, not thrown',
    (fetch) =>
      Promise.all([
        errorOf(() => (fetch as unknown as () => Promise<Response>)()),
        errorOf(() => fetch('/relative')),
        errorOf(() => fetch('http://')),
        errorOf(() => fetch('http://user:password@127.0.0.1/')),
      ]),
    Array(4).fill('TypeError'),
  ],
  ...['about:blank', 'ftp://127.0.0.1/', 'file:///etc/hosts', 'foo:bar'].map(
    (url): Case => [`of ${url}`, (fetch) => errorOf(() => fetch(url)), 'TypeError'],
  ),
  [
    'what turns into a string is a URL',
    async (fetch, origin) =>
      (await fetch({ toString: () => `${origin}/text` } as unknown as string)).text(),
    'hello',
  ],
])

table('a Request', [
  [
    'and its clone, both with the body',
    async (fetch, origin) => {
      const request = new Request(`${origin}/echo`, { method: 'POST', body: 'x' })
      const copy = request.clone()
      return [(await echo(fetch(request))).body, (await echo(fetch(copy))).body, request.bodyUsed]
    },
    ['x', 'x', true],
  ],
  [
    'sent twice is refused the second time, unless it has no body',
    async (fetch, origin) => {
      const posted = new Request(`${origin}/echo`, { method: 'POST', body: 'x' })
      await (await fetch(posted)).text()
      const plain = new Request(`${origin}/text`)
      await (await fetch(plain)).text()
      return [await errorOf(() => fetch(posted)), await (await fetch(plain)).text()]
    },
    ['TypeError', 'hello'],
  ],
  [
    'whose body is locked is refused',
    async (fetch, origin) => {
      const request = new Request(`${origin}/echo`, { method: 'POST', body: 'x' })
      request.body?.getReader()
      return errorOf(() => fetch(request))
    },
    'TypeError',
  ],
  [
    'gets another signal, or none',
    async (fetch, origin) => {
      const request = () => new Request(`${origin}/text`, { signal: AbortSignal.abort(why) })
      return [
        (await fetch(request(), { signal: null })).status,
        (await fetch(request(), { signal: new AbortController().signal })).status,
        await errorOf(() => fetch(request(), {})),
      ]
    },
    [200, 200, why],
  ],
])

table('bodies', [
  [
    'null and undefined are none',
    async (fetch, origin) => {
      const ask = async (body: null | undefined) =>
        (await echo(fetch(`${origin}/echo`, { method: 'POST', body }))).headers['content-length']
      return [await ask(null), await ask(undefined)]
    },
    ['0', '0'],
  ],
  [
    'empty ones of every kind',
    async (fetch, origin) => {
      const kinds = ['', new Uint8Array(), new ArrayBuffer(0), new Blob([]), new URLSearchParams()]
      const lengths = kinds.map(async (body) => {
        const { headers, body: got } = await echo(fetch(`${origin}/echo`, { method: 'POST', body }))
        return `${headers['content-length']}${got}`
      })
      return Promise.all(lengths)
    },
    Array(5).fill('0'),
  ],
  [
    'replayed by 307: a Blob, parameters, a form',
    async (fetch, origin) => {
      const form = new FormData()
      form.append('a', '1')
      const kinds = [new Blob(['blob']), new URLSearchParams({ b: '2' }), form]
      const bodies = kinds.map(async (body) => {
        const init = { method: 'POST', body }
        const got = (await echo(fetch(`${origin}/redirect/307`, init))).body
        return got.replaceAll(/--[\w-]+/g, '--').replaceAll(/\s+/g, ' ')
      })
      return Promise.all(bodies)
    },
    ['blob', 'b=2', '-- Content-Disposition: form-data; name="a" 1 -- '],
  ],
  [
    'a stream that fails',
    async (fetch, origin) => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error('mine')) })
      return errorOf(() => fetch(`${origin}/echo`, { ...half, body }))
    },
    'TypeError',
  ],
  [
    'a length that is not theirs',
    (fetch, origin) =>
      errorOf(() =>
        fetch(`${origin}/echo`, { method: 'POST', body: 'x', headers: { 'content-length': '2' } }),
      ),
    'TypeError',
  ],
])

table('redirects', [
  [
    'twenty are followed, the next is not',
    async (fetch, origin) => [
      (await fetch(`${origin}/loop/-20`)).status,
      await errorOf(() => fetch(`${origin}/loop/-21`)),
    ],
    [200, 'TypeError'],
  ],
  [
    'several: one url, one body',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/loop/-3`)
      const { redirected, url } = response
      return [redirected, url.replace(origin, ''), await response.text()]
    },
    [true, '/loop/0', 'home'],
  ],
  [
    'a Location in UTF-8',
    async (fetch, origin) => (await fetch(`${origin}/location/c3a9`)).url.replace(origin, ''),
    '/text/%C3%A9',
  ],
  ...['data:text/plain,x', 'about:blank'].map(
    (to): Case => [
      `to ${to}`,
      (fetch, origin) =>
        errorOf(() => fetch(`${origin}/redirect/302?to=${encodeURIComponent(to)}`)),
      'TypeError',
    ],
  ),
  [
    'there and back again: what was dropped stays dropped',
    async (fetch, origin) => {
      const there = origin.replace('127.0.0.1', 'localhost')
      const back = `${there}/redirect/302?to=${encodeURIComponent(`${origin}/echo`)}`
      const url = `${origin}/redirect/302?to=${encodeURIComponent(back)}`
      return (await echo(fetch(url, { headers: { authorization: 'secret' } }))).headers
        .authorization
    },
    undefined,
  ],
])

table('a body', [
  [
    'there is none of: text and json of a 204',
    async (fetch, origin) => [
      await (await fetch(`${origin}/status/204`)).text(),
      await errorOf(async () => (await fetch(`${origin}/status/204`)).json()),
      (await (await fetch(`${origin}/status/204`)).blob()).size,
    ],
    ['', 'SyntaxError', 0],
  ],
  [
    'that is empty: no chunk',
    async (fetch, origin) => {
      const { body } = await fetch(`${origin}/text?body=`)
      return body?.getReader().read()
    },
    { done: true, value: undefined },
  ],
  [
    'in two branches',
    async (fetch, origin) => {
      const [a, b] = (await fetch(`${origin}/pieces`)).body!.tee()
      return Promise.all([new Response(a).text(), new Response(b).text()])
    },
    ['one two three', 'one two three'],
  ],
  [
    'of which a part was read: no clone, no text',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/large`)
      const reader = response.body!.getReader()
      await reader.read()
      reader.releaseLock()
      const failed = [
        await errorOf(async () => response.clone()),
        await errorOf(() => response.text()),
      ]
      await response.body!.cancel()
      return [...failed, response.bodyUsed]
    },
    ['TypeError', 'TypeError', true],
  ],
  [
    'that is locked cannot be cancelled, and can by its reader',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/early`)
      const reader = response.body!.getReader()
      return [
        await errorOf(() => response.body!.cancel()),
        await reader.cancel(),
        await reader.read(),
      ]
    },
    ['TypeError', undefined, { done: true, value: undefined }],
  ],
  [
    'through a transform',
    async (fetch, origin) => {
      const { body } = await fetch(`${origin}/pieces`)
      let text = ''
      for await (const part of body!.pipeThrough(new TextDecoderStream() as never)) text += part
      return text
    },
    'one two three',
  ],
  [
    'a clone that is cancelled, and the other read',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const copy = response.clone()
      void copy.body!.cancel() // settles when both are
      return response.text()
    },
    'hello',
  ],
])

/** A server that answers a head and the beginning of a body, and what it sees of the end. */
async function openEnded() {
  const server = createServer((_, response) => void response.write('first'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    closed: once(server, 'request').then(([, response]) => once(response, 'close')),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

table('an abort', [
  [
    'before: nothing is sent',
    async (fetch, origin) => {
      const { url, close } = await openEnded()
      close() // to connect would be another error
      return [
        await errorOf(() => fetch(url, { signal: AbortSignal.abort(why) })),
        (await fetch(`${origin}/text`)).status,
      ]
    },
    [why, 200],
  ],
  [
    'after the head: the connection is closed, and the body fails when it is asked for',
    async (fetch) => {
      const { url, closed, close } = await openEnded()
      const controller = new AbortController()
      const response = await fetch(url, { signal: controller.signal })
      controller.abort()
      await closed
      close()
      return [await errorOf(() => response.text()), response.status]
    },
    ['AbortError', 200],
  ],
  [
    'without a reason, while a stream is read',
    async (fetch, origin) => {
      const controller = new AbortController()
      const { body } = await fetch(`${origin}/early`, { signal: controller.signal })
      const reader = body!.getReader()
      await reader.read()
      controller.abort()
      const error = await reader.read().catch((reason: unknown) => reason)
      const { name, code } = error as DOMException
      return [name, code, error instanceof DOMException]
    },
    ['AbortError', 20, true],
  ],
  [
    'while a redirect is followed',
    async (fetch, origin) => {
      const controller = new AbortController()
      const to = encodeURIComponent(`${origin}/never`)
      const failed = errorOf(() =>
        fetch(`${origin}/redirect/302?to=${to}`, { signal: controller.signal }),
      )
      await new Promise((resolve) => setTimeout(resolve, 10))
      controller.abort(why)
      return failed
    },
    why,
  ],
  [
    'of a body that was read to its end: nothing',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/text`, { signal: controller.signal })
      const reader = response.body!.getReader()
      let step = await reader.read()
      while (!step.done) step = await reader.read()
      controller.abort(why)
      return (await reader.read()).done
    },
    true,
  ],
])

table('headers', [
  [
    'in latin1, both ways',
    async (fetch, origin) => {
      const { headers } = await echo(fetch(`${origin}/echo`, { headers: { 'x-a': 'é' } }))
      return [headers['x-a'], (await fetch(`${origin}/latin1`)).headers.get('x-latin')]
    },
    ['é', 'é'],
  ],
  [
    'beyond latin1, with line ends or NUL, or with a name that is none: refused',
    (fetch, origin) =>
      Promise.all(
        [
          ['a', '€'],
          ['a', 'b\r\nc: d'],
          ['a', '\0'],
          ['a b', 'c'],
          ['', 'c'],
        ].map((pair) =>
          errorOf(() => fetch(`${origin}/echo`, { headers: [pair as [string, string]] })),
        ),
      ),
    Array(5).fill('TypeError'),
  ],
  [
    'blanks around a value are no part of it',
    async (fetch, origin) =>
      (await echo(fetch(`${origin}/echo`, { headers: { 'x-a': ' \t1\t ' } }))).headers['x-a'],
    '1',
  ],
  [
    'given as Headers stay as they are',
    async (fetch, origin) => {
      const headers = new Headers({ 'x-a': '1' })
      await (await fetch(`${origin}/echo`, { method: 'POST', body: 'x', headers })).text()
      return [...headers]
    },
    [['x-a', '1']],
  ],
])

table('a Response made by the runtime', [
  [
    'of error and redirect: the platform’s own, untouched by ours',
    async (fetch, origin) => {
      const ours = await fetch(`${origin}/text`)
      const maker = ours.constructor as typeof Response
      await ours.text()
      return [
        maker.error().type,
        maker.redirect('http://a.test/', 302).status,
        maker.json({}, { status: 201 }).ok,
      ]
    },
    ['error', 302, true],
  ],
])
