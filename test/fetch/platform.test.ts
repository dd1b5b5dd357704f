// Edge cases of the Web Platform Tests that are relevant on a server. Like fetch.test.ts, they run
// with the fetch of Node and with Hawser's.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Case } from './table.ts'
import { errorOf, table } from './table.ts'

const reason = { reason: true }
const half = { method: 'POST', duplex: 'half' } as const

const echo = async (response: Promise<Response>) =>
  (await (await response).json()) as {
    method: string
    headers: Record<string, string>
    body: string
  }

table('calls', [
  [
    'without arguments or with an invalid URL reject, and do not throw',
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
    (url): Case => [`with ${url}`, (fetch) => errorOf(() => fetch(url)), 'TypeError'],
  ),
  [
    'with an object whose toString returns a URL',
    async (fetch, origin) =>
      (await fetch({ toString: () => `${origin}/text` } as unknown as string)).text(),
    'hello',
  ],
])

table('a Request', [
  [
    'and its clone are both sent with the body',
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
    'can be sent with another signal, or without a signal',
    async (fetch, origin) => {
      const request = () => new Request(`${origin}/text`, { signal: AbortSignal.abort(reason) })
      return [
        (await fetch(request(), { signal: null })).status,
        (await fetch(request(), { signal: new AbortController().signal })).status,
        await errorOf(() => fetch(request(), {})),
      ]
    },
    [200, 200, reason],
  ],
])

table('bodies', [
  [
    'null and undefined mean no body',
    async (fetch, origin) => {
      const send = async (body: unknown) => {
        const init = { method: 'POST', body } as RequestInit
        return (await echo(fetch(`${origin}/echo`, init))).headers['content-length']
      }
      return [await send(null), await send(undefined)]
    },
    ['0', '0'],
  ],
  [
    'an empty body of each kind',
    async (fetch, origin) => {
      const kinds = ['', new Uint8Array(), new ArrayBuffer(0), new Blob([]), new URLSearchParams()]
      const lengths = kinds.map(async (body) => {
        const echoed = await echo(fetch(`${origin}/echo`, { method: 'POST', body }))
        return `${echoed.headers['content-length']}${echoed.body}`
      })
      return Promise.all(lengths)
    },
    Array(5).fill('0'),
  ],
  [
    'a Blob, parameters and a form are sent again after 307',
    async (fetch, origin) => {
      const form = new FormData()
      form.append('a', '1')
      const kinds = [new Blob(['blob']), new URLSearchParams({ b: '2' }), form]
      const bodies = kinds.map(async (body) => {
        const init = { method: 'POST', body }
        const echoed = await echo(fetch(`${origin}/redirect/307`, init))
        return echoed.body.replaceAll(/--[\w-]+/g, '--').replaceAll(/\s+/g, ' ')
      })
      return Promise.all(bodies)
    },
    ['blob', 'b=2', '-- Content-Disposition: form-data; name="a" 1 -- '],
  ],
  [
    'a stream that fails',
    async (fetch, origin) => {
      const body = new ReadableStream({
        pull: (controller) => controller.error(new Error('failed')),
      })
      return errorOf(() => fetch(`${origin}/echo`, { ...half, body }))
    },
    'TypeError',
  ],
  [
    'a wrong Content-Length is refused',
    (fetch, origin) =>
      errorOf(() =>
        fetch(`${origin}/echo`, { method: 'POST', body: 'x', headers: { 'content-length': '2' } }),
      ),
    'TypeError',
  ],
])

