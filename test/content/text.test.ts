import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { iterLines, iterText } from '../../src/content/text.ts'
import { charsetOf, decodeText } from '../../src/models/charset.ts'
import { assertLinear } from '../support/growth.ts'

async function* pieces<Piece>(all: Iterable<Piece>): AsyncGenerator<Piece, void, undefined> {
  yield* all
}

async function all<Piece>(source: AsyncIterable<Piece>): Promise<Piece[]> {
  const found: Piece[] = []
  for await (const piece of source) found.push(piece)
  return found
}

/** Yields all ways to split it in two, in two with an empty piece between them, and in elements. */
function* cuts<Whole extends string | Uint8Array>(whole: Whole): Generator<Whole[]> {
  const cut = (start: number, end: number) => whole.slice(start, end) as Whole
  for (let i = 0; i <= whole.length; i++) {
    yield [cut(0, i), cut(i, whole.length)]
    yield [cut(0, i), cut(0, 0), cut(i, whole.length)]
  }
  yield Array.from({ length: whole.length }, (_, i) => cut(i, i + 1))
}

describe('iterLines', () => {
  const cases: [text: string, lines: string[]][] = [
    ['', []],
    ['a', ['a']],
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a\rb\r', ['a', 'b']],
    ['\n', ['']],
    ['\r', ['']],
    ['\r\n', ['']],
    ['\n\r', ['', '']],
    ['a\n\nb', ['a', '', 'b']],
    ['a\r\rb', ['a', '', 'b']],
    ['a\r\n\r\nb\n\r\nc\r\r\nd\n\n', ['a', '', 'b', '', 'c', '', 'd', '']],
    ['a\r\n\nb', ['a', '', 'b']],
    ['a\vb\fc\x1cd\x85e\u2028f\u2029g\0h', ['a\vb\fc\x1cd\x85e\u2028f\u2029g\0h']],
    [' a \n\tb', [' a ', '\tb']],
    ['\u{1f600}\n\u{1f600}', ['\u{1f600}', '\u{1f600}']],
  ]
  for (const [text, lines] of cases) {
    test(`${JSON.stringify(text)}, split in all ways`, async () => {
      assert.deepEqual(await all(iterLines(pieces([text]))), lines)
      for (const cut of cuts(text)) {
        assert.deepEqual(await all(iterLines(pieces(cut))), lines, JSON.stringify(cut))
      }
    })
  }

  test('a line is returned as soon as its end is received, also if that is a CR', async () => {
    const steps: string[] = []
    async function* source() {
      for (const piece of ['a\r', '\nb\n', 'c\r', 'd', '\r']) {
        steps.push(JSON.stringify(piece))
        yield piece
      }
    }
    for await (const line of iterLines(source())) steps.push(line)
    const expected = ['"a\\r"', 'a', '"\\nb\\n"', 'b', '"c\\r"', 'c', '"d"', '"\\r"', 'd']
    assert.deepEqual(steps, expected)
  })

  test('27 a line that is truncated by an error is not returned', async () => {
    const failure = new Error('truncated')
    async function* source() {
      yield 'a\nb'
      throw failure
    }
    const lines: string[] = []
    await assert.rejects(async () => {
      for await (const line of iterLines(source())) lines.push(line)
    }, failure)
    assert.deepEqual(lines, ['a'])
  })

  test('21 a line of 10 MB in pieces of 100 bytes', async () => {
    const piece = '0123456789'.repeat(10)
    const lines = await all(iterLines(pieces(Array(100_000).fill(piece))))
    assert.equal(lines.length, 1)
    assert.ok(lines[0] === piece.repeat(100_000))
  })

  test('21 pieces of one character', async () => {
    const lines = await all(iterLines(pieces('ab\n'.repeat(10_000) + 'x'.repeat(100_000))))
    assert.equal(lines.length, 10_001)
    assert.equal(lines.at(-1)?.length, 100_000)
  })

  test('21 100,000 lines in one piece', async () => {
    const lines = await all(iterLines(pieces(['a\n'.repeat(100_000)])))
    assert.equal(lines.length, 100_000)
    assert.ok(lines.every((line) => line === 'a'))
  })

  test('closes its source when it is abandoned', async () => {
    let closed = false
    async function* source() {
      try {
        yield 'a\nb\n'
      } finally {
        closed = true
      }
    }
    for await (const _ of iterLines(source())) break
    assert.ok(closed)
  })
})

