/**
 * What messages, logs and `util.inspect` show: text without secrets, without characters that
 * control a terminal, and of limited length. This file imports nothing, so that every layer can use
 * it.
 */

/** The symbol `inspect.custom` of `node:util`. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

/** How many characters of a URL are shown at most. */
const MAX_URL_LENGTH = 500
/** How many characters of a header field with URLs are shown at most. */
const MAX_FIELD_LENGTH = 2000
/** How many characters of a message are shown, at its start and at its end. */
const MAX_MESSAGE_START = 1500
const MAX_MESSAGE_END = 500

/**
 * Control characters except tab and line feed, and the characters that change the direction of text
 * or begin a new line. They would change what a terminal shows, or how it reads.
 */
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Replaces each control character, except tab and line feed, by `\ufffd`. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, '\ufffd')
}

/** Returns the text without control characters. Omits the middle of a text that is too long. */
export function messageText(text: string): string {
  const omitted = text.length - MAX_MESSAGE_START - MAX_MESSAGE_END
  if (omitted <= 0) return withoutControls(text)
  const end = text.slice(-MAX_MESSAGE_END)
  return withoutControls(
    `${text.slice(0, MAX_MESSAGE_START)} … (${omitted} characters omitted) … ${end}`,
  )
}

/** Returns the first `max` characters in one line, without control characters. */
export function shortLine(text: string, max: number): string {
  const shown = text.length > max ? `${text.slice(0, max)}…` : text
  return withoutControls(shown)
    .replace(/[\s\ufffd]+/g, ' ')
    .trim()
}

/**
 * Redacts a URL for messages and logs: removes userinfo and fragment, and replaces the query by
 * `?…`. Never throws. From text that is not a URL, everything up to the last `@` is removed,
 * because a password can contain any character. In a path, the text before an `@` is replaced for
 * the same reason: the password in `http://user:12/3@host` is parsed as a path.
 */
export function redactUrl(url: string | URL): string {
  const text = String(url)
  const parsed = parseUrlOrNull(text)
  if (parsed?.host) {
    const { protocol, host, pathname, search } = parsed
    return shortUrl(`${protocol}//${host}${redactPath(pathname)}${search && '?…'}`)
  }
  const isPath = /^\/(?!\/)/.test(text)
  const shown = isPath ? text : text.slice(text.lastIndexOf('@') + 1)
  const path = shown.replace(/#.*/s, '').replace(/\?.*/s, '?…')
  return shortUrl(isPath ? redactPath(path) : path)
}

/** Redacts the URL of a proxy, which has no path: everything up to the last `@` is userinfo. */
export function redactProxyUrl(text: string): string {
  const at = text.lastIndexOf('@')
  if (at === -1) return redactUrl(text)
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? ''
  return redactUrl(scheme + text.slice(at + 1))
}

/** Fields whose values are URLs, or contain relative ones. */
const URL_FIELDS = new Set([
  ...['location', 'content-location', 'referer', 'refresh', 'link', 'sourcemap'],
])
/** A part of the name of a field whose value is a credential, in lower case without separators. */
const SECRET_PART =
  /token(?!s|iz)|secret|passw|pwd|passphrase|passcode|credential|authori[sz]|authentic|apikey|accesskey|privatekey|sharedkey|signature|session|jwt|assertion|c[sx]rf|xsrf|dpop|cookie|bearer|clientcert|ticket|onetimecode/
/** Whole words, which occur in other words: `footprint`, `mapping`, `author`, `monkey`. */
const SECRET_WORDS = new Set([
  ...['auth', 'key', 'pin', 'otp', 'totp', 'hotp', 'mfa', 'sid', 'pw', 'cert'],
  ...['saml', 'sso', 'hmac', 'jws', 'jwe', 'svid'],
])
/** A word of a name: `CSRF`, `Token`, `token`. */
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g

/**
 * Whether a field with this name contains a credential, a cookie or a challenge, judged by the words
 * of the name: `X-Api-Key`, `x.api.key`, `X-AuthToken`.
 */
export function isSecretField(name: string): boolean {
  const lower = name.toLowerCase()
  if (lower === 'idempotency-key') return false
  if (SECRET_PART.test(lower.replace(/[^a-z0-9]/g, ''))) return true
  return (name.match(WORD) ?? []).some((word) => SECRET_WORDS.has(word.toLowerCase()))
}

/**
 * Returns the value of a header field for messages and logs: `[secret]` for credentials, cookies
 * and challenges, and redacted URLs.
 */
export function redactField(name: string, value: string): string {
  if (isSecretField(name)) return '[secret]'
  const isUrl = URL_FIELDS.has(name.toLowerCase())
  if (!isUrl && !value.includes('://')) return value
  const shown = value.length > MAX_FIELD_LENGTH ? `${value.slice(0, MAX_FIELD_LENGTH)}…` : value
  return shown
    .split(/([\s<>"']+)/)
    .map((part) => (isUrl || part.includes('://') ? redactUrl(part) : part))
    .join('')
}

function redactPath(path: string): string {
  const at = path.lastIndexOf('@')
  // `/@scope/name` is common, and contains no password.
  return at > 0 && path[at - 1] !== '/' ? `/…${path.slice(at)}` : path
}

function shortUrl(text: string): string {
  return text.length > MAX_URL_LENGTH ? `${text.slice(0, MAX_URL_LENGTH)}…` : text
}

/** A copy of the function in models/url.ts, which this file cannot import. */
function parseUrlOrNull(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}
