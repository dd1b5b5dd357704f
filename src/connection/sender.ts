import type { BackendSocket, Clock } from '../backends/backend.ts'
import type { Exchange } from './exchange.ts'
import { contentWithHead } from './outgoing-request.ts'
import type { SendingState, Transitions } from './states.ts'
import { nextState, sendingEvents } from './states.ts'
import type { UploadOwner } from './upload.ts'
import { Upload } from './upload.ts'

/** Content in memory up to this size, in bytes, is written together with the head. */
const MAX_SINGLE_WRITE = 1 << 20

export interface SenderOwner {
  /** The operating system has not taken all bytes of the last write. */
  onBlocked(): void
  /** All content was written to the socket. */
  onUploaded(): void
  /** The content could not be read, or does not match the Content-Length. */
  onUploadFailed(error: Error): void
}

/** Sends the requests of one connection, one at a time: the head, then the content. */
export class Sender implements UploadOwner {
  state: SendingState = 'sent'
  /** When the operating system last took bytes of the request, in the clock's time. */
  progressAt = 0
  /** The error of a failed write, or null. */
  writeError: Error | null = null
  readonly #socket: BackendSocket
  readonly #clock: Clock
  readonly #owner: SenderOwner
  /** Sends the content that is not written together with the head; null if there is none left. */
  #upload: Upload | null = null
  /** What `pendingBytes` of the socket returned last. */
  #pendingBytes = 0

  constructor(socket: BackendSocket, clock: Clock, owner: SenderOwner) {
    this.#socket = socket
    this.#clock = clock
    this.#owner = owner
  }

  /** Whether a part of the request still has to be sent. */
  get isActive(): boolean {
    return this.state !== 'sent' && this.state !== 'abandoned'
  }

  get #isBlocked(): boolean {
    return this.state === 'blocked' || this.state === 'draining' || this.state === 'head-blocked'
  }

  /** Whether the content waits for 100 (Continue). */
  get awaitsContinue(): boolean {
    return this.state === 'awaiting-continue' || this.state === 'head-blocked'
  }

  /** Writes the head and a small body. A larger body or an iterable is uploaded later. */
  send(exchange: Exchange, now: number): void {
    const { headBytes, content, framing } = exchange.request
    this.progressAt = now
    const tail = contentWithHead(content, framing, MAX_SINGLE_WRITE)
    exchange.bytesSent = headBytes.length + (tail?.length ?? 0)
    const isTaken =
      tail === null ? this.#socket.write(headBytes) : this.#socket.write(headBytes, tail)
    if (content !== tail) this.#prepareUpload(exchange)
    if (!isTaken) this.#block()
  }

  #prepareUpload(exchange: Exchange): void {
    const upload = new Upload(exchange, this)
    this.#upload = upload
    if (exchange.request.framing.expectsContinue) return this.#transition(sendingEvents.expect)
    this.#transition(sendingEvents.send)
    this.#clock.microtask(() => upload.start())
  }

  /** Sends the content that waited for 100 (Continue). */
  continue(): void {
    this.#transition(sendingEvents.continue)
    this.progressAt = this.#clock.now()
    this.#upload?.start()
  }

  /** Stops sending permanently, and closes the source of the content. */
  abandon(): void {
    if (this.state === 'abandoned') return
    this.#transition(sendingEvents.abandon)
    this.#upload?.stop()
  }

  /** The operating system has taken all written bytes. */
  onDrain(now: number): void {
    this.progressAt = now
    if (!this.#isBlocked) return // sending was abandoned
    this.#transition(sendingEvents.drain)
    this.#upload?.resume()
  }

  /** Returns whether the operating system has taken bytes since the last call or the last block. */
  checkProgress(now: number): boolean {
    const pending = this.#socket.pendingBytes()
    if (pending >= this.#pendingBytes) return false
    this.#pendingBytes = pending
    this.progressAt = now
    return true
  }

  // --- UploadOwner: called by the upload

  write(data: string | Uint8Array): void {
    if (this.#socket.write(data)) {
      this.progressAt = this.#clock.now()
      return
    }
    this.#block()
    this.#owner.onBlocked()
  }

  onUploaded(): void {
    this.#transition(sendingEvents.finish)
    this.#upload = null
    this.#owner.onUploaded()
  }

  onUploadFailed(error: Error): void {
    this.abandon()
    this.#owner.onUploadFailed(error)
  }

  #block(): void {
    if (this.state !== 'blocked') this.progressAt = this.#clock.now()
    this.#transition(sendingEvents.block)
    this.#pendingBytes = this.#socket.pendingBytes()
  }

  #transition(transitions: Transitions<SendingState>): void {
    this.state = nextState(transitions, this.state)
  }
}