describe('iterText', () => {
  const cases: [type: string | null, bytes: string, text: string][] = [
    [null, '', ''],
    [null, 'plain', 'plain'],
    [null, 'a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z', 'aé€\u{1f600}z'],
    ['text/plain', '\xc3\xa9', 'é'],
    ['text/plain; charset=UTF-8', '\xc3\xa9', 'é'],
    ['text/plain; charset=unknown', '\xc3\xa9', 'é'],
    ['text/plain; charset="iso-8859-1"', '\xc3\xa9', 'Ã©'],
    ['text/plain; charset=windows-1252', '\x80', '€'],
    ['text/plain; charset=shift_jis', '\x93\xfa\x96\x7b', '日本'],
    ['text/plain; charset=gb18030', '\xc8\xd5\x81\x30\x84\x36', '日¥'],
    ['text/plain; charset=utf-16le', 'a\0=\xd8\0\xde', 'a\u{1f600}'],
    ['text/plain; charset=utf-16be', '\0a\xd8=\xde\0', 'a\u{1f600}'],
    [null, '\xef\xbb\xbfa', 'a'],
    [null, '\xef\xbb\xbf', ''],
    [null, '\xef\xbb\xbf\xef\xbb\xbfa', '\ufeffa'],
    [null, 'a\xef\xbb\xbf', 'a\ufeff'],
    ['text/plain; charset=utf-16le', '\xff\xfea\0', 'a'],
    ['text/plain; charset=utf-16le', 'a\0b', 'a\ufffd'],
    ['text/plain; charset=utf-16', '\xfe\xff\0a\0\xe9', 'aé'],
    ['text/plain; charset=utf-16', '\xff\xfea\0\xe9\0', 'aé'],
    ['text/plain; charset=utf-16', 'a\0', 'a'],
    ['text/plain; charset=utf-8', '\xfe\xff\0a', 'a'],
    ['text/plain; charset=utf-16be', '\xff\xfea\0', 'a'],
    ['text/plain; charset=utf-16be', '\xef\xbb\xbf\xc3\xa9', 'é'],
    ['text/plain; charset=latin1', '\xef\xbb\xbf\xc3\xa9', 'é'],
    ['text/plain; charset=latin1', '\xff\xfea\0\xff\xfe', 'a\ufeff'],
    [null, '\xfe\xff', ''],
    [null, '\xff\xfe', ''],
    [null, '\xff\xfea', '\ufffd'],
    ['text/plain; charset=latin1', '\xef', 'ï'],
    ['text/plain; charset=latin1', '\xef\xbb', 'ï»'],
    ['text/plain; charset=latin1', '\xef\xbba', 'ï»a'],
    ['text/plain; charset=latin1', '\xfe', 'þ'],
    ['text/plain; charset=latin1', '\xffa', 'ÿa'],
    ['text/plain; charset=utf-16le', '\xff', '\ufffd'],
    [null, '\xef', '\ufffd'],
    [null, '\xef\xbba', '\ufffda'],
    [null, '\xff\xc0\x80', '\ufffd\ufffd\ufffd'],
    [null, 'a\xe2\x82', 'a\ufffd'],
    [null, '\xf0\x9f\x98', '\ufffd'],
    [null, '\xed\xa0\x80', '\ufffd\ufffd\ufffd'],
  ]
  for (const [type, latin1, text] of cases) {
    const bytes = Buffer.from(latin1, 'latin1')
    test(`61 ${type}: ${JSON.stringify(latin1)}, split in all ways`, async () => {
      for (const cut of [[bytes], ...cuts(bytes)]) {
        const found = await all(iterText(pieces(cut), charsetOf(type)))
        assert.equal(found.join(''), text)
        assert.ok(!found.includes(''))
        assert.equal(decodeText(bytes, charsetOf(type)), text)
      }
    })
  }

  test('two calls do not affect each other', async () => {
    const [first, second] = [Buffer.from([0xc3]), Buffer.from([0xa9])] as const
    const one = iterText(pieces([first, second]), 'utf-8')
    const other = iterText(pieces([first, second]), 'utf-8')
    assert.equal((await one.next()).value, 'é')
    assert.equal((await other.next()).value, 'é')
    assert.equal(new TextDecoder().decode(second), '\ufffd')
  })

  test('rethrows an error of the source after the text before it', async () => {
    const failure = new Error('truncated')
    async function* source() {
      yield Buffer.from('a\xc3', 'latin1')
      throw failure
    }
    const texts = iterText(source(), 'utf-8')
    assert.equal((await texts.next()).value, 'a')
    await assert.rejects(texts.next(), failure)
  })
})

