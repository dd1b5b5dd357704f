/**
 * Returns a string that shares no memory with another. Engines represent a part of a string as a
 * reference to the whole: a cookie of 45 bytes would keep the whole head of its response in memory.
 * Use it for parts of responses that are kept for long.
 */
export function ownCopy(text: string): string {
  const encoding = /[^\0-\xff]/.test(text) ? 'utf16le' : 'latin1'
  return Buffer.from(text, encoding).toString(encoding)
}
