// response.iterJSON(): NDJSON, JSON Lines and JSON text sequences.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JSONRecordOptions } from '../../src/index.ts'
import { DecodingError, StreamClosed } from '../../src/index.ts'
import { states } from './clients.ts'
import { gather, openStream, readPieces, URL } from './record-streams.ts'

const LINES = 'application/x-ndjson'
const SEQUENCE = 'application/json-seq'

const bodies: [name: string, type: string | null, body: string, values: unknown[]][] = [
  ['a value for each line', LINES, '{"a":1}\n[2]\n"3"\n4\nnull\n', [{ a: 1 }, [2], '3', 4, null]],
  ['any Content-Type', 'text/plain', '1\n2\n', [1, 2]],
  ['no Content-Type', null, '1\n2\n', [1, 2]],
  ['a last line without a line end', LINES, '1\n2', [1, 2]],
  ['CR LF, blanks and empty lines', LINES, '\r\n 1 \r\n\n\t\r\n{"a": 2}\r\n', [1, { a: 2 }]],
  ['a byte order mark', LINES, '\ufeff"\ufeff"\n', ['\ufeff']],
  ['a separator in a string', LINES, '"a\\nb"\n"\u2028"\n', ['a\nb', '\u2028']],
  ['characters of several bytes', LINES, '"é€😀"\n', ['é€😀']],
  ['nothing', LINES, '', []],
  ['a JSON text sequence', SEQUENCE, '\x1e{"a":1}\n\x1e[2]\n\x1e3\n', [{ a: 1 }, [2], 3]],
  ['a type with the suffix +json-seq', 'application/geo+json-seq', '\x1e[\n1]\n', [[1]]],
  [
    'line feeds in a record',
    SEQUENCE,
    '\x1e{\n"a":\n["\\"{",\n{}]\n}\n\x1e1\n',
    [{ a: ['"{', {}] }, 1],
  ],
  ['separators in succession', SEQUENCE, '\x1e\x1e\x1e1\n\x1e \n\x1e', [1]],
  ['objects without a line feed', SEQUENCE, '\x1e{}\x1e[]\x1e"s"\x1e1 ', [{}, [], 's', 1]],
]

describe('A6 iterJSON() parses one record after another', () => {
  for (const [name, type, body, expected] of bodies) {
    test(name, async (t) => {
      const whole = await readPieces(t, type, [body], (response) => response.iterJSON())
      assert.deepEqual(whole, { items: expected, error: null })
    })

    test(`${name}, byte by byte`, async (t) => {
      const bytes = [...Buffer.from(body)].map((byte) => Uint8Array.of(byte))
      const read = await readPieces(t, type, bytes, (response) => response.iterJSON())
      assert.deepEqual(read, { items: expected, error: null })
    })
  }

  test('as UTF-8, or in the charset of the response', async (t) => {
    for (const [charset, bytes] of [
      ['latin1', Buffer.from('"é"\n1', 'latin1')],
      ['latin1', Buffer.from('"é"\n1')],
      ['utf-16le', Buffer.from('"é"\n1', 'utf16le')],
    ] as const) {
      const type = `${LINES}; charset=${charset}`
      const { items } = await readPieces(t, type, [bytes], (response) => response.iterJSON())
      assert.deepEqual(items, ['é', 1])
    }
  })

  test('from a body that was read before', async (t) => {
    const { response, socket } = await openStream(t, LINES)
    socket.receive('1\n2\n')
    socket.receiveEnd()
    await response.read()
    assert.deepEqual((await gather(response.iterJSON())).items, [1, 2])
    assert.deepEqual((await gather(response.iterJSON())).items, [1, 2])
  })
})

describe('A6 a record is delivered before another byte arrives', () => {
  for (const [type, start] of [
    [LINES, ''],
    [SEQUENCE, '\x1e'],
  ] as const) {
    test(type, async (t) => {
      const { response, socket } = await openStream(t, type)
      const records = response.iterJSON()
      for (const value of [{ a: '\n[{"' }, [1], 2]) {
        const next = records.next()
        socket.receive(`${start}${JSON.stringify(value, null, type === SEQUENCE ? 2 : 0)}\n`)
        assert.deepEqual(await next, { done: false, value })
      }
    })
  }
})

