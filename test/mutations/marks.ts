/** A line of conformance (`R3`, `S8`, `A6`) or a hazard by its number alone. */
const MARK = String.raw`(?:[RSA]\d+|\d{1,2})`
/** One or several of them begin the title of a test, of a suite, or of a section of the wire corpus. */
const MARKS = new RegExp(`^(?:[\\w-]+: )?(${MARK}(?:, ${MARK})*)[ :]`)

/** The marks that a title carries: `S8, 26 The same twice` has two. */
export function marksOf(title: string): string[] {
  return MARKS.exec(title)?.[1].split(', ') ?? []
}
