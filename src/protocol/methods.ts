/** Methods that can be repeated even if the server has processed the request. RFC 9110 9.2.2 */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Methods that expect content, so a request without any has `Content-Length: 0`. RFC 9110 8.6 */
const EXPECTS_CONTENT = new Set(['POST', 'PUT', 'PATCH'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

export function expectsContent(method: string): boolean {
  return EXPECTS_CONTENT.has(method)
}
