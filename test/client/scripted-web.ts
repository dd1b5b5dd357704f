import type { ClientOptions } from '../../src/index.ts'
import { Client, Headers } from '../../src/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

/** A request as it was sent. */
export interface Sent {
  readonly origin: string
  readonly method: string
  readonly target: string
  readonly headers: Headers
  readonly content: string
}

/** A whole response as text; null for no response, `RESET` to reset the connection. */
export type Reply = string | null
export const RESET = 'reset'

export function reply(status: number, fields: readonly string[] = [], body = ''): string {
  const lines = [`HTTP/1.1 ${status} Said`, `Content-Length: ${body.length}`, ...fields]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/**
 * Servers for every host and port, http and https, with a scripted clock. All requests are answered
 * by one function.
 */
export class Web {
  readonly backend = new ScriptedBackend()
  readonly sent: Sent[] = []
  readonly #answer: (sent: Sent, count: number) => Reply
  readonly #partial = new Map<ScriptedSocket, string>()

  constructor(answer: (sent: Sent, count: number) => Reply) {
    this.#answer = answer
    const { backend } = this
    const connect = backend.connect.bind(backend)
    backend.connect = (target, handler) => {
      const socket = connect(target, handler)
      const write = socket.write.bind(socket)
      socket.write = (...data) => {
        queueMicrotask(() => this.#serve(socket))
        return write(...data)
      }
      return socket
    }
  }

  client(options: ClientOptions = {}): Client {
    return new Client({ trustEnv: false, backend: this.backend, ...options })
  }

  get clock() {
    return this.backend.clock
  }

  /** The origins of the requests, in order. */
  get origins(): string[] {
    return this.sent.map(({ origin }) => origin)
  }

  /** Waits for the call without advancing the clock. */
  async during<Result>(call: Promise<Result>): Promise<Result> {
    let settled = false
    const end = () => {
      settled = true
    }
    call.then(end, end)
    while (!settled) await this.clock.flush()
    return call
  }

  /** Runs everything that does not wait for the clock. */
  async serve(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await this.clock.flush()
  }

  /** Advances the clock, and then waits for the call. */
  async within<Result>(ms: number, call: Promise<Result>): Promise<Result> {
    call.catch(() => {})
    await this.serve()
    await this.clock.advance(ms)
    return this.during(call)
  }

  #serve(socket: ScriptedSocket): void {
    if (socket.closed || socket.destroyed) return
    const written = (this.#partial.get(socket) ?? '') + socket.takeWritten()
    const sent = parse(written, socket.tls !== null ? 'https' : 'http')
    this.#partial.set(socket, sent === null ? written : '')
    if (sent === null) return
    this.sent.push(sent)
    const answer = this.#answer(sent, this.sent.length)
    if (answer === RESET) socket.reset()
    else if (answer !== null) socket.receive(answer)
  }
}

/** Parses a request; null while it is incomplete. */
function parse(text: string, scheme: string): Sent | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const [start = '', ...lines] = text.slice(0, end).split('\r\n')
  const [method = '', target = ''] = start.split(' ')
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  const content = text.slice(end + 4)
  const isComplete =
    headers.get('transfer-encoding') === null
      ? content.length === Number(headers.get('content-length') ?? 0)
      : content.endsWith('0\r\n\r\n')
  if (!isComplete) return null
  return { origin: `${scheme}://${headers.get('host')}`, method, target, headers, content }
}
