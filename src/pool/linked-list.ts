/** An element of a list. It can be added and removed any number of times without an allocation. */
export class Link<T> {
  readonly value: T
  previous: Link<T> | null = null
  next: Link<T> | null = null
  list: LinkedList<T> | null = null

  constructor(value: T) {
    this.value = value
  }
}

/** A doubly linked list. Every operation takes constant time, including removal from the middle. */
export class LinkedList<T> {
  first: Link<T> | null = null
  last: Link<T> | null = null
  size = 0

  push(link: Link<T>): void {
    link.list = this
    link.previous = this.last
    if (this.last === null) this.first = link
    else this.last.next = link
    this.last = link
    this.size++
  }

  /** Removes `link`. Does nothing if it is not in this list. */
  remove(link: Link<T>): void {
    if (link.list !== this) return
    if (link.previous === null) this.first = link.next
    else link.previous.next = link.next
    if (link.next === null) this.last = link.previous
    else link.next.previous = link.previous
    link.previous = link.next = link.list = null
    this.size--
  }

  /** Iterates in order. The current element may be removed during the iteration. */
  *[Symbol.iterator](): Generator<T> {
    for (let link = this.first; link !== null; ) {
      const { next } = link
      yield link.value
      link = next
    }
  }
}
