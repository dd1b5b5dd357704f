import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Link, LinkedList } from '../../src/pool/linked-list.ts'
import { at } from '../support/at.ts'

function listOf(...values: number[]) {
  const list = new LinkedList<number>()
  const links = values.map((value) => new Link(value))
  for (const link of links) list.push(link)
  return { list, links }
}

test('keeps the order while elements are removed in any order', () => {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]
  for (const order of orders) {
    const { list, links } = listOf(0, 1, 2)
    const left = new Set([0, 1, 2])
    for (const i of order) {
      const link = at(links, i)
      list.remove(link)
      left.delete(i)
      assert.deepEqual([...list], [...left])
      assert.equal(list.size, left.size)
      assert.equal(list.first?.value, [...left][0])
      assert.equal(list.last?.value, [...left].at(-1))
      assert.deepEqual([link.list, link.previous, link.next], [null, null, null])
    }
    assert.deepEqual([list.first, list.last, list.size], [null, null, 0])
  }
})

test('removing a link of no list or of another list has no effect', () => {
  const one = listOf(1, 2)
  const other = listOf(3)
  one.list.remove(at(other.links, 0))
  one.list.remove(new Link(4))
  assert.deepEqual([...one.list], [1, 2])
  assert.deepEqual([...other.list], [3])
  one.list.remove(at(one.links, 0))
  one.list.remove(at(one.links, 0))
  assert.equal(one.list.size, 1)
})

test('the cost of an operation does not depend on the length of the list', () => {
  for (const size of [10, 100_000]) {
    let looks = 0
    const watched = () =>
      new Proxy(new Link(0), {
        get: (link, name) => {
          looks++
          return Reflect.get(link, name)
        },
      })
    const list = new LinkedList<number>()
    const links = Array.from({ length: size }, watched)
    for (const link of links) list.push(link)
    for (const i of [size >> 1, 0, size - 1, 1, size - 2]) list.remove(at(links, i))
    assert.equal(list.size, size - 5)
    assert.ok(looks < size * 3 + 5 * 20, `${looks} looks for ${size} links`)
    looks = 0
    for (let i = 0; i < 5; i++) {
      list.push(at(links, 1))
      list.remove(at(links, 1))
    }
    assert.ok(looks < 5 * 20, `${looks} looks for 10 operations at ${size} links`)
  }
})

test('a removed link can be added again, at the end', () => {
  const { list, links } = listOf(1, 2)
  list.remove(at(links, 0))
  list.push(at(links, 0))
  assert.deepEqual([...list], [2, 1])
})

test('the current element may be removed during iteration', () => {
  const { list, links } = listOf(0, 1, 2)
  const seen: number[] = []
  for (const value of list) {
    seen.push(value)
    list.remove(at(links, value))
  }
  assert.deepEqual(seen, [0, 1, 2])
  assert.equal(list.size, 0)
})
