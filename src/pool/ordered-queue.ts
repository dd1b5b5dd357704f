/**
 * A queue whose first item is always the one with the smallest `order`, whenever it was added.
 * Items may be removed before their turn: they are only marked, and skipped later.
 *
 * It is a binary heap. An item that is added in order costs one comparison.
 */
export class OrderedQueue<Item extends { readonly order: number; readonly isRemoved: boolean }> {
  /** The number of items that are not removed. */
  size = 0
  /** An item never has a smaller `order` than its parent, which is at `(at - 1) >> 1`. */
  #heap: Item[] = []

  push(item: Item): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = heap[(at - 1) >> 1] as Item
      if (parent.order < item.order) break
      heap[at] = parent
      at = (at - 1) >> 1
    }
    heap[at] = item
    this.size++
  }

  get first(): Item | null {
    while (this.#heap[0]?.isRemoved) this.#removeFirst()
    return this.#heap[0] ?? null
  }

  /** Called when an item of this queue has just been marked as removed. */
  onRemoved(): void {
    this.size--
    // Removed items never fill more than half of the array.
    if (this.#heap.length <= 2 * this.size) return
    this.#heap = this.#heap.filter((item) => !item.isRemoved).sort((a, b) => a.order - b.order)
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      if (left === undefined) break
      const isLeft = right === undefined || left.order < right.order
      const child = isLeft ? left : right
      if (last.order < child.order) break
      heap[at] = child
      at = 2 * at + (isLeft ? 1 : 2)
    }
    heap[at] = last
  }
}