// WHATWG would not accept the blanks, the single quotes and `latin-1`; HTTPX accepts them.
describe('61 the charset of a Content-Type', () => {
  const cases: readonly [type: string | null, charset: string][] = [
    [null, 'utf-8'],
    ['', 'utf-8'],
    ['text/html', 'utf-8'],
    ['text/html;charset=gb18030', 'gb18030'],
    ['text/html; Charset="Big5"', 'big5'],
    ['text/html ;\tcharset = euc-kr ; x=y', 'euc-kr'],
    ['text/html; charset= "euc-kr"', 'euc-kr'],
    ['text/html; charset=" euc-kr "', 'euc-kr'],
    ["text/html; charset='euc-kr'", 'euc-kr'],
    ["text/html; charset = ' euc-kr'", 'euc-kr'],
    ['text/html; charset=latin-1', 'windows-1252'],
    ['text/html; charset=latin_1', 'windows-1252'],
    ['text/html; charset=utf_8', 'utf-8'],
    ['text/html; charset=euc-kr, text/html; charset=euc-kr', 'euc-kr'],
    ['text/html; charset=euc-kr; charset=big5', 'euc-kr'],
    ['text/html; charset=; charset=big5', 'big5'],
    ['text/html; charset="" ; charset=big5', 'big5'],
    ['text/html; charset=klingon; charset=big5', 'utf-8'],
    // In a quoted string, it is not a parameter.
    ['text/html; title="; charset=big5"', 'utf-8'],
    ['text/html; title="; charset=big5"; charset=euc-kr', 'euc-kr'],
    ['text/html; title="\\"; charset=big5"; charset=euc-kr', 'euc-kr'],
    ['text/html; title="; charset=big5', 'utf-8'],
    ['text/html; title="; charset=big5\\', 'utf-8'],
    ['multipart/mixed; boundary="a; charset=utf-16"', 'utf-8'],
    ['text/html; xcharset=big5', 'utf-8'],
    ["text/html; charset*=utf-8''big5", 'utf-8'],
    ['text/html charset=big5', 'utf-8'],
  ]
  for (const [type, charset] of cases) {
    test(`${type}: ${charset}`, () => assert.equal(charsetOf(type), charset))
  }

  const hostile: Record<string, string> = {
    blanks: '; ',
    semicolons: ';',
    'blanks after the equals sign': ' ',
    quotes: '"',
    'escaped quotes': '\\"',
    parameters: ';charset=',
  }
  for (const [name, unit] of Object.entries(hostile)) {
    test(`21 linear: ${name}`, () => {
      const make = (size: number) => `;x="${unit.repeat(size / unit.length)}\\`
      assertLinear(make, charsetOf)
      const unquoted = (size: number) => `;charset=${unit.repeat(size / unit.length)};`
      assertLinear(unquoted, charsetOf)
    })
  }
})
