import assert from 'node:assert/strict'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { BodyOptions, FilesInit } from '../../src/content/body-options.ts'
import {
  discardContent,
  isReplayable,
  lengthOf,
  readContent,
  throwIfConsumed,
} from '../../src/content/content.ts'
import { encodeBody } from '../../src/content/encode-body.ts'
import { LocalProtocolError } from '../../src/errors.ts'
import type { Body } from '../../src/models/request.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const GIVEN = 'multipart/form-data; boundary=BB'
const request = { method: 'PUT', url: 'http://h/' }

function encode(options: BodyOptions, contentType: string | null = GIVEN) {
  const encoded = encodeBody(options, contentType)
  assert.ok(encoded)
  return encoded
}

async function sent(options: BodyOptions): Promise<string> {
  const { content } = encode(options)
  const contentLength = lengthOf(content)
  const bytes = await readContent(content)
  if (contentLength !== null) assert.equal(bytes.length, contentLength)
  return Buffer.from(bytes).toString()
}

/**
 * Returns the text of a form. The lines of a part are its headers, an empty line, and its content.
 */
function form(...parts: string[][]): string {
  return `${parts.map((lines) => `--BB\r\n${lines.join('\r\n')}\r\n`).join('')}--BB--\r\n`
}

function part(disposition: string, type: string | null, content: string): string[] {
  const lines = [`Content-Disposition: form-data; ${disposition}`]
  if (type !== null) lines.push(`Content-Type: ${type}`)
  return [...lines, '', content]
}

function fileNamed(t: TestContext, name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function iteratorOf(body: Body): AsyncIterator<Uint8Array | string> {
  return (body as AsyncIterable<Uint8Array | string>)[Symbol.asyncIterator]()
}

async function chunksOf(body: Body): Promise<string[]> {
  const chunks: string[] = []
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) {
    chunks.push(Buffer.from(chunk as Uint8Array).toString())
  }
  return chunks
}

const octets = 'application/octet-stream'

