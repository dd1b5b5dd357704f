const KiB = 1024
const MiB = 1024 * KiB

/** What both servers have to offer: path to the length of its body. */
export const files = {
  '/13-headers': 17,
  '/64b': 64,
  '/65b': 65,
  '/1kb': KiB,
  '/10kb': 10 * KiB,
  '/64k': 64 * KiB,
  '/100kb': 100 * KiB,
  '/1mb': MiB,
  '/10mb': 10 * MiB,
  '/100mb': 100 * MiB,
} as const

/** POST reads the body and answers with this. */
export const postPath = '/post'
export const postAnswer = '{"received":true}'

/** nginx sends eight headers with a file; these five more make thirteen, like an API's answer. */
export const fiveMoreHeaders: readonly (readonly [string, string])[] = [
  ['Cache-Control', 'no-cache, no-store, must-revalidate'],
  ['X-Request-Id', '0f8fad5b-d9cb-469f-a165-70867728950e'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
  ['Vary', 'Accept-Encoding'],
]

export function bodyOfLength(length: number): Buffer {
  return Buffer.alloc(length, '0123456789abcdef')
}