table('redirects', [
  [
    '20 are followed, one more is not',
    async (fetch, origin) => [
      (await fetch(`${origin}/loop/-20`)).status,
      await errorOf(() => fetch(`${origin}/loop/-21`)),
    ],
    [200, 'TypeError'],
  ],
  [
    'several: url and body are those of the last response',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/loop/-3`)
      const { redirected, url } = response
      return [redirected, url.replace(origin, ''), await response.text()]
    },
    [true, '/loop/0', 'done'],
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
    'to another origin and back: dropped credentials stay dropped',
    async (fetch, origin) => {
      const other = origin.replace('127.0.0.1', 'localhost')
      const back = `${other}/redirect/302?to=${encodeURIComponent(`${origin}/echo`)}`
      const url = `${origin}/redirect/302?to=${encodeURIComponent(back)}`
      return (await echo(fetch(url, { headers: { authorization: 'secret' } }))).headers
        .authorization
    },
    undefined,
  ],
])

table('a body', [
  [
    'of a 204 response is empty for text, and invalid for json',
    async (fetch, origin) => [
      await (await fetch(`${origin}/status/204`)).text(),
      await errorOf(async () => (await fetch(`${origin}/status/204`)).json()),
      (await (await fetch(`${origin}/status/204`)).blob()).size,
    ],
    ['', 'SyntaxError', 0],
  ],
  [
    'that is empty yields no chunk',
    async (fetch, origin) => {
      const { body } = await fetch(`${origin}/text?body=`)
      return body?.getReader().read()
    },
    { done: true, value: undefined },
  ],
  [
    'can be split into two branches with tee()',
    async (fetch, origin) => {
      const [a, b] = (await fetch(`${origin}/pieces`)).body!.tee()
      return Promise.all([new Response(a).text(), new Response(b).text()])
    },
    ['one two three', 'one two three'],
  ],
  [
    'that was read in part cannot be cloned or read as text',
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
    'that is locked can be cancelled only by its reader',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/unfinished`)
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
    'can be piped through a transform',
    async (fetch, origin) => {
      const { body } = await fetch(`${origin}/pieces`)
      let text = ''
      for await (const part of body!.pipeThrough(new TextDecoderStream() as never)) text += part
      return text
    },
    'one two three',
  ],
  [
    'can be read after its clone was cancelled',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const copy = response.clone()
      void copy.body!.cancel() // resolves when both branches are cancelled
      return response.text()
    },
    'hello',
  ],
])

/**
 * Starts a server that never ends its response. `closed` resolves when the connection is closed.
 */
async function startUnfinishedResponse() {
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
    'before the call: nothing is sent',
    async (fetch, origin) => {
      const { url, close } = await startUnfinishedResponse()
      close() // an attempt to connect would give another error
      return [
        await errorOf(() => fetch(url, { signal: AbortSignal.abort(reason) })),
        (await fetch(`${origin}/text`)).status,
      ]
    },
    [reason, 200],
  ],
  [
    'after the head: the connection is closed, and reading the body fails',
    async (fetch) => {
      const { url, closed, close } = await startUnfinishedResponse()
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
      const { body } = await fetch(`${origin}/unfinished`, { signal: controller.signal })
      const reader = body!.getReader()
      await reader.read()
      controller.abort()
      const error = await reader.read().catch((thrown: unknown) => thrown)
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
      controller.abort(reason)
      return failed
    },
    reason,
  ],
  [
    'after the body was read: no effect',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/text`, { signal: controller.signal })
      const reader = response.body!.getReader()
      let step = await reader.read()
      while (!step.done) step = await reader.read()
      controller.abort(reason)
      return (await reader.read()).done
    },
    true,
  ],
])

table('headers', [
  [
    'in latin1, in request and response',
    async (fetch, origin) => {
      const { headers } = await echo(fetch(`${origin}/echo`, { headers: { 'x-a': 'é' } }))
      return [headers['x-a'], (await fetch(`${origin}/latin1`)).headers.get('x-latin')]
    },
    ['é', 'é'],
  ],
  [
    'with characters beyond latin1, line ends or NUL, or with an invalid name, are refused',
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
    'blanks around a value are removed',
    async (fetch, origin) =>
      (await echo(fetch(`${origin}/echo`, { headers: { 'x-a': ' \t1\t ' } }))).headers['x-a'],
    '1',
  ],
  [
    'given as Headers are not changed',
    async (fetch, origin) => {
      const headers = new Headers({ 'x-a': '1' })
      await (await fetch(`${origin}/echo`, { method: 'POST', body: 'x', headers })).text()
      return [...headers]
    },
    [['x-a', '1']],
  ],
])

table('the constructor of a response', [
  [
    'has the static methods of the runtime',
    async (fetch, origin) => {
      const response = await fetch(`${origin}/text`)
      const ResponseType = response.constructor as typeof Response
      await response.text()
      return [
        ResponseType.error().type,
        ResponseType.redirect('http://a.test/', 302).status,
        ResponseType.json({}, { status: 201 }).ok,
      ]
    },
    ['error', 302, true],
  ],
])
