/** In one line. OpenSSL's messages have two, with paths of its build; what they mean is their `reason`. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const { reason } = cause as { reason?: unknown }
  const text = hasCode(cause, /^ERR_SSL_/) && typeof reason === 'string' ? reason : cause.message
  return text === '' ? String(cause) : text.replace(/\s+/g, ' ').trim()
}

/** Whether the peer has refused in TLS what it was given. RFC 8446 6.2 */
export function isTlsAlert(cause: unknown): boolean {
  return cause instanceof Error && hasCode(cause, /^ERR_SSL_\w*ALERT/)
}

function hasCode({ code }: NodeJS.ErrnoException, pattern: RegExp): boolean {
  return code !== undefined && pattern.test(code)
}
