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
    // The length is checked because an index beyond it is read from a polluted `Object.prototype`.
    while (this.#heap.length > 0) {
      const first = this.#heap[0] as Item
      if (!first.isRemoved) return first
      this.#removeFirst()
    }
    return null
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
    for (let next = 1; next < heap.length; next = 2 * at + 1) {
      const right = next + 1
      if (right < heap.length && (heap[right] as Item).order < (heap[next] as Item).order)
        next = right
      const child = heap[next] as Item
      if (last.order < child.order) break
      heap[at] = child
      at = next
    }
    heap[at] = last
  }
}
