/** An element of a list, made once and put in and taken out as often as needed. */
export class Link<T> {
  readonly value: T
  previous: Link<T> | null = null
  next: Link<T> | null = null
  list: LinkedList<T> | null = null

  constructor(value: T) {
    this.value = value
  }
}

/** A queue whose every operation, removal from the middle included, costs the same at any length. */
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

  /** Takes `link` out; nothing happens if it is in no list or in another. */
  remove(link: Link<T>): void {
    if (link.list !== this) return
    if (link.previous === null) this.first = link.next
    else link.previous.next = link.next
    if (link.next === null) this.last = link.previous
    else link.next.previous = link.previous
    link.previous = link.next = link.list = null
    this.size--
  }

  /** In order; what is shown may be removed meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let link = this.first; link !== null; ) {
      const { next } = link
      yield link.value
      link = next
    }
  }
}
