import type { BackendSocket } from '../backends/backend.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { requestHead } from '../protocol/request-head.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { MessageSink } from '../protocol/response-parser.ts'
import {
  isWindowInUse,
  NESTED_READ,
  ResponseParser,
  reportOverwritten,
} from '../protocol/response-parser.ts'
import type { TunnelOwner } from './tunnel.ts'
import { Tunnel } from './tunnel.ts'

/** How much of the body of a refusal is read, in bytes. */
const MAX_REFUSAL_BODY = 1024
/** How many characters of it, and of the status line, become part of the error message. */
const MAX_REFUSAL_TEXT = 200

/** Opens a tunnel with CONNECT. RFC 9110 9.3.6 */
export class ConnectTunnel extends Tunnel implements MessageSink {
  readonly #parser = new ResponseParser(this)
  #refusal: ResponseHead | null = null
  /** The target of the next read, if the window was in use when the socket asked for it. */
  #spareTarget: Buffer | null = null
  #body = Buffer.alloc(0)

  constructor(socket: BackendSocket, proxy: ProxySettings, origin: Origin, owner: TunnelOwner) {
    super(socket, proxy, origin, owner)
    this.#parser.expect('CONNECT')
    socket.write(requestHead('CONNECT', this.authority, '', proxy.headers, 'none').text)
  }

  readTarget(): Uint8Array {
    const { target } = this.#parser
    this.#spareTarget = isWindowInUse() ? Buffer.allocUnsafe(target.length) : null
    return this.#spareTarget ?? target
  }

  onRead(length: number): void {
    const spare = this.#spareTarget
    if (isWindowInUse()) {
      if (spare === null) reportOverwritten()
      return this.onFault(NESTED_READ)
    }
    if (spare !== null) this.#parser.target.set(spare.subarray(0, length))
    this.#parser.read(length)
  }

  override abort(): void {
    this.#parser.stop()
    super.abort()
  }

  // --- MessageSink: called by the parser

  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void {
    if (head.status === 101)
      return this.onFault('status 101 switches protocols, which was not requested')
    this.succeed(start === end ? null : Buffer.from(source.subarray(start, end)))
  }

  onInformational(): void {}

  onHead(head: ResponseHead): void {
    this.#refusal = head
    this.notifyRefusal()
  }

  onBody(source: Buffer, start: number, end: number): void {
    const part = source.subarray(start, Math.min(end, start + MAX_REFUSAL_BODY - this.#body.length))
    this.#body = Buffer.concat([this.#body, part])
    if (this.#body.length === MAX_REFUSAL_BODY) this.reportRefusal()
  }

  onComplete(): void {
    this.reportRefusal()
  }

  onFault(fault: string): void {
    if (this.reportRefusal()) return
    const description = `sent an invalid response to CONNECT ${this.authority}: ${fault}`
    const cause = new RemoteProtocolError(`The response to CONNECT is not valid: ${fault}`)
    this.fail({ description, cause })
  }

  override reportRefusal(): boolean {
    const head = this.#refusal
    if (head === null) return false
    const { status, statusText: reason } = head
    const explanation = head.headers.has('content-encoding')
      ? ''
      : toPlainLine(this.#body.toString())
    const statusLine = toPlainLine([`${status}`, reason].join(' '))
    const details = explanation === '' ? statusLine : `${statusLine}: ${explanation}`
    const description = `${this.#refusalText(status)}: ${details}`
    this.fail({ description, status, reason, isFinal: isFinal(status) })
    return true
  }

  #refusalText(status: number): string {
    if (status !== 407) return `refused a tunnel to ${this.authority}`
    const what = this.proxy.hasCredentials ? 'refused the credentials' : 'requires credentials'
    return `${what} for a tunnel to ${this.authority}`
  }
}

/**
 * Whether the proxy would refuse the same request again: all 4xx, except 408 Request Timeout
 * (RFC 9110 15.5.9) and 429 Too Many Requests (RFC 6585 4).
 */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429
}

/** Returns the text in one line, without control and formatting characters. */
function toPlainLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, ' ').trim()
  return line.length > MAX_REFUSAL_TEXT ? `${line.slice(0, MAX_REFUSAL_TEXT)}…` : line
}