describe('A6 a file as a part', () => {
  async function* generated() {
    yield 'by '
    yield Buffer.from('parts')
  }
  const png = (name: string, type = '') => new File(['hi'], name, { type })
  const files: [name: string, file: () => unknown, string[]][] = [
    ['bytes', () => Buffer.from('hi'), part('name="f"; filename="upload"', octets, 'hi')],
    ['a string', () => 'hé', part('name="f"; filename="upload"', octets, 'hé')],
    ['an ArrayBuffer', () => new ArrayBuffer(1), part('name="f"; filename="upload"', octets, '\0')],
    ['a Blob', () => new Blob(['hi']), part('name="f"; filename="upload"', octets, 'hi')],
    [
      'a Blob with a type',
      () => new Blob(['hi'], { type: 'text/x' }),
      part('name="f"; filename="upload"', 'text/x', 'hi'),
    ],
    ['a File', () => png('a.png'), part('name="f"; filename="a.png"', 'image/png', 'hi')],
    [
      'a File with a type',
      () => png('a.png', 'text/x'),
      part('name="f"; filename="a.png"', 'text/x', 'hi'),
    ],
    ['a File without a name', () => png(''), part('name="f"; filename="upload"', octets, 'hi')],
    ['a generator', generated, part('name="f"; filename="upload"', octets, 'by parts')],
    ['a Readable', () => Readable.from(['hi']), part('name="f"; filename="upload"', octets, 'hi')],
    [
      'a ReadableStream',
      () => new Blob(['hi']).stream(),
      part('name="f"; filename="upload"', octets, 'hi'),
    ],
    [
      'a stream with a path',
      () => Object.assign(Readable.from(['hi']), { path: '/a/b.html' }),
      part('name="f"; filename="b.html"', 'text/html', 'hi'),
    ],
    [
      'a stream with a path of bytes',
      () => Object.assign(Readable.from(['hi']), { path: Buffer.from('/a/é.txt') }),
      part('name="f"; filename="é.txt"', 'text/plain', 'hi'),
    ],
    [
      'a stream with another path',
      () => Object.assign(Readable.from(['hi']), { path: 7 }),
      part('name="f"; filename="upload"', octets, 'hi'),
    ],
    ['a tuple', () => ['a.txt', 'hi'], part('name="f"; filename="a.txt"', 'text/plain', 'hi')],
    [
      'a tuple with a type',
      () => ['a.txt', 'hi', 'text/x'],
      part('name="f"; filename="a.txt"', 'text/x', 'hi'),
    ],
    [
      'a tuple with an undefined type',
      () => ['a.txt', 'hi', undefined],
      part('name="f"; filename="a.txt"', 'text/plain', 'hi'),
    ],
    [
      'a tuple with an empty type',
      () => ['a.txt', 'hi', ''],
      part('name="f"; filename="a.txt"', 'text/plain', 'hi'),
    ],
    [
      'a tuple with the type null',
      () => ['a.txt', png('b'), null],
      part('name="f"; filename="a.txt"', null, 'hi'),
    ],
    [
      'a tuple with a directory in its name',
      () => ['a/b.txt', 'hi'],
      part('name="f"; filename="a/b.txt"', 'text/plain', 'hi'),
    ],
    [
      'a tuple with an unknown file name extension',
      () => ['a.zzzz', 'hi'],
      part('name="f"; filename="a.zzzz"', octets, 'hi'),
    ],
    ['a tuple with an empty name', () => ['', 'hi'], part('name="f"; filename=""', octets, 'hi')],
    ['no name', () => [null, 'hi'], part('name="f"', null, 'hi')],
    [
      'no name, with a type',
      () => [null, 'hi', 'application/json'],
      part('name="f"', 'application/json', 'hi'),
    ],
    [
      'no name, with a Blob with a type',
      () => [null, new Blob(['hi'], { type: 'text/x' })],
      part('name="f"', 'text/x', 'hi'),
    ],
    [
      'a tuple with a File, whose type is used, but not its name',
      () => ['a.txt', png('b.png', 'text/x')],
      part('name="f"; filename="a.txt"', 'text/x', 'hi'),
    ],
    [
      'a tuple with an array of chunks',
      () => ['a.txt', ['h', Buffer.from('i')]],
      part('name="f"; filename="a.txt"', 'text/plain', 'hi'),
    ],
  ]
  for (const [name, file, expected] of files) {
    test(name, async () => {
      assert.equal(await sent({ files: { f: file() } as FilesInit }), form(expected))
    })
  }

  test('a file stream', async (t) => {
    const path = fileNamed(t, 'a"b.txt', 'content')
    const { content } = encode({ files: { f: createReadStream(path) } })
    const contentLength = lengthOf(content)
    const text = form(part('name="f"; filename="a%22b.txt"', 'text/plain', 'content'))
    assert.equal(contentLength, text.length)
    assert.equal(String(await readContent(content)), text)
  })
})

describe('A6 a form', () => {
  const a = part('name="a"', null, '1')
  const b = part('name="b"', null, '')
  const f = part('name="f"; filename="x.txt"', 'text/plain', 'hi')
  const g = part('name="f"; filename="upload"', octets, 'two')
  const forms: [name: string, options: BodyOptions, text: string][] = [
    ['only files', { files: { f: ['x.txt', 'hi'] } }, form(f)],
    [
      'fields come first',
      { files: { f: ['x.txt', 'hi'] }, data: { a: 1, b: null, c: undefined } },
      form(a, b, f),
    ],
    [
      'fields as pairs',
      { files: { f: ['x.txt', 'hi'] }, data: [['a', ['1', 1]] as const, ['b', '']] },
      form(a, a, b, f),
    ],
    [
      'fields as URLSearchParams',
      { files: { f: ['x.txt', 'hi'] }, data: new URLSearchParams('a=1&b=') },
      form(a, b, f),
    ],
    ['files as pairs', { files: [['f', ['x.txt', 'hi']] as const, ['f', 'two']] }, form(f, g)],
    ['files as a Map', { files: new Map([['f', Buffer.from('two')]]) }, form(g)],
    ['several files', { files: { f: [['x.txt', 'hi'], Buffer.from('two')] } }, form(f, g)],
    ['several files without names', { files: { f: [Buffer.from('two'), 'two'] } }, form(g, g)],
    ['files that are null or undefined', { files: { e: null, f: 'two', g: undefined } }, form(g)],
  ]
  for (const [name, options, text] of forms) {
    test(name, async () => assert.equal(await sent(options), text))
  }

  test('FormData', async () => {
    const data = new FormData()
    data.append('a', '1')
    data.append('f', new File(['hi'], 'x.txt'))
    data.append('a', '1')
    assert.equal(await sent({ data }), form(a, f, a))
    assert.equal(await sent({ data, files: { f: 'two' } }), form(a, f, a, g))
    assert.equal(await sent({ data: new FormData() }), form())
    const { content, contentType } = encode({ data }, null)
    const contentLength = lengthOf(content)
    assert.match(contentType ?? '', /^multipart\/form-data; boundary=[0-9a-f]{32}$/)
    assert.equal((await readContent(content)).length, contentLength)
  })

  test('a form of the form-data package is not accepted as FormData', () => {
    const data = { [Symbol.toStringTag]: 'FormData', pipe() {}, on() {} }
    assert.throws(() => encode({ data: data as never }), /data must be an object or pairs/)
  })

  test('another implementation can parse it', async () => {
    const files: FilesInit = [
      ['one', ['ä".txt', 'text\r\n--not the boundary']],
      ['two', new Blob([Buffer.from([0, 255, 13, 10])], { type: 'image/png' })],
      ['three', Readable.from(['a', 'b'])],
    ]
    const { content, contentType } = encode({ data: { fiéld: 'välue\n' }, files }, null)
    const body = await readContent(content)
    const response = new Response(body as never, { headers: { 'content-type': contentType ?? '' } })
    const read = await response.formData()
    assert.equal(read.get('fiéld'), 'välue\n')
    const file = (name: string) => read.get(name) as File
    const [one, two, three] = [file('one'), file('two'), file('three')] as const
    assert.equal(one.type, 'text/plain')
    assert.equal(await one.text(), 'text\r\n--not the boundary')
    assert.deepEqual(Buffer.from(await two.arrayBuffer()), Buffer.from([0, 255, 13, 10]))
    assert.equal(two.type, 'image/png')
    assert.equal(await three.text(), 'ab')
  })
})

