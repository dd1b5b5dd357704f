/**
 * Returns an element. Throws a RangeError with the index and the length if there is none.
 *
 * @param index from 0
 */
export function at<Item>(list: readonly Item[], index: number): Item {
  const item = list[index]
  if (item === undefined) throw new RangeError(`no element ${index} in a list of ${list.length}`)
  return item
}

/** Returns the only element. Throws if the list has none or several. */
export function only<Item>(list: readonly Item[]): Item {
  if (list.length !== 1) throw new RangeError(`expected one element, got ${list.length}`)
  return at(list, 0)
}
