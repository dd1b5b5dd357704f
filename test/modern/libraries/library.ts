import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a library does with `fetch`, in the order of the columns of the table. */
export const FEATURES = ['streaming', 'retry', 'abort', 'upload'] as const
export type Feature = (typeof FEATURES)[number]

/** A library that is run with `fetch` of Hawser. */
export interface Library {
  /** The name of the package. */
  readonly name: string
  /** How the library gets the function; `global` if it uses only the global `fetch`. */
  readonly usage: string
  /** Tries each feature that the library has. */
  readonly features: Readonly<Partial<Record<Feature, Scenario>>>
}

/** Fails unless the library does what it does with the `fetch` of Node.js. */
export type Scenario = (world: World) => Promise<void>

/** A request that a server received. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Resolves with the whole body. */
  readonly body: Promise<Buffer>
  /** Resolves when the connection is closed before the response is complete. */
  readonly aborted: Promise<void>
}

export type Answer = (
  response: ServerResponse,
  received: Received,
  /** The number of the request, from 1. */
  count: number,
) => unknown

/** A server for one scenario. */
export interface Served {
  readonly origin: string
  readonly received: Received[]
  /** Resolves with the first request when it has arrived. */
  readonly first: Promise<Received>
}

/** What a scenario is run with. Its servers are closed at its end. */
export class World {
  /** `fetch` of Hawser, as a library gets it. */
  readonly fetch: typeof globalThis.fetch
  readonly #load: (name: string) => unknown
  readonly #close: (() => void)[] = []
  #calls = 0

  constructor(fetch: typeof globalThis.fetch, load: (name: string) => unknown) {
    this.#load = load
    this.fetch = (...given) => {
      this.#calls++
      return fetch(...given)
    }
  }

  /** Loads a package. The caller knows its interface. */
  readonly load = <Module>(name: string): Module => {
    return this.#load(name) as Module
  }

  readonly serve = async (answer: Answer): Promise<Served> => {
    const received: Received[] = []
    let onFirst: (first: Received) => void
    const first = new Promise<Received>((resolve) => {
      onFirst = resolve
    })
    const server = createServer((request, response) => {
      const { method = '', url: path = '', headers } = request
      const chunks = request.toArray()
      chunks.catch(() => {})
      const body = chunks.then((parts) => Buffer.concat(parts))
      body.catch(() => {})
      const aborted = once(response, 'close').then(() => {
        if (response.writableFinished) return new Promise<void>(() => {})
      })
      const one = { method, path, headers, body, aborted }
      received.push(one)
      onFirst(one) // only the first call has an effect
      answer(response, one, received.length)
    })
    return { origin: await this.#start(server), received, first }
  }

  /** Starts a server with the handler of a library, and returns its origin. */
  serveListener(listener: RequestListener): Promise<string> {
    return this.#start(createServer(listener))
  }

  async #start(server: Server): Promise<string> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#close.push(() => {
      server.close()
      server.closeAllConnections()
    })
    const { port } = server.address() as AddressInfo
    return `http://127.0.0.1:${port}`
  }

  assertUsed(): void {
    assert.ok(this.#calls > 0, 'the library did not call the function')
  }

  close(): void {
    for (const close of this.#close) close()
  }
}

/** Answers with JSON. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

/** Closes the connection of the first request without a response, and answers the others. */
export function afterReset(answer: Answer): Answer {
  return async (response, received, count) => {
    if (count > 1) return answer(response, received, count)
    await received.body
    response.destroy()
  }
}

/**
 * Answers with a body of several parts. Each part after the first is sent when the scenario has
 * called `next`: it has received the part before.
 */
export class Parts {
  readonly #parts: readonly string[]
  readonly #type: string
  #response: ServerResponse | null = null
  #sent = 0

  constructor(type: string, parts: readonly string[]) {
    this.#type = type
    this.#parts = parts
  }

  readonly answer: Answer = (response) => {
    this.#response = response
    response.writeHead(200, { 'content-type': this.#type })
    this.next()
  }

  next(): void {
    const part = this.#parts[this.#sent++]
    if (part === undefined) this.#response?.end()
    else this.#response?.write(part)
  }
}

/** Reads all items, and requests the next part after each. Returns the items. */
export async function readParts<Item>(items: AsyncIterable<Item>, parts: Parts): Promise<Item[]> {
  const read: Item[] = []
  for await (const item of items) {
    read.push(item)
    parts.next()
  }
  return read
}

/** Never answers: the scenario aborts. */
export const never: Answer = () => {}

/**
 * Aborts a call when its request has arrived. The call must fail, and its connection be closed.
 *
 * @returns the error of the call
 */
export async function abortOnArrival(
  served: Served,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  const controller = new AbortController()
  const failed = call(controller.signal).then(
    () => assert.fail('the call was not aborted'),
    (error: unknown) => error,
  )
  const { aborted } = await served.first
  controller.abort()
  const error = await failed
  await aborted
  return error
}
