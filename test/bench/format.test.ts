import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bytesPerSecond,
  count,
  duration,
  kilobytes,
  micros,
  rounded,
  table,
} from '../../bench/format.ts'

const cases: [format: (value: number) => string, value: number, text: string][] = [
  [count, 14.52, '14.5'],
  [count, 31_772.4, '31,772'],
  [micros, 16.52, '16.5 µs'],
  [micros, 120.4, '120 µs'],
  [micros, 1549, '1.5 ms'],
  [micros, 421_100, '421 ms'],
  [micros, 1_428_500, '1.43 s'],
  [kilobytes, 2560, '2.5 KB'],
  [bytesPerSecond, 640_000, '640 KB/s'],
  [bytesPerSecond, 6_400_000, '6.40 MB/s'],
  [bytesPerSecond, 64_000_000, '64 MB/s'],
  [bytesPerSecond, 2_280_000_000, '2.28 GB/s'],
  [duration, 1, '5 s'],
  [duration, 41, '45 s'],
  [duration, 58, '1 min'],
  [duration, 640, '11 min'],
]
for (const [format, value, text] of cases) {
  test(`${format.name}: ${value} is ${text}`, () => {
    assert.equal(format(value), text)
  })
}

test('an axis has no zeros that say nothing', () => {
  const figures = ['10.0 µs', '2.00 s', '1.50 GB/s', '100 ms', '10,000', '0.5 KB']
  assert.deepEqual(figures.map(rounded), ['10 µs', '2 s', '1.5 GB/s', '100 ms', '10,000', '0.5 KB'])
})

test('a table is Markdown, its columns one below the other', () => {
  const text = table(['', 'req/s'], [['undici', '9'], ['got']])
  assert.equal(
    text,
    ['|        | req/s |', '| ------ | ----- |', '| undici | 9     |', '| got    |       |'].join(
      '\n',
    ),
  )
})
