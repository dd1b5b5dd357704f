// Texts that are hard to parse: characters and words with a meaning in HTTP, in unusual places.
import type { Arbitrary } from 'fast-check'
import fc from 'fast-check'

/** Any latin1 character. Those with a meaning are more frequent. */
const latin1Char: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'\r\n\t \0"\\\'=;:,/?#&%+@[]()<>-_.*') },
  { weight: 3, arbitrary: fc.constantFrom(...'aAzZ019') },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  },
)

export const latin1Text = textOf(latin1Char)

/** Like `latin1Text`, with other Unicode characters and lone surrogates. */
export const unicodeText = textOf(
  fc.oneof(
    { weight: 4, arbitrary: latin1Char },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\ud800', '\udfff', '€', '😀', '\u2028', '\u017f', '\u212a'),
    },
  ),
)

/** Concatenates random words of a list, with random texts between them. */
export function textOfWords(words: readonly string[], maxLength = 12): Arbitrary<string> {
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, latin1Text), { maxLength })
    .map((parts) => parts.join(''))
}

function textOf(char: Arbitrary<string>): Arbitrary<string> {
  return fc.string({ unit: char, maxLength: 12 })
}
