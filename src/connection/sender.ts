import type { BackendSocket, Clock } from '../backends/backend.ts'
import type { Exchange } from './exchange.ts'
import { contentWithHead } from './outgoing-request.ts'
import type { SendingState, Transitions } from './states.ts'
import { nextState, sendingEvents } from './states.ts'
import type { UploadOwner } from './upload.ts'
import { Upload } from './upload.ts'

/** Content up to this size goes out in one write with its head. More is sent piece by piece. */
const ONE_WRITE = 1 << 20

export interface SenderOwner {
  /** The socket has not taken all of the content that it was given. */
  onBlocked(): void
  /** All content was handed to the socket. */
  onUploaded(): void
  /** The content could not be read, or is not what the head announced. */
  onUploadFailed(error: Error): void
}

/** Sends the requests of one connection, one at a time: the head, and content as fast as the socket takes it. */
export class Sender implements UploadOwner {
  state: SendingState = 'sent'
  /** When sending last made progress, in the clock's time. */
  progressAt = 0
  /** Why writing failed; null if it did not. */
  error: Error | null = null
  readonly #socket: BackendSocket
  readonly #clock: Clock
  readonly #owner: SenderOwner
  /** Null where all content was sent with the head, and once it was uploaded. */
  #upload: Upload | null = null
  #pendingBytes = 0

  constructor(socket: BackendSocket, clock: Clock, owner: SenderOwner) {
    this.#socket = socket
    this.#clock = clock
    this.#owner = owner
  }

  /** Whether some of the request is still to be sent. */
  get isActive(): boolean {
    return this.state !== 'sent' && this.state !== 'abandoned'
  }

  get #isBlocked(): boolean {
    return this.state === 'blocked' || this.state === 'draining' || this.state === 'head-blocked'
  }

  get awaitsContinue(): boolean {
    return this.state === 'awaiting-continue' || this.state === 'head-blocked'
  }

  send(exchange: Exchange, now: number): void {
    const { first, content, framing } = exchange.request
    this.progressAt = now
    const tail = contentWithHead(content, framing, ONE_WRITE)
    exchange.bytesSent = first.length + (tail?.length ?? 0)
    const isTaken = tail === null ? this.#socket.write(first) : this.#socket.write(first, tail)
    if (content !== tail) this.#sendLater(exchange)
    if (!isTaken) this.#block()
  }

  #sendLater(exchange: Exchange): void {
    const upload = new Upload(exchange, this)
    this.#upload = upload
    if (exchange.request.framing.expectsContinue) return this.#to(sendingEvents.expect)
    this.#to(sendingEvents.send)
    this.#clock.microtask(() => upload.start())
  }

  /** Sends the content that waits for 100 (Continue). */
  continue(): void {
    this.#to(sendingEvents.continue)
    this.#upload?.start()
  }

  /** Sends no more of the request. */
  abandon(): void {
    if (this.state === 'abandoned') return
    this.#to(sendingEvents.abandon)
    this.#upload?.stop()
  }

  /** The socket has taken all that it was given. */
  onDrain(now: number): void {
    this.progressAt = now
    if (!this.#isBlocked) return // abandoned meanwhile
    this.#to(sendingEvents.drain)
    this.#upload?.resume()
  }

  /** @returns whether the operating system has taken some bytes since the last look. */
  checkProgress(now: number): boolean {
    const pending = this.#socket.pendingBytes()
    if (pending >= this.#pendingBytes) return false
    this.#pendingBytes = pending
    this.progressAt = now
    return true
  }

  // --- what the upload says

  write(data: string | Uint8Array): void {
    if (this.#socket.write(data)) return
    this.#block()
    this.#owner.onBlocked()
  }

  onUploaded(): void {
    this.#to(sendingEvents.finish)
    this.#upload = null
    this.#owner.onUploaded()
  }

  onUploadFailed(error: Error): void {
    this.abandon()
    this.#owner.onUploadFailed(error)
  }

  #block(): void {
    if (this.state !== 'blocked') this.progressAt = this.#clock.now()
    this.#to(sendingEvents.block)
    this.#pendingBytes = this.#socket.pendingBytes()
  }

  #to(transitions: Transitions<SendingState>): void {
    this.state = nextState(transitions, this.state)
  }
}
