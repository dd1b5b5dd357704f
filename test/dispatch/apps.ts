import type { TestContext } from 'node:test'
import type { AppSettings } from '../../src/dispatch/apps/app-dispatcher.ts'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { App } from '../../src/dispatch/apps/app-kind.ts'
import type { Responder } from '../../src/dispatch/responder.ts'
import { responderOf } from '../../src/dispatch/responder.ts'
import type { DispatchRequest } from '../../src/engine.ts'
import type { Response } from '../../src/pool/response.ts'

export const ORIGIN = 'http://app.test'

/** Asks the app for a path; what the request says besides comes second. */
export interface Ask {
  (path: string, request?: Partial<DispatchRequest>): Promise<Response>
  readonly responder: Responder
}

export function ask(t: TestContext, responder: Responder): Ask {
  t.after(() => responder.close())
  const call = (path: string, request: Partial<DispatchRequest> = {}) =>
    responder.request({ origin: ORIGIN, path, ...request })
  return Object.assign(call, { responder })
}

export function askApp(t: TestContext, app: App, options: AppSettings = {}): Ask {
  return ask(t, responderOf(new AppDispatcher({ app, ...options })))
}

/** A promise, and what resolves it. */
export function gate<Value = void>(): { opened: Promise<Value>; open: (value: Value) => void } {
  let open!: (value: Value) => void
  const opened = new Promise<Value>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Reads a body chunk by chunk and holds what runs ahead of it to `most` bytes. @returns its length */
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
