// What every environment must be able to do. This file is compiled and copied into each project, so
// it imports Hawser by its name, and uses only the globals that its environment has. It does not use
// timers, because they may be faked.
import { Client, ConnectError, MockDispatcher, ReadTimeout, TotalTimeout } from 'hawser'
import { createFetch, fetch } from 'hawser/fetch'
import type { Echo } from './server.ts'

type Check = (url: string) => Promise<void>

const MULTIPART = /^multipart\/form-data; boundary=/
/** The part of a file. Bun adds a charset to its type. */
const FILE = /filename="name.txt"\r\nContent-Type: text\/plain(;charset=utf-8)?\r\n\r\ncontent\r\n/

const checks: Record<string, Check> = {
  'GET with JSON': withClient(async (client, url) => {
    const response = await client.get(`${url}/json`)
    equal(response.json<{ hello: string }>().hello, 'world')
    equal(response.headers.get('content-type'), 'application/json')
  }),

  'GET of a URL object': withClient(async (client, url) => {
    equal((await client.get(new URL('/json', url))).status, 200)
  }),

  'POST of a string': withClient(async (client, url) => {
    const { body } = await echo(client, url, { content: 'text' })
    equal(body, 'text')
  }),

  'POST of JSON': withClient(async (client, url) => {
    const { type, body } = await echo(client, url, { json: { a: [1] } })
    equal(`${type} ${body}`, 'application/json {"a":[1]}')
  }),

  'POST of a form': withClient(async (client, url) => {
    const { type, body } = await echo(client, url, { data: { a: 'b c' } })
    equal(`${type} ${body}`, 'application/x-www-form-urlencoded a=b+c')
  }),

  'POST of URLSearchParams': withClient(async (client, url) => {
    const { body } = await echo(client, url, { data: new URLSearchParams({ a: 'b c' }) })
    equal(body, 'a=b+c')
  }),

  'POST of a Uint8Array': withClient(async (client, url) => {
    const { body } = await echo(client, url, { content: new Uint8Array([97, 98]) })
    equal(body, 'ab')
  }),

  'POST of an ArrayBuffer': withClient(async (client, url) => {
    const { body } = await echo(client, url, { content: new Uint8Array([97, 98]).buffer })
    equal(body, 'ab')
  }),

  'POST of a generator': withClient(async (client, url) => {
    async function* chunks() {
      yield 'a'
      yield new Uint8Array([98])
    }
    const { body } = await echo(client, url, { content: chunks() })
    equal(body, 'ab')
  }),

  'POST of FormData': withClient(async (client, url) => {
    const form = new FormData()
    form.append('field', 'text')
    form.append('file', new File(['content'], 'name.txt', { type: 'text/plain' }))
    const { type, body } = await echo(client, url, { data: form })
    matches(type, MULTIPART)
    matches(body, /name="field"\r\n\r\ntext\r\n/)
    matches(body, FILE)
  }),

  'upload of a File': withClient(async (client, url) => {
    const file = new File(['content'], 'name.txt', { type: 'text/plain' })
    const { body } = await echo(client, url, { files: { file } })
    matches(body, FILE)
  }),

  'upload of bytes with a file name': withClient(async (client, url) => {
    const { body } = await echo(client, url, { files: { file: ['a.png', new Uint8Array([98])] } })
    matches(body, /filename="a.png"\r\nContent-Type: image\/png\r\n\r\nb\r\n/)
  }),

  'gzip response': withClient(async (client, url) => {
    equal((await client.get(`${url}/gzip`)).text(), 'compressed text')
  }),

  'streamed response': withClient(async (client, url) => {
    const response = await client.stream('GET', `${url}/gzip`)
    const reader = response.bodyStream().getReader()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      text += Buffer.from(value).toString()
    }
    equal(text, 'compressed text')
  }),

  Blob: withClient(async (client, url) => {
    const blob = (await client.get(`${url}/gzip`)).blob()
    equal(blob instanceof Blob, true)
    equal(blob.size, 15)
  }),

  'Set-Cookie': withClient(async (client, url) => {
    await client.get(`${url}/set-cookie`)
    equal(client.cookies.get('name'), 'value')
    equal((await client.get(`${url}/cookie`)).text(), 'name=value')
  }),

  abort: withClient(async (client, url) => {
    const controller = new AbortController()
    const { signal } = controller
    const pending = client.get(`${url}/silent`, { signal }).catch((error: unknown) => error)
    await client.get(`${url}/json`) // the other request is on its way
    controller.abort()
    equal(await pending, signal.reason)
  }),

  'abort of a streamed response': withClient(async (client, url) => {
    const controller = new AbortController()
    const { signal } = controller
    const response = await client.stream('GET', `${url}/stream`, { signal })
    controller.abort()
    equal(await failure(response.read()), signal.reason)
  }),

  'read timeout': withClient(async (client, url) => {
    const error = await failure(client.get(`${url}/silent`, { timeout: { read: 100 } }))
    equal(error instanceof ReadTimeout, true)
  }),

  'total timeout': withClient(async (client, url) => {
    const error = await failure(client.get(`${url}/stream`, { timeout: { total: 200 } }))
    equal(error instanceof TotalTimeout, true)
  }),

  'refused connection': withClient(async (client) => {
    const error = await failure(client.get('http://127.0.0.1:1/'))
    equal(error instanceof ConnectError, true)
    matches((error as Error).message, /ECONNREFUSED/)
  }),

  MockDispatcher: async () => {
    const dispatcher = new MockDispatcher(({ content }) => ({ content: content ?? '' }))
    const client = new Client({ dispatcher })
    const response = await client.post('http://mock.test/', { content: new Uint8Array([97]) })
    equal(response.text(), 'a')
    await client.close()
  },

  'fetch of JSON': async (url) => {
    const response = await fetch(`${url}/json`)
    equal(response.headers.get('content-type'), 'application/json')
    equal(((await response.json()) as { hello: string }).hello, 'world')
  },

  'fetch of a URL object': async (url) => {
    equal((await fetch(new URL('/json', url))).ok, true)
  },

  'fetch with URLSearchParams': async (url) => {
    const body = new URLSearchParams({ a: 'b' })
    const { type } = await echoed(fetch(`${url}/echo`, { method: 'POST', body }))
    equal(type, 'application/x-www-form-urlencoded;charset=UTF-8')
  },

  'fetch with a Uint8Array': async (url) => {
    const body = new Uint8Array([97])
    equal((await echoed(fetch(`${url}/echo`, { method: 'POST', body }))).body, 'a')
  },

  'fetch with FormData': async (url) => {
    const body = new FormData()
    body.append('file', new File(['content'], 'name.txt', { type: 'text/plain' }))
    const sent = await echoed(fetch(`${url}/echo`, { method: 'POST', body }))
    matches(sent.type, MULTIPART)
    matches(sent.body, /\r\n\r\ncontent\r\n/)
  },

  'fetch with a Request': async (url) => {
    if (typeof Request === 'undefined') return
    const request = new Request(`${url}/echo`, { method: 'POST', body: 'text' })
    equal((await echoed(fetch(request))).body, 'text')
  },

  'reading a response of fetch': async (url) => {
    const response = await fetch(`${url}/gzip`)
    equal(await response.clone().text(), 'compressed text')
    equal((await response.clone().arrayBuffer()).byteLength, 15)
    const { done } = await response.body!.getReader().read()
    equal(done, false)
    equal((await (await fetch(`${url}/gzip`)).blob()).size, 15)
    if (typeof Response !== 'undefined') equal(response instanceof Response, true)
  },

  'fetch with a signal': async (url) => {
    const controller = new AbortController()
    const { signal } = controller
    const pending = fetch(`${url}/silent`, { signal }).catch((error: unknown) => error)
    await fetch(`${url}/json`)
    controller.abort()
    equal(await pending, signal.reason)
  },

  'timeout of fetch': async (url) => {
    const own = createFetch({ timeout: { read: 100 } })
    const error = (await failure(own(`${url}/silent`))) as Error
    equal(error instanceof TypeError && error.cause instanceof ReadTimeout, true)
    await own.close()
  },

  'call into a fetch app': async () => {
    if (typeof Response === 'undefined') return
    const client = new Client({
      app: async (request: Request) => new Response(`${request.method} ${await request.text()}`),
    })
    equal((await client.post('http://app.test/', { content: 'text' })).text(), 'POST text')
    await client.close()
  },

  'call into a listener': async () => {
    const client = new Client({
      app: (request: unknown, response: { end(text: string): void }) => {
        response.end((request as { url: string }).url)
      },
    })
    equal((await client.get('http://app.test/path')).text(), '/path')
    await client.close()
  },
}

/** Runs all checks against the server, and returns what failed. */
export async function failedChecks(url: string): Promise<string[]> {
  const failures: string[] = []
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(url)
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  return failures
}

function withClient(check: (client: Client, url: string) => Promise<void>): Check {
  return async (url) => {
    const client = new Client()
    try {
      await check(client, url)
    } finally {
      await client.close()
    }
  }
}

type Content = NonNullable<Parameters<Client['post']>[1]>

async function echo(client: Client, url: string, content: Content): Promise<Echo> {
  return (await client.post(`${url}/echo`, content)).json<Echo>()
}

async function echoed(response: Promise<Response>): Promise<Echo> {
  return (await (await response).json()) as Echo
}

/** Returns the reason of the rejection. */
async function failure(pending: Promise<unknown>): Promise<unknown> {
  return pending.then(
    () => {
      throw new Error('no error')
    },
    (error: unknown) => error,
  )
}

function equal(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`)
}

function matches(actual: string | null, pattern: RegExp): void {
  if (actual === null || !pattern.test(actual)) throw new Error(`${actual} instead of ${pattern}`)
}