describe('a record that is not JSON is a DecodingError with its index', () => {
  const cases: [name: string, type: string, body: string, values: unknown[]][] = [
    ['a line', LINES, '1\n\n{"a":\n3\n', [1]],
    ['the last line', LINES, '{}\n{"a"', [{}]],
    ['a record of a sequence', SEQUENCE, '\x1e1\n\x1e{"a":\n\x1e3\n', [1]],
    ['a number that is cut off', SEQUENCE, '\x1e{}\n\x1e12\x1e3\n', [{}]],
    ['the last number, if it is cut off', SEQUENCE, '\x1e{}\n\x1e12', [{}]],
  ]
  for (const [name, type, body, values] of cases) {
    test(name, async (t) => {
      const { response, socket, client } = await openStream(t, type)
      socket.receive(body)
      socket.receiveEnd()
      const { items, error } = await gather(response.iterJSON())
      assert.deepEqual(items, values)
      assert.ok(error instanceof DecodingError)
      assert.equal(error.message, `The record at index 1 is not JSON (GET ${URL})`)
      assert.ok(error.cause instanceof SyntaxError)
      assert.equal(error.request, response.request)
      assert.equal(states(client), '0 active, 0 idle')
    })
  }
})

describe('37 a record that is longer than maxRecordSize is a DecodingError with its index', () => {
  const tooLong = (index: number, max: number) =>
    `The record at index ${index} has more than ${max} bytes (maxRecordSize) (GET ${URL})`

  for (const [type, start] of [
    [LINES, ''],
    [SEQUENCE, '\x1e'],
  ] as const) {
    test(`${type}, before its end arrives`, async (t) => {
      const { response, socket, client } = await openStream(t, type)
      const reading = gather(response.iterJSON({ maxRecordSize: 5 }))
      socket.receive(`${start}"123"\n${start}"1234`)
      socket.receive('5')
      const { items, error } = await reading
      assert.deepEqual(items, ['123'])
      assert.ok(error instanceof DecodingError)
      assert.equal(error.message, tooLong(1, 5))
      assert.equal(states(client), '0 active, 0 idle')
    })
  }

  test('the limit counts bytes', async (t) => {
    const read = (options: JSONRecordOptions) =>
      readPieces(t, LINES, ['"éé"\n'], (response) => response.iterJSON(options))
    assert.deepEqual((await read({ maxRecordSize: 6 })).items, ['éé'])
    assert.equal((await read({ maxRecordSize: 5 })).error?.message, tooLong(0, 5))
  })

  test('the default is 1 MiB; null is no limit', async (t) => {
    const mebibyte = 'x'.repeat((1 << 20) - 2)
    const read = (text: string, options?: JSONRecordOptions) =>
      readPieces(t, LINES, [`"${text}"\n`], (response) => response.iterJSON(options))
    assert.deepEqual((await read(mebibyte)).items, [mebibyte])
    assert.equal((await read(`${mebibyte}x`)).error?.message, tooLong(0, 1 << 20))
    assert.deepEqual((await read(`${mebibyte}x`, { maxRecordSize: null })).items, [`${mebibyte}x`])
  })

  test('an invalid limit or option is a TypeError', async (t) => {
    const { response } = await openStream(t, LINES)
    assert.throws(() => response.iterJSON({ maxRecordSize: 1.5 }), {
      name: 'TypeError',
      message: 'maxRecordSize must be null or an integer >= 1, not 1.5',
    })
    assert.throws(() => response.iterJSON({ max: 1 } as never), {
      message: 'iterJSON.max is not an option; the options are maxRecordSize, schema',
    })
  })
})

test('leaving the loop early closes the response', async (t) => {
  const { response, socket, client } = await openStream(t, LINES)
  socket.receive('1\n2\n')
  for await (const value of response.iterJSON()) {
    assert.equal(value, 1)
    break
  }
  assert.equal(states(client), '0 active, 0 idle')
  await assert.rejects(response.iterBytes().next(), StreamClosed)
})
