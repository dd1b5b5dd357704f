import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordSplitter } from '../../src/content/record-splitter.ts'
import { assertLinear } from '../support/growth.ts'

test('21 a record that arrives byte by byte takes linear time', () => {
  const byte = Buffer.from('x')
  const end = Buffer.from('\n')
  assertLinear(
    (size) => size,
    (size) => {
      const findEnd = (chunk: Buffer, start: number) => chunk.indexOf('\n', start)
      const splitter = new RecordSplitter(findEnd, size, () => new Error('too long'))
      for (let i = 0; i < size; i++) {
        for (const _ of splitter.split(byte)) assert.fail('a record without its end')
      }
      const [record] = splitter.split(end)
      assert.equal(record?.length, size + 1)
    },
  )
})