describe('19, A6 nothing can be injected', () => {
  const names: [name: string, escaped: string][] = [
    ['plain', 'plain'],
    ['é 日本 €', 'é 日本 €'],
    ['a"; filename="evil', 'a%22; filename=%22evil'],
    ['a\r\nX-Evil: 1\r\n\r\nbody', 'a%0D%0AX-Evil: 1%0D%0A%0D%0Abody'],
    ['a\rb\nc', 'a%0Db%0Ac'],
    ['evil.php\0.png', 'evil.php%00.png'],
    ['a\\', 'a\\\\'],
    ['100%22', '100%22'],
    ['\ud800', '\ufffd'],
    ['__proto__', '__proto__'],
  ]
  for (const [name, escaped] of names) {
    test(JSON.stringify(name), async () => {
      assert.equal(
        await sent({ data: [[name, 'v']], files: [[name, [name, 'f', 'text/x']]] }),
        form(
          part(`name="${escaped}"`, null, 'v'),
          part(`name="${escaped}"; filename="${escaped}"`, 'text/x', 'f'),
        ),
      )
    })
  }

  for (const type of ['a\r\nX-Evil: 1', 'a\nb', 'a\rb', 'a\0b', 'text/\u0100', 'a\x7fb']) {
    test(`the content type ${JSON.stringify(type)} is refused`, () => {
      const stream = new PassThrough()
      assert.throws(() => encode({ files: { f: ['a', stream, type] } }), LocalProtocolError)
      const blob = { [Symbol.toStringTag]: 'Blob', size: 1, type, stream() {} }
      assert.throws(() => encode({ files: { f: blob as never } }), LocalProtocolError)
    })
  }

  test('22 a polluted prototype adds nothing', async () => {
    const polluted = {
      a: 'x',
      filename: 'evil',
      contentType: 'evil/x',
      path: '/evil',
      name: 'evil',
      type: 'evil/x',
      files: { evil: 'x' },
      data: { evil: 'x' },
      content: 'evil',
      json: 1,
      txt: 'evil/x',
      '2': 'evil/x',
    }
    const files = { f: new PassThrough().end('hi'), g: ['x.txt', 'hi'] } as FilesInit
    const { content } = withPollutedPrototype(polluted, () => encode({ files }))
    assert.equal(
      String(await readContent(content)),
      form(
        part('name="f"; filename="upload"', octets, 'hi'),
        part('name="g"; filename="x.txt"', 'text/plain', 'hi'),
      ),
    )
  })
})

