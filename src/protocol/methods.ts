/**
 * Methods that can be repeated even if the server has processed the request. RFC 9110 9.2.2. These
 * are the methods that the HTTP Method Registry of IANA lists as idempotent, except PRI, which is
 * never sent. CONNECT, LOCK, PATCH, POST and unregistered methods are not idempotent. Methods are
 * case-sensitive (RFC 9110 9.1).
 */
const IDEMPOTENT = new Set([
  // RFC 9110, and QUERY of RFC 10008
  ...['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'QUERY', 'TRACE'],
  // WebDAV: RFC 3648, 3744, 4437, 4918, 5323, 5842
  ...['ACL', 'BIND', 'COPY', 'MKCOL', 'MKREDIRECTREF', 'MOVE', 'ORDERPATCH', 'PROPFIND'],
  ...['PROPPATCH', 'REBIND', 'SEARCH', 'UNBIND', 'UNLOCK', 'UPDATEREDIRECTREF'],
  // Versioning (DeltaV, RFC 3253), calendars (RFC 4791), links (RFC 2068)
  ...['BASELINE-CONTROL', 'CHECKIN', 'CHECKOUT', 'LABEL', 'MERGE', 'MKACTIVITY', 'MKWORKSPACE'],
  ...['REPORT', 'UNCHECKOUT', 'UPDATE', 'VERSION-CONTROL', 'MKCALENDAR', 'LINK', 'UNLINK'],
])

/** Methods that expect content, so a request without any has `Content-Length: 0`. RFC 9110 8.6 */
const EXPECTS_CONTENT = new Set(['POST', 'PUT', 'PATCH'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

export function expectsContent(method: string): boolean {
  return EXPECTS_CONTENT.has(method)
}
