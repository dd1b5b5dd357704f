/** Methods that may be sent again when it is unknown whether they were carried out. RFC 9110 9.2.2 */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Methods whose request means content, so that its absence is stated. RFC 9110 8.6 */
const EXPECTS_CONTENT = new Set(['POST', 'PUT', 'PATCH'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

export function expectsContent(method: string): boolean {
  return EXPECTS_CONTENT.has(method)
}
