import type { TestContext } from 'node:test'
import type { AppSettings } from '../../src/dispatch/apps/app-dispatcher.ts'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { App } from '../../src/dispatch/apps/app-kind.ts'
import type { RequestSender } from '../../src/dispatch/request-sender.ts'
import { toRequestSender } from '../../src/dispatch/request-sender.ts'
import type { DispatchRequest } from '../../src/engine.ts'
import type { Response } from '../../src/pool/response.ts'

export const ORIGIN = 'http://app.test'

/** Sends a request for a path. The second argument sets other members of the request. */
export interface SendRequest {
  (path: string, request?: Partial<DispatchRequest>): Promise<Response>
  readonly sender: RequestSender
}

export function sendTo(t: TestContext, sender: RequestSender): SendRequest {
  t.after(() => sender.close())
  const call = (path: string, request: Partial<DispatchRequest> = {}) =>
    sender.request({ origin: ORIGIN, path, ...request })
  return Object.assign(call, { sender })
}

export function sendToApp(t: TestContext, app: App, options: AppSettings = {}): SendRequest {
  return sendTo(t, toRequestSender(new AppDispatcher({ app, ...options })))
}

/** A promise and the function that resolves it. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  const promise = new Promise<Value>((given) => {
    resolve = given
  })
  return { promise, resolve }
}

/**
 * Reads a body chunk by chunk, with a turn of the event loop between chunks.
 *
 * @param ahead how many bytes the source has produced in addition to the bytes that were read
 * @returns the length of the body, and the maximum of `ahead`
 */
export async function readSlowly(
  body: AsyncIterable<Uint8Array>,
  ahead: (read: number) => number,
): Promise<{ read: number; furthest: number }> {
  let read = 0
  let furthest = 0
  for await (const chunk of body) {
    read += chunk.length
    await new Promise(setImmediate)
    furthest = Math.max(furthest, ahead(read))
  }
  return { read, furthest }
}
