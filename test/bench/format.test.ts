import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatByteRate,
  formatCount,
  formatDuration,
  formatKilobytes,
  formatMicros,
  formatTable,
  trimZeros,
} from '../../bench/format.ts'

const cases: [format: (value: number) => string, value: number, text: string][] = [
  [formatCount, 14.52, '14.5'],
  [formatCount, 31_772.4, '31,772'],
  [formatMicros, 16.52, '16.5 µs'],
  [formatMicros, 120.4, '120 µs'],
  [formatMicros, 1549, '1.5 ms'],
  [formatMicros, 421_100, '421 ms'],
  [formatMicros, 1_428_500, '1.43 s'],
  [formatKilobytes, 2560, '2.5 KB'],
  [formatByteRate, 640_000, '640 KB/s'],
  [formatByteRate, 6_400_000, '6.40 MB/s'],
  [formatByteRate, 64_000_000, '64 MB/s'],
  [formatByteRate, 2_280_000_000, '2.28 GB/s'],
  [formatDuration, 1, '5 s'],
  [formatDuration, 41, '45 s'],
  [formatDuration, 58, '1 min'],
  [formatDuration, 640, '11 min'],
]
for (const [format, value, text] of cases) {
  test(`${format.name}: ${value} is ${text}`, () => {
    assert.equal(format(value), text)
  })
}

test('trimZeros removes trailing zeros of decimals', () => {
  const figures = ['10.0 µs', '2.00 s', '1.50 GB/s', '100 ms', '10,000', '0.5 KB']
  assert.deepEqual(figures.map(trimZeros), [
    '10 µs',
    '2 s',
    '1.5 GB/s',
    '100 ms',
    '10,000',
    '0.5 KB',
  ])
})

test('formatTable aligns the columns of a Markdown table', () => {
  const text = formatTable(['', 'req/s'], [['undici', '9'], ['got']])
  assert.equal(
    text,
    ['|        | req/s |', '| ------ | ----- |', '| undici | 9     |', '| got    |       |'].join(
      '\n',
    ),
  )
})
