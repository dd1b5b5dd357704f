import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { acceptEncoding, decoderFor } from '../../src/content/decoding/decoder.ts'
import { DecodingError } from '../../src/errors.ts'
import { assertLinear } from '../support/growth.ts'
import {
  encoders,
  flipBits,
  knownDecoder,
  noise,
  outcome,
  Source,
  singleBytes,
  splitAt,
  zstdCompress,
} from './decoding-samples.ts'

const short = Buffer.from('A short text, a short text, and a shorter one.')
const long = Buffer.concat([noise(100_000), Buffer.alloc(400_000, short)])

async function decode(name: string, chunks: readonly Uint8Array[]) {
  return outcome(knownDecoder(name).decode(new Source(chunks)))
}

async function assertDecodes(name: string, chunks: readonly Uint8Array[], expected: Uint8Array) {
  const { bytes, error } = await decode(name, chunks)
  assert.ifError(error)
  assert.ok(bytes.equals(expected), `decoded to ${bytes.length} bytes`)
}

/** Asserts a `DecodingError`, and that the bytes before it are the beginning of `expected`. */
async function assertInvalid(name: string, chunks: readonly Uint8Array[], expected: Uint8Array) {
  const { bytes, error } = await decode(name, chunks)
  assert.ok(error instanceof DecodingError, `${chunks.length} chunks: ${error}`)
  assert.ok(error.cause instanceof Error)
  assert.match(
    error.message,
    new RegExp(`^Could not decode the ${name} content of the response: .`),
  )
  assert.ok(bytes.equals(expected.subarray(0, bytes.length)), 'decoded to other bytes')
}

for (const [title, name, encode] of encoders) {
  describe(title, () => {
    const coded = encode(short)

    test('in one chunk', async () => {
      await assertDecodes(name, [coded], short)
      await assertDecodes(name, [encode(long)], long)
    })

    test('split at every byte', async () => {
      for (let i = 0; i <= coded.length; i++) await assertDecodes(name, splitAt(coded, i), short)
    })

    test('byte by byte', async () => {
      await assertDecodes(name, singleBytes(coded), short)
    })

    test('27 truncated at every byte', async () => {
      for (let i = 1; i < coded.length; i++) {
        await assertInvalid(name, [coded.subarray(0, i)], short)
        await assertInvalid(name, singleBytes(coded.subarray(0, i)), short)
      }
    })

    test('27 the bytes before the end of truncated content are returned before the error', async () => {
      const text = noise(200_000)
      const coded = encode(text)
      const { bytes, error } = await decode(name, [coded.subarray(0, coded.length / 2)])
      assert.ok(error instanceof DecodingError)
      assert.ok(bytes.length >= 65_536, `decoded to ${bytes.length} bytes`)
      assert.ok(bytes.equals(text.subarray(0, bytes.length)))
    })

    test('content without this coding', async () => {
      await assertInvalid(name, [Buffer.from('\xff\xffnot coded\n', 'latin1')], Buffer.alloc(0))
    })

    test('27 empty content stays empty', async () => {
      await assertDecodes(name, [], Buffer.alloc(0))
      await assertDecodes(name, [Buffer.alloc(0), Buffer.alloc(0)], Buffer.alloc(0))
    })

    test('empty chunks between others', async () => {
      const chunks = singleBytes(coded).flatMap((chunk) => [Buffer.alloc(0), chunk])
      await assertDecodes(name, chunks, short)
    })

    test('encoded empty content', async () => {
      await assertDecodes(name, [encode(Buffer.alloc(0))], Buffer.alloc(0))
    })

    test('applied after gzip, split at every byte', async () => {
      const chain = encode(zlib.gzipSync(short))
      for (let i = 0; i <= chain.length; i++) {
        await assertDecodes(`gzip, ${name}`, splitAt(chain, i), short)
      }
      await assertInvalid('gzip', [zlib.gzipSync(encode(short)).subarray(0, -1)], encode(short))
    })

    test('applied five times', async () => {
      const five = encode(encode(encode(encode(encode(long)))))
      await assertDecodes(Array(5).fill(name).join(), [five], long)
    })
  })
}

