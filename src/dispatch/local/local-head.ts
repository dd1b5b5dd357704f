import { createRequire } from 'node:module'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { ResponseHead } from '../../protocol/response-head.ts'

const require = createRequire(import.meta.url)

/** Outside of HTAB, SP, VCHAR and obs-text. RFC 9112 4 */
const NOT_REASON = /[^\t\x20-\x7e\x80-\xff]/

/**
 * A head made in this process, as if it had come over a connection. Throws for what no connection
 * would have brought.
 */
export function localHead(head: Head): ResponseHead {
  if (head instanceof ResponseHead) return head
  const { status, statusText, httpVersion } = head
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new TypeError(`the status is ${String(status)}, no number of three digits`)
  }
  const reason = statusText ?? ''
  if (typeof reason !== 'string' || NOT_REASON.test(reason)) {
    throw new TypeError('statusText is not a reason phrase')
  }
  const headers = head.headers instanceof Headers ? head.headers : new Headers(head.headers)
  let raw = `HTTP/${httpVersion === '1.0' ? '1.0' : '1.1'} ${status} ${reason}`
  for (const [name, value] of headers) raw += `\r\n${name}: ${value}`
  return new ResponseHead(status, raw)
}

/**
 * The length that Content-Length states, NaN without one. Throws for an invalid one, or for several
 * that differ. RFC 9110 8.6
 */
export function statedLength(head: ResponseHead): number {
  const [first, ...others] = head.headers.getAll('content-length')
  if (first === undefined) return Number.NaN
  if (!/^\d+$/.test(first) || !Number.isSafeInteger(Number(first))) {
    throw new TypeError('Content-Length is not a decimal number below 2^53')
  }
  if (others.some((other) => other !== first)) {
    throw new TypeError('Content-Length is given twice and differs')
  }
  return Number(first)
}

/** The reason phrase that servers give a status without one. RFC 9110 15 */
export function reasonOf(status: number): string {
  const { STATUS_CODES } = require('node:http') as typeof import('node:http')
  return STATUS_CODES[status] ?? ''
}
