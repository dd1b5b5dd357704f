import type { BackendSocket } from '../backends/backend.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { ProxySettings } from '../models/proxy.ts'
import { requestHead } from '../protocol/request-head.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { MessageSink } from '../protocol/response-parser.ts'
import { ResponseParser } from '../protocol/response-parser.ts'
import type { TunnelOwner } from './tunnel.ts'
import { Tunnel } from './tunnel.ts'

/** So much of what a proxy says to its refusal is told, in bytes. */
const REFUSAL_BODY = 1024

/** CONNECT. RFC 9110 9.3.6 */
export class ConnectTunnel extends Tunnel implements MessageSink {
  readonly #parser = new ResponseParser(this)
  #refusal: ResponseHead | null = null
  #body = Buffer.alloc(0)

  constructor(socket: BackendSocket, proxy: ProxySettings, origin: Origin, owner: TunnelOwner) {
    super(socket, proxy, origin, owner)
    this.#parser.expect('CONNECT')
    socket.write(requestHead('CONNECT', this.authority, '', proxy.headers, 'none').text)
  }

  readTarget(): Uint8Array {
    return this.#parser.target
  }

  onRead(length: number): void {
    this.#parser.read(length)
  }

  override abort(): void {
    this.#parser.stop()
    super.abort()
  }

  // --- what the parser says

  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void {
    if (head.status === 101) return this.onFault('101 came, and nobody asked to switch protocols')
    this.open(start === end ? null : Buffer.from(source.subarray(start, end)))
  }

  onInformational(): void {}

  onHead(head: ResponseHead): void {
    this.#refusal = head
    this.refusing()
  }

  onBody(source: Buffer, start: number, end: number): void {
    const part = source.subarray(start, Math.min(end, start + REFUSAL_BODY - this.#body.length))
    this.#body = Buffer.concat([this.#body, part])
    if (this.#body.length === REFUSAL_BODY) this.tellRefusal()
  }

  onComplete(): void {
    this.tellRefusal()
  }

  onFault(fault: string): void {
    if (this.tellRefusal()) return
    const what = `gave no valid answer to CONNECT ${this.authority}: ${fault}`
    this.fail({ what, cause: new RemoteProtocolError(`The answer is not valid: ${fault}`) })
  }

  override tellRefusal(): boolean {
    const head = this.#refusal
    if (head === null) return false
    const { status, statusText: reason } = head
    const said = head.headers.has('content-encoding') ? '' : clean(this.#body.toString())
    const answer = clean([`${status}`, reason].join(' '))
    const what = `${this.#refused(status)}: ${answer}${said === '' ? '' : `: ${said}`}`
    this.fail({ what, status, reason, isFinal: isFinal(status) })
    return true
  }

  #refused(status: number): string {
    if (status !== 407) return `refused a tunnel to ${this.authority}`
    const why = this.proxy.hasCredentials ? 'refused the credentials' : 'wants credentials'
    return `${why} for a tunnel to ${this.authority}`
  }
}

/** Of the refusals that blame the request two ask for patience. RFC 9110 15.5.9, 6585 4 */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429
}

/** In one line, without anything that steers a terminal. */
function clean(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, ' ').trim()
}
