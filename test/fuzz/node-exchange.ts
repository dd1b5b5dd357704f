import type { IncomingMessage } from 'node:http'
import { request } from 'node:http'
import { Duplex } from 'node:stream'
import type { MutatedResponse } from './mutation.ts'

/** The outcome of a response as `node:http` reports it. */
export interface NodeOutcome {
  /** Status, reason, version, names and values, in the format of `Outcome`. */
  readonly informational: readonly string[]
  readonly head: string | null
  /** Latin1. For a tunnel, the bytes after the head. */
  readonly body: string
  readonly trailers: readonly string[]
  /** `end`, `upgrade 101`, or an error code. */
  readonly end: string
}

/** The client's connection: delivers the whole response at once, and then ends. */
class ScriptedPeer extends Duplex {
  readonly #text: string

  constructor(text: string) {
    super()
    this.#text = text
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }

  sendAll(): void {
    if (this.#text !== '') this.push(Buffer.from(this.#text, 'latin1'))
    this.push(null)
  }
}

export function runNodeExchange({ method, text }: MutatedResponse): Promise<NodeOutcome> {
  const informational: string[] = []
  let head: string | null = null
  let body = ''
  let trailers: readonly string[] = []
  const wire = new ScriptedPeer(text)
  return new Promise((resolve) => {
    const done = (end: string) => {
      resolve({ informational, head, body, trailers, end })
      wire.destroy()
    }
    const tunnel = (message: IncomingMessage, _: unknown, first: Buffer) => {
      head = headLine(message)
      body = first.latin1Slice()
      wire.on('data', (bytes: Buffer) => {
        body += bytes.latin1Slice()
      })
      wire.on('end', () => done(`upgrade ${message.statusCode}`)).resume()
    }
    request({
      method,
      path: method === 'CONNECT' ? 'target.test:443' : '/',
      host: 'h.test',
      createConnection: () => wire,
      maxHeaderSize: 65_536,
      joinDuplicateHeaders: true,
    })
      .on('information', (info) => informational.push(headLine(info as never)))
      .on('connect', tunnel)
      .on('upgrade', tunnel)
      .on('error', ({ code }: NodeJS.ErrnoException) => done(code ?? 'error'))
      .on('response', (message) => {
        head = headLine(message)
        message.on('data', (bytes: Buffer) => {
          body += bytes.latin1Slice()
        })
        message.on('error', ({ code }: NodeJS.ErrnoException) => done(code ?? 'error'))
        message.on('end', () => {
          trailers = message.rawTrailers
          done('end')
        })
      })
      .on('close', () => done('closed'))
      .on('finish', () => setImmediate(() => wire.sendAll()))
      .end()
  })
}

function headLine(message: IncomingMessage): string {
  const { statusCode, statusMessage, httpVersion, rawHeaders } = message
  return JSON.stringify([statusCode, statusMessage, httpVersion, ...rawHeaders])
}