describe('S16 several members or frames are one content', () => {
  const kinds: [name: string, encode: (bytes: Uint8Array) => Buffer][] = [['gzip', zlib.gzipSync]]
  if (zstdCompress) kinds.push(['zstd', zstdCompress])
  for (const [name, encode] of kinds) {
    const texts = [short, Buffer.alloc(0), Buffer.from('x'), short]
    const members = texts.map((text) => encode(text))
    const ends = members.map((_, i) => Buffer.concat(members.slice(0, i + 1)).length)
    const coded = Buffer.concat(members)
    const expected = Buffer.concat(texts)

    test(`${name}, split at every byte`, async () => {
      for (let i = 0; i <= coded.length; i++) await assertDecodes(name, splitAt(coded, i), expected)
      await assertDecodes(name, singleBytes(coded), expected)
    })

    test(`${name}, truncated at every byte except between them`, async () => {
      for (let i = 1; i < coded.length; i++) {
        if (!ends.includes(i)) await assertInvalid(name, [coded.subarray(0, i)], expected)
      }
    })
  }

  test('zstd, followed by other bytes', { skip: !zstdCompress }, async () => {
    const coded = zstdCompress?.(short) as Buffer
    const junk = Buffer.concat([coded, Buffer.from('<!-- -->')])
    await assertInvalid('zstd', [junk], short)
    await assertInvalid('zstd', splitAt(junk, coded.length), short)
  })

  test('short gzip members, some of which look like two', async () => {
    const member = zlib.gzipSync('abc')
    const misleading = Buffer.concat([
      member.subarray(0, 10),
      Buffer.from([0x1f, 0x8b, 8, 0]), // a name
      member.subarray(10),
    ])
    misleading[3] = 8 // the flag of a name
    const stored = zlib.gzipSync(Buffer.from([0x1f, 0x8b, 8]), { level: 0 })
    const members = [member, misleading, misleading, stored, misleading, stored, member]
    const expected = Buffer.concat(members.map((each) => zlib.gunzipSync(each)))
    const coded = Buffer.concat(members)
    for (let i = 0; i <= coded.length; i++) await assertDecodes('gzip', splitAt(coded, i), expected)
    const times = 500 // more than one slice of 64 KiB
    const many = Buffer.alloc(coded.length * times, coded)
    await assertDecodes(
      'gzip',
      splitAt(many, 70_000),
      Buffer.alloc(expected.length * times, expected),
    )
  })
})

describe('66 bytes after a gzip member that do not begin another one are ignored', () => {
  const member = zlib.gzipSync(short)
  const others: [title: string, excess: Uint8Array][] = [
    ['text', Buffer.from('<!-- -->')],
    ['one byte', Buffer.from('x')],
    ['zeros', Buffer.alloc(600)],
    ['zeros, then a member', Buffer.concat([Buffer.alloc(10), member])],
    ['text, then a member', Buffer.concat([Buffer.from('x'), member])],
    ['another method of compression', Buffer.from([0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 3])],
    ['200 KB', noise(200_000)],
  ]
  for (const [title, excess] of others) {
    test(title, async () => {
      for (const content of [short, long]) {
        const coded = zlib.gzipSync(content)
        for (const members of [[coded], [coded, member], [member, member, coded]]) {
          const expected = Buffer.concat(members.map((each) => zlib.gunzipSync(each)))
          const bytes = Buffer.concat([...members, excess])
          await assertDecodes('gzip', [bytes], expected)
          await assertDecodes('gzip', [...members, excess], expected)
          assert.ok(expected.equals(await knownDecoder('gzip').decodeBytes(bytes)))
        }
      }
      const bytes = Buffer.concat([member, excess])
      for (let i = 0; i <= member.length + 12; i++) {
        await assertDecodes('gzip', splitAt(bytes, i), short)
      }
    })
  }

  test('below another coding', async () => {
    const coded = zlib.brotliCompressSync(Buffer.concat([member, Buffer.from('x')]))
    await assertDecodes('gzip, br', [coded], short)
  })

  test('a member that begins, but is cut short or damaged, is an error', async () => {
    for (const begun of [
      [0x1f],
      [0x1f, 0x8b],
      [0x1f, 0x8b, 8],
      [0x1f, 0x8b, 8, 0xe0, 0, 0, 0, 0, 0, 0, 3, 0],
      [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255],
    ]) {
      const bytes = Buffer.concat([member, Buffer.from(begun)])
      await assertInvalid('gzip', [bytes], short)
      await assertInvalid('gzip', singleBytes(bytes), short)
    }
  })
})

test('27 a gzip member whose checksum or length is wrong', async () => {
  for (const content of [short, long]) {
    for (const [fromEnd, message] of [
      [8, /incorrect data check$/],
      [4, /incorrect length check$/],
    ] as const) {
      const damaged = zlib.gzipSync(content)
      flipBits(damaged, damaged.length - fromEnd, 1)
      for (const chunks of [[damaged], [damaged, zlib.gzipSync(short)]]) {
        const { bytes, error } = await decode('gzip', chunks)
        assert.ok(error instanceof DecodingError)
        assert.match(error.message, message)
        assert.ok(bytes.equals(content))
      }
    }
  }
})

describe('bytes after the end', () => {
  const cases: [name: string, encode: (bytes: Uint8Array) => Buffer, excess: Buffer][] = [
    ['gzip', zlib.gzipSync, Buffer.alloc(1)],
    ['gzip', zlib.gzipSync, Buffer.alloc(600)],
    ['deflate', zlib.deflateSync, short],
    ['deflate', zlib.deflateRawSync, short],
    ['br', zlib.brotliCompressSync, short],
  ]
  for (const [name, encode, excess] of cases) {
    test(`${encode.name}: ${excess.length} bytes are read and ignored`, async () => {
      const coded = Buffer.concat([encode(short), excess])
      await assertDecodes(name, [coded], short)
      await assertDecodes(name, singleBytes(coded), short)
      const failure = new Error('truncated')
      const { bytes, error } = await outcome(
        knownDecoder(name).decode(new Source([coded, excess, excess], failure)),
      )
      assert.ok(bytes.equals(short))
      assert.equal(error, failure)
    })
  }
})

