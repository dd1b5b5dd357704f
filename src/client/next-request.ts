import type { Headers } from '../models/headers.ts'
import type { Call } from './call.ts'
import { remember } from './call.ts'
import { isContentField, redirectTo } from './redirect.ts'
import { Request } from './request.ts'

/** Never sent to another origin than the one the caller meant them for. */
const FOR_ONE_ORIGIN = new Set(['authorization', 'cookie', 'proxy-authorization', 'host'])

/** The request that follows a redirect, null if there is none. Throws for a Location that cannot be followed. */
export function nextRequest(
  request: Request,
  call: Call,
  response: { readonly status: number; readonly headers: Headers },
): Request | null {
  const to = redirectTo(
    request.method,
    response.status,
    response.headers.get('location'),
    request.url,
  )
  if (to === null) return null
  const keepsCredentials = call.keepsCredentials && to.keepsCredentials
  const headers: string[] = []
  for (const [name, value] of request.headers) {
    const key = name.toLowerCase()
    const isKept =
      (keepsCredentials || !FOR_ONE_ORIGIN.has(key)) && (to.keepsContent || !isContentField(key))
    if (isKept) headers.push(name, value)
  }
  const next = new Request(to.method, to.url, {
    headers,
    content: to.keepsContent ? request.content : null,
  })
  remember(next, { ...call, keepsCredentials })
  return next
}