describe('invalid files', () => {
  const wrong: [files: unknown, message: RegExp][] = [
    ['text', /files must be an object or pairs, not string; .*content/],
    [Buffer.from('secret'), /files must be .* not Uint8Array; .*content/],
    [7, /files must be .* not number/],
    [['a', 'b'], /files must contain \[name, value\] pairs/],
    [[['a']], /files must contain \[name, value\] pairs/],
    [[[1, 'x']], /files must contain \[name, value\] pairs/],
    [{ f: 7 }, /files\.f must be a string, bytes.* not number/],
    [{ f: {} }, /files\.f must be .* not Object/],
    [{ f: [] }, /files\.f must be .* not an array of length 0/],
    [{ f: ['name'] }, /files\.f must be .* not an array of length 1/],
    [{ f: [null] }, /files\.f must be .* not an array of length 1/],
    [{ f: ['name', 'x', 'text/x', {}] }, /files\.f must be .* not an array of length 4/],
    [{ f: [['name']] }, /files\.f must be .* not an array of length 1/],
    [{ f: [7, 'x'] }, /files\.f must be .* not number/],
    [[['f', [[undefined, 'x']]]], /files\.f: the file name must be a string or null, not undef/],
    [{ f: ['name', 7] }, /files\.f must be .* not number/],
    [{ f: ['name', null] }, /files\.f must be .* not null/],
    [{ f: ['name', 'x', 7] }, /files\.f: the content type must be .* not number/],
  ]
  for (const [files, message] of wrong) {
    test(String(message), () => {
      assert.throws(
        () => encode({ files: files as FilesInit }),
        (error) => {
          assert.ok(error instanceof TypeError, String(error))
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  }
})

describe('20, A6 the boundary', () => {
  const files = { f: 'x' }

  test('is 128 random bits for each form', () => {
    const types = new Set<string | null>()
    for (let i = 0; i < 50; i++) types.add(encode({ files }, null).contentType)
    assert.equal(types.size, 50)
    for (const type of types) assert.match(type ?? '', /; boundary=[0-9a-f]{32}$/)
  })

  test('does not come from Math.random', (t) => {
    t.mock.method(Math, 'random', () => assert.fail('Math.random was called'))
    encode({ files }, null)
  })

  const given: [contentType: string, boundary: string][] = [
    ['multipart/form-data; boundary=+++', '+++'],
    ['multipart/form-data; boundary=+++; charset=utf-8', '+++'],
    ['multipart/form-data; charset=utf-8; boundary="+++"', '+++'],
    ['multipart/form-data; charset=utf-8; boundary="a b"; x=y', 'a b'],
    ['multipart/form-data;BOUNDARY=x', 'x'],
    ['multipart/form-data ; ; boundary=x', 'x'],
    ['multipart/form-data; x="; boundary=evil"; boundary=x', 'x'],
    ['multipart/form-data; x="\\"; boundary=evil"; boundary=x', 'x'],
    ['multipart/form-data; boundary="\\x"', 'x'],
    ["multipart/form-data; boundary=09azAZ'()+_,-./:=?", "09azAZ'()+_,-./:=?"],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
    ['multipart/mixed; boundary=x', 'x'],
    ['application/x-mine; boundary=x', 'x'],
  ]
  for (const [type, boundary] of given) {
    test(`of ${type} is ${boundary}`, async () => {
      const { content, contentType } = encode({ files }, type)
      assert.equal(contentType, null)
      const text = String(await readContent(content))
      assert.ok(text.startsWith(`--${boundary}\r\n`))
      assert.ok(text.endsWith(`\r\n--${boundary}--\r\n`))
    })
  }

  for (const type of ['multipart/form-data', 'Multipart/Form-Data; charset=utf-8']) {
    test(`is added to ${type}`, () => {
      const { contentType } = encode({ files }, type)
      assert.ok(contentType?.startsWith(`${type}; boundary=`), String(contentType))
    })
  }

  const invalid = ['', 'é', 'a@b', `"${'x'.repeat(71)}"`, '"a "', '"a\tb"', '"a\\"b"']
  for (const boundary of invalid) {
    test(`${boundary} is refused`, () => {
      assert.throws(
        () => encode({ files }, `multipart/form-data; boundary=${boundary}`),
        LocalProtocolError,
      )
    })
  }

  for (const type of ['', 'application/json', 'text/plain; x=boundary', 'x; y="boundary=a"']) {
    test(`is missing in ${type || 'an empty type'}, which is not multipart: refused`, () => {
      assert.throws(() => encode({ files }, type), TypeError)
    })
  }
})

describe('lengths', () => {
  const cases: [name: string, files: () => FilesInit, known: boolean][] = [
    ['strings and bytes', () => ({ a: 'é', b: Buffer.alloc(70_000) }), true],
    ['a Blob', () => ({ a: new Blob(['x']) }), true],
    ['a generator', () => ({ a: (function* () {})() }), false],
    ['a stream among strings', () => ({ a: 'x', b: new PassThrough().end(), c: 'y' }), false],
  ]
  for (const [name, files, known] of cases) {
    test(`${name}: ${known ? 'known' : 'unknown'}`, async () => {
      const { content } = encode({ data: { é: 'ü' }, files: files() })
      const contentLength = lengthOf(content)
      assert.equal(contentLength !== null, known)
      const { length } = await readContent(content)
      if (known) assert.equal(contentLength, length)
    })
  }
})

describe('chunks', () => {
  test('a small form in memory is encoded to bytes', () => {
    const { content } = encode({ data: { a: '1' }, files: { f: 'x' } })
    assert.ok(content instanceof Uint8Array)
  })

  test('small pieces are joined, large ones are not copied', async () => {
    const large = Buffer.alloc(100_000)
    const small = Array.from({ length: 300 }, (_, i) => ['f', `${i}`.repeat(50)] as const)
    const { content } = encode({ files: [...small, ['l', large], ...small] })
    const sizes: number[] = []
    let hasLarge = false
    for await (const chunk of content as AsyncIterable<Uint8Array>) {
      sizes.push(chunk.length)
      hasLarge ||= chunk === large
    }
    assert.ok(hasLarge)
    assert.ok(sizes.length <= 7, `${sizes.length} chunks`)
    assert.deepEqual(
      sizes.filter((size) => size > 65_536),
      [large.length],
    )
  })

  test('the chunks of streams are not changed', async () => {
    const { content } = encode({ files: { a: 'x', f: Readable.from(['1', '2']), z: 'y' } })
    const chunks = await chunksOf(content)
    assert.deepEqual(chunks.slice(1, 3), ['1', '2'])
    assert.equal(chunks.length, 4)
  })

  test('21 parts are encoded in linear time', () => {
    assertLinear(
      (size) => Array.from({ length: size / 50 }, (_, i) => ['name', `${i}`] as const),
      (files) => encode({ data: files, files }),
    )
  })

  test('21 hostile names and types take linear time', () => {
    for (const unit of ['"', '\r\n', '.', 'é']) {
      assertLinear(
        (size) => unit.repeat(size),
        (name) => encode({ files: [[name, [name, 'x']]] }),
      )
    }
    for (const unit of [';', '; ', ' ', '"\\', ';a="', '"']) {
      assertLinear(
        (size) => `multipart/form-data; ${unit.repeat(size)}`,
        (type) => encode({ files: { f: 'x' } }, type),
      )
    }
  })

  test('21 10,000 parts are read in linear time', async () => {
    const files = Array.from({ length: 10_000 }, (_, i) => ['f', new Blob([`${i}`])] as const)
    const { content } = encode({ files })
    const contentLength = lengthOf(content)
    assert.equal((await readContent(content)).length, contentLength)
  })
})

describe('14 back-pressure', () => {
  const CHUNK = Buffer.alloc(65_536, 'x')
  const CHUNKS = 1024 // 64 MiB

  test('a generator is never ahead of the reader', async () => {
    let yielded = 0
    function* generate() {
      for (; yielded < CHUNKS; ) {
        yielded++
        yield CHUNK
      }
    }
    const { content } = encode({ files: { before: 'x', f: generate(), after: 'y' } })
    let read = 0
    for await (const chunk of content as AsyncIterable<Uint8Array>) {
      if (chunk === CHUNK) read++
      assert.equal(yielded, read)
    }
    assert.equal(read, CHUNKS)
  })

  test('a Readable is ahead only by its own buffer', async () => {
    let pushed = 0
    const stream = new Readable({
      highWaterMark: 4 * CHUNK.length,
      read() {
        this.push(pushed++ < CHUNKS ? CHUNK : null)
      },
    })
    const { content } = encode({ files: { f: stream } })
    let read = 0
    for await (const chunk of content as AsyncIterable<Uint8Array>) {
      read += chunk.length
      await new Promise(setImmediate) // a slow reader
      const ahead = Math.min(pushed, CHUNKS) - Math.floor(read / CHUNK.length)
      assert.ok(ahead <= 6, `${ahead} chunks ahead`)
    }
    assert.equal(pushed, CHUNKS + 1)
  })

  test('a file is read only after the files before it', async (t) => {
    const path = fileNamed(t, 'f', 'content')
    let reads = 0
    const second = new Readable({
      read() {
        reads++
        this.push(null)
      },
    })
    const { content } = encode({ files: { a: createReadStream(path), b: second } })
    const iterator = iteratorOf(content)
    await iterator.next()
    await iterator.next()
    assert.equal(reads, 0)
    await iterator.return?.()
  })
})

describe('sending a form again', () => {
  test('is possible if all parts can be sent again', async () => {
    const { content } = encode({
      data: { a: '1' },
      files: { f: new Blob(['hi']), g: ['n', ['x']] },
    })
    assert.equal(isReplayable(content), true)
    const first = await readContent(content)
    throwIfConsumed(content, request)
    assert.deepEqual(await readContent(content), first)
  })

  test('is refused for a form with a stream, before anything is sent', async () => {
    const { content } = encode({ files: { a: 'x', f: Readable.from(['hi']) } })
    assert.equal(isReplayable(content), false)
    throwIfConsumed(content, request)
    await readContent(content)
    assert.throws(() => throwIfConsumed(content, request), { name: 'StreamConsumed', request })
    assert.throws(() => iteratorOf(content), { name: 'StreamConsumed' })
  })

  test('is refused after the form was abandoned at its first part', async () => {
    const { content } = encode({ files: { a: Readable.from(['1', '2']), b: Readable.from(['x']) } })
    const iterator = iteratorOf(content)
    await iterator.next()
    await iterator.return?.()
    assert.throws(() => throwIfConsumed(content, request), { name: 'StreamConsumed' })
  })
})

describe('an abandoned form closes its files', () => {
  function threeFiles(t: TestContext) {
    const path = fileNamed(t, 'f', 'x'.repeat(200_000))
    const files = [path, path, path].map((each) => createReadStream(each))
    const { content } = encode({ files: files.map((file) => ['f', file] as const) })
    const closed = Promise.all(
      files.map((file) => new Promise<void>((resolve) => file.once('close', () => resolve()))),
    )
    return { files, content, closed }
  }

  test('when it is discarded', async (t) => {
    const { content, closed } = threeFiles(t)
    discardContent(content)
    await closed
  })

  test('before the first chunk', async (t) => {
    const { content, closed } = threeFiles(t)
    await iteratorOf(content).return?.()
    await closed
  })

  test('in the middle of the first file', async (t) => {
    const { content, closed } = threeFiles(t)
    const iterator = iteratorOf(content)
    await iterator.next()
    await iterator.next()
    await iterator.return?.()
    await closed
    assert.equal((await iterator.next()).done, true)
  })

  test('while a chunk is awaited', async (t) => {
    const stuck = new PassThrough()
    const later = createReadStream(fileNamed(t, 'f', 'x'))
    const { content } = encode({ files: { a: stuck, b: later } })
    const iterator = iteratorOf(content)
    await iterator.next()
    const pending = iterator.next()
    await iterator.return?.()
    assert.equal(stuck.destroyed, true)
    assert.equal(later.destroyed, true)
    await assert.rejects(pending, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('when one of them fails', async (t) => {
    const later = createReadStream(fileNamed(t, 'f', 'x'))
    const { content } = encode({ files: { a: createReadStream('/nowhere/at/all'), b: later } })
    await assert.rejects(readContent(content), { code: 'ENOENT' })
    assert.equal(later.destroyed, true)
  })

  test('when the same stream was given twice', async () => {
    const stream = Readable.from(['x'])
    const { content } = encode({ files: { a: stream, b: stream } })
    await assert.rejects(readContent(content), { name: 'StreamConsumed' })
  })

  test('when a generator in it abandons the form while it runs', async () => {
    let closed = false
    let iterator: AsyncIterator<unknown> | null = null
    function* generate() {
      try {
        void iterator?.return?.()
        yield 'x'
      } finally {
        closed = true
      }
    }
    // It follows an empty generator, so that it starts in the middle of a call of `next`.
    const { content } = encode({ files: { a: (function* () {})(), f: generate() } })
    iterator = iteratorOf(content)
    await iterator.next()
    await iterator.next()
    await iterator.next()
    assert.equal(closed, true)
  })
})
