// Values of another realm, as test runners with a realm for each file create them, and of other
// implementations of web classes.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, describe, test } from 'node:test'
import { fileURLToPath, URL as NodeUrl } from 'node:url'
import { runInNewContext } from 'node:vm'
import { fetch } from '../../src/fetch/index.ts'
import type { ContentInit, FormInit } from '../../src/index.ts'
import { Client, HTTPProxy, MockDispatcher, Request } from '../../src/index.ts'
import type { Echo } from '../embedded/server.ts'

const server = fork(fileURLToPath(new URL('../embedded/server.js', import.meta.url)))
const [url] = (await once(server, 'message')) as [string]
const client = new Client()
after(async () => {
  server.disconnect()
  await client.close()
})

const make = <Value>(source: string): Value => runInNewContext(source) as Value

/** A `URL` of another implementation. */
class OtherUrl {
  readonly #url: URL
  constructor(text: string) {
    this.#url = new NodeUrl(text)
    for (const name of ['href', 'protocol', 'host', 'hostname', 'port'] as const) {
      Object.defineProperty(this, name, { get: () => this.#url[name] })
    }
    for (const name of ['username', 'password', 'pathname', 'search', 'hash', 'origin'] as const) {
      Object.defineProperty(this, name, { get: () => this.#url[name] })
    }
  }
  toString(): string {
    return this.#url.href
  }
  get [Symbol.toStringTag](): string {
    return 'URL'
  }
}

const otherUrl = (text: string) => new OtherUrl(text) as unknown as URL

/** `URLSearchParams` of another implementation. */
class OtherParams {
  *[Symbol.iterator](): Iterator<[string, string]> {
    yield ['a', 'b c']
  }
  toString(): string {
    return 'a=b+c'
  }
  get [Symbol.toStringTag](): string {
    return 'URLSearchParams'
  }
}

/** The `File` of happy-dom, which has no `Symbol.toStringTag`. */
const happyDom = {
  File: class File {
    readonly size = 7
    readonly type = ''
    readonly name = 'name.txt'
    stream(): unknown {
      return new Blob(['content']).stream()
    }
  },
  FormData: class FormData {
    *entries(): Iterator<[string, unknown]> {
      yield ['field', 'text']
      yield ['file', new happyDom.File()]
    }
    [Symbol.iterator](): Iterator<[string, unknown]> {
      return this.entries()
    }
  },
}

/** The `File` of jsdom, which has no `stream()`, and of older versions, which need a FileReader. */
class OldFile {
  readonly size = 7
  readonly type = ''
  readonly name = 'name.txt'
  readonly fails: boolean
  constructor(fails = false) {
    this.fails = fails
  }
  slice(): void {}
  get [Symbol.toStringTag](): string {
    return 'File'
  }
}

class NewerFile extends OldFile {
  arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(bufferOf('content'))
  }
}

class FileReader {
  result: ArrayBuffer | null = null
  error: Error | null = null
  onload = () => {}
  onerror = () => {}
  readAsArrayBuffer({ fails }: OldFile): void {
    this.result = bufferOf('content')
    this.error = fails ? new Error('the file is gone') : null
    setImmediate(() => (fails ? this.onerror() : this.onload()))
  }
}

function bufferOf(text: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(text)).buffer
}

/** What multipart/form-data contains for the file. */
const FILE = /filename="name.txt"\r\nContent-Type: text\/plain\r\n\r\ncontent\r\n/

async function upload(file: object): Promise<Echo> {
  const response = await client.post(`${url}/echo`, { files: { file: file as Blob } })
  return response.json<Echo>()
}

async function sent(options: { content: ContentInit } | { data: FormInit }): Promise<Echo> {
  return (await client.post(`${url}/echo`, options)).json<Echo>()
}

describe('75 content of another realm', () => {
  const contents = {
    'a Uint8Array': 'new Uint8Array([97, 98])',
    'an ArrayBuffer': 'new Uint8Array([97, 98]).buffer',
    'a DataView': 'new DataView(new Uint8Array([97, 98]).buffer)',
    'an array of bytes': '[new Uint8Array([97]), new Uint8Array([98])]',
    'a generator of bytes': '(function* () { yield new Uint8Array([97, 98]) })()',
    'an async generator': '(async function* () { yield new Uint8Array([97, 98]) })()',
  }
  for (const [name, source] of Object.entries(contents)) {
    test(name, async () => {
      assert.equal((await sent({ content: make<ContentInit>(source) })).body, 'ab')
    })
  }

  test('bytes have a Content-Length', async () => {
    const content = make<Uint8Array>('new Uint8Array(100_000)') // too large to follow the head
    assert.equal((await sent({ content })).length, '100000')
  })

  test('bytes as a part of a form', async () => {
    const file = ['a.txt', make<Uint8Array>('new Uint8Array([97])')] as const
    const { body } = (await client.post(`${url}/echo`, { files: { file } })).json<Echo>()
    assert.match(body, /\r\n\r\na\r\n/)
  })

  test('is an error with its own message, if its source throws', async () => {
    const content = make<ContentInit>('(function* () { yield "a"; throw new Error("broken") })()')
    await assert.rejects(client.post(`${url}/echo`, { content }), {
      message: /^Could not read the request body: broken \(/,
    })
  })

  test('of fetch', async () => {
    const body = make<Uint8Array<ArrayBuffer>>('new Uint8Array([97])')
    const response = await fetch(`${url}/echo`, { method: 'POST', body })
    assert.equal(((await response.json()) as Echo).body, 'a')
  })

  test('for and from a mock', async () => {
    const dispatcher = new MockDispatcher(({ content }) => {
      assert.equal(Buffer.from(content).toString(), 'ab')
      return { content: make<Uint8Array>('new Uint8Array([99])') }
    })
    const mocked = new Client({ dispatcher })
    for (const name of ['a Uint8Array', 'an array of bytes'] as const) {
      const content = make<ContentInit>(contents[name])
      const response = await mocked.post('http://mock.test/', { content })
      assert.equal(response.headers.get('content-length'), '1')
      assert.equal(response.text(), 'c')
    }
    await mocked.close()
  })
})

describe('75 classes of other implementations', () => {
  test('URLSearchParams as a form', async () => {
    const data = new OtherParams() as unknown as URLSearchParams
    assert.equal((await sent({ data })).body, 'a=b+c')
    const form = await fetch(`${url}/echo`, { method: 'POST', body: data })
    const { type, body } = (await form.json()) as Echo
    assert.equal(`${type} ${body}`, 'application/x-www-form-urlencoded;charset=UTF-8 a=b+c')
    await assert.rejects(
      sent({ content: data as unknown as ContentInit }),
      /use data to send a form/,
    )
  })

  test('File and FormData without Symbol.toStringTag', async () => {
    assert.match((await upload(new happyDom.File())).body, FILE)
    const data = new happyDom.FormData() as unknown as FormData
    assert.match((await sent({ data })).body, FILE)
    const response = await fetch(`${url}/echo`, { method: 'POST', body: data })
    const { type, body } = (await response.json()) as Echo
    assert.match(`${type}`, /^multipart/)
    assert.match(body, FILE)
  })

  test('File without stream()', async (t) => {
    assert.match((await upload(new NewerFile())).body, FILE)
    await assert.rejects(upload(new OldFile()), TypeError)
    t.after(() => Reflect.deleteProperty(globalThis, 'FileReader'))
    Object.assign(globalThis, { FileReader })
    assert.match((await upload(new OldFile())).body, FILE)
    await assert.rejects(upload(new OldFile(true)), /the file is gone/)
  })

  test('URL as the target of a request', async () => {
    assert.equal((await client.get(otherUrl(`${url}/json`))).status, 200)
    assert.equal((await client.send(new Request('GET', otherUrl(`${url}/json`)))).status, 200)
    assert.equal((await fetch(otherUrl(`${url}/json`))).status, 200)
  })

  test('URL as a proxy, and as a path', async () => {
    const proxy = otherUrl('http://127.0.0.1:1')
    assert.equal(HTTPProxy.from(proxy).url, 'http://127.0.0.1:1')
    assert.equal(new HTTPProxy(proxy).url, 'http://127.0.0.1:1')
    for (const proxies of [proxy, { all: proxy }]) await new Client({ proxies }).close()
    const verify = otherUrl('file:///no/such/bundle.pem')
    assert.throws(() => new Client({ verify }), /bundle\.pem.*ENOENT|ENOENT.*bundle\.pem/s)
  })
})

describe('75 other values of another realm', () => {
  test('the error of a lookup is shown with its message', async () => {
    const failing = new Client({
      lookup: (_host, _options, callback) =>
        callback(make<NodeJS.ErrnoException>('new Error("no such host")'), []),
    })
    await assert.rejects(failing.get('http://h.test/'), {
      message: /^Could not resolve h.test: no/,
    })
    await failing.close()
  })

  test('a promise of onConnect is awaited', async () => {
    const refused = 'Promise.reject(new Error("not this one"))'
    const guarded = new Client({ onConnect: () => make<Promise<void>>(refused) })
    await assert.rejects(guarded.get(url), /not this one/)
    await guarded.close()
  })

  test('certificates as bytes are checked', () => {
    const ca = make<Uint8Array>('new Uint8Array([97])') as Buffer
    assert.throws(() => new Client({ verify: { ca } }), /verify\.ca/)
  })
})
