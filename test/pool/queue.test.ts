import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Queue } from '../../src/pool/queue.ts'
import { at } from '../support/at.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

interface Item {
  readonly name: number
  isRemoved: boolean
}

function queueOf(size: number) {
  const queue = new Queue<Item>()
  const items = Array.from({ length: size }, (_, name) => ({ name, isRemoved: false }))
  for (const item of items) queue.push(item)
  return { queue, items }
}

function leave(queue: Queue<Item>, item: Item): void {
  item.isRemoved = true
  queue.onRemoved()
}

test('keeps the order while items are removed in any order', () => {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]
  for (const order of orders) {
    const { queue, items } = queueOf(3)
    const here = new Set(items)
    for (const i of order) {
      assert.equal(queue.first, [...here][0])
      const item = at(items, i)
      leave(queue, item)
      here.delete(item)
      assert.deepEqual([...queue], [...here])
      assert.equal(queue.size, here.size)
      assert.equal(queue.first, [...here][0] ?? null)
    }
    assert.equal(queue.shift(), null)
  }
})

test('shift does not mark the item as removed, so it can be in another queue', () => {
  const { queue, items } = queueOf(3)
  leave(queue, at(items, 0))
  assert.equal(queue.shift(), items[1])
  assert.equal(at(items, 1).isRemoved, false)
  assert.deepEqual([...queue], [items[2]])
  queue.push(at(items, 0))
  at(items, 0).isRemoved = false
  assert.equal(queue.shift(), items[2])
  assert.equal(queue.shift(), items[0])
  assert.equal(queue.size, 0)
})

test('the cost of an operation does not depend on the length of the queue', () => {
  for (const from of ['first', 'last', 'any']) {
    const looks = [100, 10_000].map((size) => {
      let looked = 0
      const watched = (name: number) => {
        let isRemoved = false
        return {
          name,
          get isRemoved() {
            looked++
            return isRemoved
          },
          set isRemoved(value) {
            isRemoved = value
          },
        }
      }
      const queue = new Queue<Item>()
      const items = Array.from({ length: size }, (_, name) => watched(name))
      for (const item of items) queue.push(item)
      if (from === 'last') items.reverse()
      if (from === 'any') items.sort((x, y) => ((x.name * 7919) % size) - ((y.name * 7919) % size))
      for (const item of items) {
        assert.ok(queue.first)
        leave(queue, item)
      }
      return looked / size
    })
    for (const each of looks) assert.ok(each < 4, `${each} looks for each item, the ${from} first`)
  }
})

test('removed items can be garbage-collected while others wait', async () => {
  const { queue, items } = queueOf(3)
  const gone = new WeakRef(at(items, 1))
  const waits = items[2]
  leave(queue, at(items, 1))
  leave(queue, at(items, 0))
  items.length = 0
  await new Promise(setImmediate) // a WeakRef keeps its target until the current turn has ended
  collectGarbage()
  assert.equal(gone.deref(), undefined)
  assert.deepEqual([...queue], [waits])
})
