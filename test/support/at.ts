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
