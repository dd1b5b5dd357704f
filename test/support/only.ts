/** Returns the first element. Throws if the list is empty. */
export function first<Element>([element]: readonly Element[]): Element {
  if (element === undefined) throw new Error('expected at least one element, got none')
  return element
}

/** Returns the only element. Throws if the list has none or several. */
export function only<Element>(list: readonly Element[]): Element {
  if (list.length !== 1) throw new Error(`expected one element, got ${list.length}`)
  return first(list)
}
