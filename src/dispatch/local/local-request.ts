/** A request that no connection carries, as its receiver would have read it. */
import type { OutgoingRequest } from '../../connection/exchange.ts'
import { Headers } from '../../models/headers.ts'

/** The fields, Host among them, just as they would go on the wire. */
export function receivedHeaders({ first }: OutgoingRequest): Headers {
  const head = typeof first === 'string' ? first : first.latin1Slice(0, first.indexOf('\r\n\r\n'))
  const end = head.endsWith('\r\n\r\n') ? -4 : undefined
  return Headers.fromRawHead(head.slice(0, end), head.indexOf('\r\n') + 2)
}

/** The target URI. RFC 9110 7.1 */
export function targetUri({ method, origin, path }: OutgoingRequest): string {
  if (path === '*' || method === 'CONNECT') return origin
  return path.startsWith('/') ? origin + path : path
}
