import type { Headers } from '../models/headers.ts'
import type { Call } from './call.ts'
import { remember } from './call.ts'
import { FOR_ONE_ORIGIN } from './field-list.ts'
import { AT_REDIRECT, isContentField, redirectTo } from './redirect.ts'
import { Request } from './request.ts'
import { isSameOrigin } from './url.ts'

/**
 * The request that follows a redirect, null if there is none: where to says the URL that redirects, which a
 * hook or a flow may have changed, and all else the request as it was before. Throws for a Location that
 * cannot be followed.
 */
export function nextRequest(
  request: Request,
  call: Call,
  response: { readonly status: number; readonly headers: Headers; readonly url: URL },
): Request | null {
  const { status, headers: fields, url } = response
  const to = redirectTo(request.method, status, fields.get('location'), url, AT_REDIRECT)
  if (to === null) return null
  const keepsCredentials =
    call.keepsCredentials && to.keepsCredentials && isSameOrigin(request.url, url)
  // Another origin has another route: through a tunnel it would reach the server, and directly, too.
  const keepsForProxy = keepsCredentials && isSameOrigin(url, to.url)
  const headers: string[] = []
  for (const [name, value] of request.headers) {
    const key = name.toLowerCase()
    const isKept =
      (keepsCredentials || !FOR_ONE_ORIGIN.includes(key)) &&
      (keepsForProxy || key !== 'proxy-authorization') &&
      (to.keepsContent || !isContentField(key))
    if (isKept) headers.push(name, value)
  }
  const next = new Request(to.method, to.url, {
    headers,
    content: to.keepsContent ? request.content : null,
  })
  remember(next, { ...call, keepsCredentials })
  return next
}
