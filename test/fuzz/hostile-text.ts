// Texts of which parsers are made to stumble: what has a meaning in HTTP, in odd places.
import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'

/** Any latin1 character; those with a meaning more often than others. */
const latin1Char: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'\r\n\t \0"\\\'=;:,/?#&%+@[]()<>-_.*') },
  { weight: 3, arbitrary: fc.constantFrom(...'aAzZ019') },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  },
)

export const latin1Text = textOf(latin1Char)

/** The same with the rest of Unicode, lone surrogates too. */
export const unicodeText = textOf(
  fc.oneof(
    { weight: 4, arbitrary: latin1Char },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\ud800', '\udfff', '€', '😀', '\u2028', '\u017f', '\u212a'),
    },
  ),
)

/** Words of a language, and texts between them. */
export function soup(words: readonly string[], maxLength = 12): Arbitrary<string> {
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, latin1Text), { maxLength })
    .map((parts) => parts.join(''))
}

function textOf(char: Arbitrary<string>): Arbitrary<string> {
  return fc.string({ unit: char, maxLength: 12 })
}