test('the bytes before the error in corrupt gzip content are returned', async () => {
  const coded = zlib.gzipSync(long)
  flipBits(coded, coded.length - 8, 1) // its checksum
  for (const chunks of [[coded], splitAt(coded, 60_000), splitAt(coded, 60_000, 100_000)]) {
    const { bytes, error } = await decode('gzip', chunks)
    assert.ok(error instanceof DecodingError)
    assert.match(error.message, /incorrect data check$/)
    // zlib returns nothing of the output chunk in which it finds the error.
    assert.ok(bytes.length >= long.length - 65_536, `decoded to ${bytes.length} bytes`)
    assert.ok(bytes.equals(long.subarray(0, bytes.length)))
  }
})

test('a gzip header with all optional fields, split at every byte', async () => {
  const plain = zlib.gzipSync(short)
  const header = Buffer.from(plain.subarray(0, 10))
  header[3] = 0b11110 // checksum of the header, extra field, name, comment
  const fields = Buffer.from('\x02\x00xxname\0comment\0##', 'latin1')
  const coded = Buffer.concat([header, fields, plain.subarray(10)])
  for (let i = 0; i <= coded.length; i++) await assertDecodes('gzip', splitAt(coded, i), short)
})

test('36 zstd frames with a window above 8 MB are refused', { skip: !zstdCompress }, async () => {
  const frame = (window: number) =>
    // No content size, no checksum, a window of 2 ** (10 + window / 8), and one raw block of one
    // byte.
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window, 9, 0, 0, 120])
  await assertDecodes('zstd', [frame(13 << 3)], Buffer.from('x'))
  await assertInvalid('zstd', [frame(14 << 3)], Buffer.alloc(0))
})

describe('S16 Content-Encoding', () => {
  test('x-deflate is deflate', () => assertDecodes('X-Deflate', [zlib.deflateSync(short)], short))

  const coded = zlib.brotliCompressSync(zlib.gzipSync(short))
  for (const name of [
    'gzip, br',
    'gzip,br',
    'X-GZIP,Br',
    ' \tGzip\t,\t BR ',
    ',, gzip,, identity, br,,',
    'identity, gzip, identity, identity, identity, identity, br',
  ]) {
    test(JSON.stringify(name), () => assertDecodes(name, [coded], short))
  }

  const none = [null, '', ' ', ',', ', ,', 'identity', 'Identity , identity']
  const unknown = ['compress', 'x', 'gzip, x', 'x, gzip', 'gzip;q=1', 'gz ip', '__proto__', 'x-br']
  const similar = ['constructor', 'gzip\u00a0', '\u00a0gzip', '\u212agzip']
  for (const name of [...none, ...unknown, ...similar]) {
    test(`no decoder for ${JSON.stringify(name)}`, () => {
      assert.equal(decoderFor(name), null)
    })
  }

  test('36 more than five codings', () => {
    const request = { method: 'GET', url: 'http://h/' }
    for (const name of [
      'gzip,gzip,gzip,gzip,gzip,gzip',
      Array(9).fill('br').join(),
      'x,x,x,x,x,x',
    ]) {
      assert.throws(
        () => decoderFor(name, { request }),
        (error) =>
          error instanceof DecodingError &&
          error.request === request &&
          /^The response has \d content codings; at most 5 are supported$/.test(error.message),
      )
    }
  })

  const hostile: [title: string, make: (size: number) => string][] = [
    ['commas', (size) => ','.repeat(size)],
    ['blanks', (size) => ' '.repeat(size)],
    ['blanks and commas', (size) => ' ,'.repeat(size / 2)],
    ['a long name', (size) => 'x'.repeat(size)],
  ]
  for (const [title, make] of hostile) {
    test(`21 linear: ${title}`, () => assertLinear(make, (value) => decoderFor(value)))
  }
})

test('Accept-Encoding lists the codings that this runtime can decode', () => {
  assert.equal(acceptEncoding(), zstdCompress ? 'gzip, deflate, br, zstd' : 'gzip, deflate, br')
  for (const name of acceptEncoding().split(', ')) assert.ok(decoderFor(name))
  assert.equal(decoderFor('zstd') !== null, zstdCompress !== undefined)
})

test('errors have the given facts', async () => {
  const request = { method: 'GET', url: 'http://h/' }
  const decoder = decoderFor('gzip', { request, responseStarted: true })
  assert.ok(decoder)
  const { error } = await outcome(decoder.decode(new Source([short])))
  assert.ok(error instanceof DecodingError)
  assert.equal(error.request, request)
  assert.equal(error.responseStarted, true)
})
