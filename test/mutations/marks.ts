/** The number of a conformance row (`R3`, `S8`, `A6`) or of a hazard (`24`). */
const MARK = String.raw`(?:[RSA]\d+|\d{1,2})`
/** The marks at the start of the title of a test, a suite, or a section of the wire corpus. */
const MARKS = new RegExp(`^(?:[\\w-]+: )?(${MARK}(?:, ${MARK})*)[ :]`)

/** Returns the marks of a title, for example `S8` and `26` for `S8, 26 The same twice`. */
export function marksOf(title: string): string[] {
  return MARKS.exec(title)?.[1]?.split(', ') ?? []
}
