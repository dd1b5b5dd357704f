const KiB = 1024
const MiB = 1024 * KiB

/** The files of both servers: maps a path to the length of its body in bytes. */
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

/** Requests with POST are read completely and get this response. */
export const postPath = '/post'
export const postResponse = '{"received":true}'

/** nginx sends eight headers with a file. With these five there are thirteen, as many APIs send. */
export const extraHeaders: readonly (readonly [string, string])[] = [
  ['Cache-Control', 'no-cache, no-store, must-revalidate'],
  ['X-Request-Id', '0f8fad5b-d9cb-469f-a165-70867728950e'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
  ['Vary', 'Accept-Encoding'],
]

export function bodyOfLength(length: number): Buffer {
  return Buffer.alloc(length, '0123456789abcdef')
}
