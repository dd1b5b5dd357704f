import type { Auth, AuthResponse } from '../../src/client/auth/auth.ts'
import type { Request } from '../../src/client/request.ts'
import { Headers } from '../../src/models/headers.ts'

/** A response of the server: status and header fields. */
export type Answer = readonly [status: number, headers?: Record<string, string | string[]>]

/**
 * Runs an auth flow. The function `answer` takes the place of a server. Returns the value of each
 * Authorization field that was sent, and the last status.
 */
export async function runFlow(
  auth: Auth,
  request: Request,
  answer: (request: Request, round: number) => Answer,
): Promise<{ sent: (string | null)[]; status: number }> {
  const flow = auth.authFlow(request)
  const sent: (string | null)[] = []
  let status = 0
  for (let step = await flow.next(); !step.done; ) {
    sent.push(step.value.headers.get('authorization'))
    const [code, headers] = answer(step.value, sent.length)
    status = code
    step = await flow.next(responseOf(step.value.url, code, headers))
  }
  return { sent, status }
}

export function responseOf(
  url: URL,
  status: number,
  headers: Record<string, string | string[]> = {},
): AuthResponse {
  return { status, url, headers: new Headers(headers), read: async () => {} }
}
