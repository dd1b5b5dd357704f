import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import type { BackendSocket, Clock, SocketHandler } from '../backends/backend.ts'
import type { CloseReason } from '../models/close-reasons.ts'
import type { Headers } from '../models/headers.ts'
import type { Timeout } from '../models/timeout.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { MessageSink } from '../protocol/response-parser.ts'
import { NESTED_READ, ResponseParser } from '../protocol/response-parser.ts'
import { reasonAgainstReuse } from './close-reason.ts'
import type { DeadlineFacts } from './deadlines.ts'
import { DeadlineTimer, deadlineAt, deadlineKind } from './deadlines.ts'
import type { BodySink, Carrier, Exchange, RemainingUpload } from './exchange.ts'
import { withoutExpect } from './outgoing-request.ts'
import { openRawSocket } from './raw-socket.ts'
import type { ResponseReaderOwner } from './response-reader.ts'
import { ResponseReader } from './response-reader.ts'
import type { SenderOwner } from './sender.ts'
import { Sender } from './sender.ts'
import type { ConnectionState, SendingState, Transitions } from './states.ts'
import { connectionEvents, nextState } from './states.ts'
import {
  headTimeout,
  invalidResponseError,
  readError,
  readTimeout,
  responseClosedError,
  writeError,
  writeTimeout,
} from './transport-errors.ts'

/** Decides what happens to a connection between exchanges and after its end. */
export interface ConnectionOwner {
  /** The connection is free for another exchange. The end of the last one is reported later. */
  onIdle(connection: Connection): void
  /** The reader of the response paused. */
  onPaused(connection: Connection): void
  /** The reader continues. Not called if the connection is closed during a pause. */
  onResumed(connection: Connection): void
  /** The reader has left: the rest of the body is read only to keep the connection. */
  onDraining(connection: Connection): void
  /** Called once. `replay` must be sent again on a new connection; null for none. */
  onClosed(connection: Connection, reason: CloseReason, replay: Exchange | null): void
}

/** An established connection. It carries one HTTP/1.1 exchange at a time. */
export class Connection
  implements
    SocketHandler,
    MessageSink,
    ResponseReaderOwner,
    SenderOwner,
    Carrier,
    RemainingUpload,
    DeadlineFacts
{
  /** The key of its origin or forwarding proxy. Only requests for it may use the connection. */
  readonly origin: string
  /** In the clock's time, in ms. */
  readonly openedAt: number
  state: ConnectionState = 'idle'
  closeReason: CloseReason | null = null
  /** Whether the peer ended the connection while it was idle, or before it sent a response. */
  isEndedByPeer = false
  /** The method of the last request; '' before the first. */
  lastMethod = ''
  /** The number of exchanges so far, including the current one. */
  exchangeCount = 0
  exchange: Exchange | null = null
  /** The last exchange while its remaining upload is sent. Its response is complete. */
  #uploading: Exchange | null = null
  readonly #socket: BackendSocket
  readonly #clock: Clock
  readonly #owner: ConnectionOwner
  readonly #parser: ResponseParser
  readonly #reader: ResponseReader
  readonly #sender: Sender
  #head: ResponseHead | null = null
  /** The trailers of a complete response. */
  #trailers: Headers | null = null

  // DeadlineFacts: `deadlines.ts` computes the next deadline. One timer serves all deadlines.
  readSince = 0
  inHead = false
  idleDeadline = Number.POSITIVE_INFINITY
  drainSince = Number.POSITIVE_INFINITY
  readonly #timer: DeadlineTimer

  constructor(origin: string, socket: BackendSocket, clock: Clock, owner: ConnectionOwner) {
    this.origin = origin
    this.#socket = socket
    this.#clock = clock
    this.#owner = owner
    this.#parser = new ResponseParser(this)
    this.#reader = new ResponseReader(socket, this.#parser, clock, this)
    this.#sender = new Sender(socket, clock, this)
    this.#timer = new DeadlineTimer(clock, this)
    this.openedAt = clock.now()
    socket.handler = this
  }

  get sending(): SendingState {
    return this.#sender.state
  }

  get writeSince(): number {
    return this.#sender.progressAt
  }

  get paused(): boolean {
    return this.#reader.paused
  }

  get timeouts(): Timeout | null {
    return (this.exchange ?? this.#uploading)?.timeouts ?? null
  }

  // --- exchanges

  /** Sends the request of an exchange. The connection must be idle. */
  start(exchange: Exchange, now: number): void {
    this.#transition(connectionEvents.start)
    this.exchange = exchange
    exchange.carrier = this
    exchange.reused = this.exchangeCount++ > 0
    this.readSince = now
    this.drainSince = Number.POSITIVE_INFINITY
    this.lastMethod = exchange.request.method
    this.#parser.expect(this.lastMethod)
    this.#sender.send(exchange, now)
    exchange.enterPhase(this.#sender.state === 'sent' ? 'wait' : 'write')
    this.#schedule()
  }

  /** Keeps the connection open without an exchange until `deadline`, in the clock's time. */
  idleUntil(deadline: number): void {
    this.#head = null
    this.idleDeadline = deadline
    this.#schedule()
  }

  /** Returns the timeout from the Keep-Alive field of the last response in ms, or null. */
  keepAliveHint(): number | null {
    if (!this.#parser.mayHintKeepAlive || this.#head === null) return null
    const hint = /(?:^|[,;\s])timeout=(\d+)/i.exec(this.#head.headers.get('keep-alive') ?? '')
    return hint === null ? null : Number(hint[1]) * 1000
  }

  /** Closes the connection. Does nothing if it is closed or handed over already. */
  close(reason: CloseReason, replay: Exchange | null = null): void {
    if (this.state === 'closed' || this.state === 'upgraded') return
    this.#transition(connectionEvents.close)
    this.closeReason = reason
    this.#timer.cancel()
    this.#parser.stop()
    this.#sender.abandon()
    this.#reader.stop()
    this.#socket.destroy()
    this.#owner.onClosed(this, reason, replay)
    this.#endUpload()
  }

  /** Called when the exchange was settled by an abort or a timeout. Closes the connection. */
  release(exchange: Exchange): void {
    if (this.exchange !== exchange) return
    this.exchange = null
    this.close('aborted')
  }

  /** Aborts the remaining upload, after the caller's abort or `total`. */
  cancel(reason: CloseReason): void {
    this.close(reason)
  }

  #fail(reason: CloseReason, error: unknown): void {
    const { exchange } = this
    this.exchange = null
    if (exchange !== null) exchange.failure = error // for the source, which `close` closes
    this.close(reason)
    exchange?.fail(error)
  }

  // --- MessageSink: called by the parser

  onInformational(head: ResponseHead): void {
    this.inHead = false
    if (head.status === 100 && this.#sender.awaitsContinue) this.#sender.continue()
    try {
      this.exchange?.sink.onInformational(head)
    } catch (error) {
      this.#fail('handler-threw', error)
    }
  }

  onHead(head: ResponseHead): void {
    const exchange = this.exchange as Exchange
    const sender = this.#sender
    if (head.status === 417 && sender.awaitsContinue) return this.#sendWithoutExpect(exchange)
    this.#transition(connectionEvents.head)
    this.#head = head
    this.inHead = false
    if (sender.isActive) {
      // The server does not need the remaining upload after an error (RFC 9112 9.5), or after a final response in place of 100 (Continue) (RFC 9110 10.1.1).
      if (head.status >= 300 || sender.awaitsContinue) this.#stopSending()
      if (this.exchange !== exchange) return
    }
    if (!sender.isActive) exchange.enterPhase('read')
    try {
      exchange.deliverHead(head, this.#parser.remaining)
    } catch (error) {
      this.#fail('handler-threw', error)
    }
  }

  onBody(source: Buffer, start: number, end: number): void {
    if (start === end) return
    this.#reader.onDelivery()
    try {
      const { bodySink } = this.exchange as Exchange
      const wantsMore = (bodySink as BodySink).onBody(source, start, end)
      if (wantsMore === false && this.exchange !== null) this.#pause()
    } catch (error) {
      this.#fail('handler-threw', error)
    }
  }

  onComplete(trailers: Headers): void {
    this.#transition(connectionEvents.complete)
    this.#trailers = trailers
    if (this.#sender.isActive) {
      // From now on, the `write` timeout also limits how long the source takes.
      this.#sender.progressAt = this.#clock.now()
      this.#schedule()
    }
    this.#finishIfDone()
  }

  onTunnel(head: ResponseHead, source: Buffer, start: number, end: number): void {
    const exchange = this.exchange as Exchange
    const isExpected = exchange.request.framing.upgrade || exchange.request.method === 'CONNECT'
    if (isExpected && this.#sender.isActive)
      return this.onFault(`status ${head.status} arrived before the whole request was sent`)
    let socket: Duplex | null = null
    const open = (): Duplex => {
      socket = this.#handOver()
      return socket
    }
    try {
      const isAccepted =
        isExpected && exchange.deliverUpgrade(open, Buffer.from(source.subarray(start, end)), head)
      if (isAccepted || exchange.settled) return
    } catch (error) {
      if (socket === null) return this.#fail('handler-threw', error)
      ;(socket as Duplex).destroy()
      return exchange.throwUncaught(error)
    }
    this.onFault(`status ${head.status} switches protocols, which was not requested`)
  }

  onFault(fault: string): void {
    const { exchange } = this
    if (exchange === null) return this.close('protocol-error')
    this.#fail('protocol-error', invalidResponseError(exchange, fault))
  }

  /** Ends the exchange, and turns the socket into a stream that belongs to the caller. */
  #handOver(): Duplex {
    const exchange = this.exchange as Exchange
    this.#transition(connectionEvents.upgrade)
    this.exchange = null
    this.#timer.cancel()
    this.closeReason = 'upgraded'
    // First, so that listeners can no longer abort the exchange or close its connection.
    exchange.completeUpgrade()
    const socket = openRawSocket(this.#socket)
    this.#owner.onClosed(this, 'upgraded', null)
    return socket
  }

  /** Ends the exchange if the response is complete and the reader is not paused. */
  #finishIfDone(): void {
    if (this.state !== 'complete' || this.#reader.paused) return
    const exchange = this.exchange as Exchange
    const trailers = this.#trailers as Headers
    this.exchange = null
    this.#trailers = null
    exchange.carrier = null
    if (this.#sender.isActive && this.#mayFinishUpload()) {
      this.#transition(connectionEvents.detach)
      this.#uploading = exchange
      exchange.remainingUpload = this
    } else {
      this.#keepOrClose(exchange)
    }
    exchange.end(trailers)
  }

  /** Called when the exchange and its request are complete. */
  #keepOrClose(exchange: Exchange): void {
    const reason = reasonAgainstReuse({
      surplus: this.#surplus,
      targetFull: this.#reader.targetFull,
      untilClose: this.#parser.untilClose,
      requestSent: this.#sender.state === 'sent',
      requestCloses: exchange.request.framing.close,
      persistent: this.#parser.persistent,
      peerEnded: this.#reader.hasEnded,
    })
    if (reason !== null) return this.close(reason)
    this.#transition(connectionEvents.finish)
    this.#owner.onIdle(this)
  }

  /** How many bytes or reads have arrived after the response. */
  get #surplus(): number {
    return this.#parser.surplus + this.#reader.backlogLength
  }

  /** Whether the remaining upload is sent after a complete response. RFC 9112 9.5 */
  #mayFinishUpload(): boolean {
    const status = this.#head?.status ?? 0
    const isPeerDone = this.#reader.hasEnded || this.#surplus > 0
    return status < 300 && this.#parser.persistent && !isPeerDone
  }

  /** Called when the remaining upload is complete, or will not be sent. */
  #endUpload(): void {
    const exchange = this.#uploading
    this.#uploading = null
    exchange?.endUpload()
  }

  // --- SocketHandler: called by the socket

  readTarget(): Uint8Array {
    return this.#reader.target(this.exchange?.bodySink ?? null)
  }

  onRead(length: number): void {
    const { exchange } = this
    this.#reader.checkWindow()
    if (exchange === null)
      return this.close(this.#uploading === null ? 'unsolicited-data' : 'surplus-bytes')
    exchange.onBytesReceived(length)
    this.#reader.read(length)
    if (this.exchange !== exchange) return
    const wasInHead = this.inHead
    this.inHead = this.#parser.isInHead
    // The `read` timeout limits a whole head, from its first byte.
    if (wasInHead && this.inHead) return
    this.readSince = this.#clock.now()
    if (this.inHead) this.#schedule()
  }

  onDrain(): void {
    this.#sender.onDrain(this.#clock.now())
    if (this.state === 'closed') return
    this.#onSent()
  }

  onWriteError(error: Error): void {
    if (this.exchange === null) return this.#onPeerGone('peer-reset')
    this.#sender.writeError = error
    // The server may have responded before it closed. Reading goes on until the response, the end
    // of the stream or the `read` timeout.
    this.#stopSending()
  }

  onEnd(): void {
    if (this.exchange === null) return this.#onPeerGone('peer-ended')
    this.#reader.end(null)
  }

  onClose(error: Error | null): void {
    if (this.exchange === null)
      return this.#onPeerGone(error === null ? 'peer-ended' : 'peer-reset')
    this.#reader.end(error)
  }

  /** The connection cannot be used any more, and has no exchange that would fail. */
  #onPeerGone(reason: 'peer-ended' | 'peer-reset'): void {
    this.isEndedByPeer = true
    this.close(this.#uploading === null ? reason : 'upload-unfinished')
  }

  onEnded(cause: Error | null): void {
    const { exchange } = this
    if (exchange === null) return
    if (this.state === 'complete') return this.#finishIfDone()
    this.isEndedByPeer = exchange.reused && !exchange.responseStarted
    if (this.#mayReplay(exchange)) return this.#replay(exchange)
    const failedWrite = exchange.responseStarted ? null : this.#sender.writeError
    if (failedWrite !== null) this.#fail('peer-reset', writeError(exchange, failedWrite))
    else if (cause !== null) this.#fail('peer-reset', readError(exchange, cause))
    else this.#parser.end() // the end of the body, or a fault
  }

  /** Whether to send the request again on a new connection: only once. RFC 9112 9.3.1 */
  #mayReplay(exchange: Exchange): boolean {
    return (
      exchange.reused &&
      !exchange.replayed &&
      !exchange.responseStarted &&
      exchange.isReplayable &&
      (exchange.bytesSent === 0 || isIdempotent(exchange.request.method))
    )
  }

  #replay(exchange: Exchange): void {
    exchange.replayed = true
    this.#sendAgain(exchange, 'peer-ended')
  }

  /** RFC 9110 10.1.1: after 417 a client should repeat the request without the expectation. */
  #sendWithoutExpect(exchange: Exchange): void {
    exchange.request = withoutExpect(exchange.request)
    exchange.responseStarted = false
    this.#sendAgain(exchange, 'upload-unfinished')
  }

  #sendAgain(exchange: Exchange, reason: CloseReason): void {
    this.exchange = null
    exchange.carrier = null
    exchange.reused = false
    exchange.bytesSent = 0
    this.close(reason, exchange)
  }

  onConnect(): void {}
  onSecure(): void {}

  // --- SenderOwner and ResponseReaderOwner

  /** Sends no more of the request. From now on, the `read` timeout applies. */
  #stopSending(): void {
    this.#sender.abandon()
    if (this.exchange === null) return
    this.readSince = this.#clock.now()
    this.#schedule()
  }

  onBlocked(): void {
    this.#schedule()
  }

  onUploaded(): void {
    this.#onSent()
  }

  /** The socket took all written bytes, or the upload wrote its last bytes. */
  #onSent(): void {
    this.#schedule()
    if (this.#sender.isActive) return
    if (this.exchange !== null) this.#enterReceivingPhase(this.exchange)
    else if (this.#uploading !== null) this.#onUploadSent(this.#uploading)
  }

  #enterReceivingPhase(exchange: Exchange): void {
    exchange.enterPhase(this.state === 'awaiting-head' ? 'wait' : 'read')
  }

  /** Called when the upload of an exchange that has already ended is complete. */
  #onUploadSent(exchange: Exchange): void {
    this.#uploading = null
    this.#keepOrClose(exchange)
    exchange.endUpload()
  }

  onUploadFailed(error: Error): void {
    // After a complete response, a failed upload only prevents reuse of the connection.
    if (this.state === 'uploading') this.close('request-failed')
    else if (this.state !== 'complete') this.#fail('request-failed', error)
  }

  #pause(): void {
    this.#reader.pause()
    if (this.#reader.state !== 'paused') return // the reader has resumed already
    this.#schedule()
    this.#owner.onPaused(this)
  }

  resume(): void {
    const wasPaused = this.#reader.state === 'paused'
    this.#reader.resume()
    if (!wasPaused) return
    this.exchange?.awaitReader(false)
    this.#owner.onResumed(this)
  }

  /** Called when the reader has left. The rest of the body must arrive soon. */
  drain(): void {
    if (this.state !== 'reading-body') return // the body has arrived
    this.drainSince = this.#clock.now()
    this.#schedule()
    this.#owner.onDraining(this)
  }

  /** Closes the connection instead of reading the rest of a discarded body. */
  stopDraining(reason: CloseReason): void {
    this.#fail(reason, responseClosedError())
  }

  onRefused(): void {
    const { exchange } = this
    if (exchange !== null) this.#fail('protocol-error', readError(exchange, new Error(NESTED_READ)))
  }

  onCaughtUp(): void {
    this.#socket.resume()
    // Neither timeout has run during the pause.
    this.readSince = this.#sender.progressAt = this.#clock.now()
    this.#schedule()
    this.#finishIfDone()
  }

  // --- deadlines

  /** Called whenever a fact changes on which the next deadline depends. */
  #schedule(): void {
    const kind = deadlineKind(this)
    this.#timer.armNoLaterThan(deadlineAt(this, kind))
    if (this.#reader.state !== 'paused') return
    // The source of the content may still yield, and a deadline may end the exchange.
    this.exchange?.awaitReader(kind === null && this.#sender.state !== 'sending')
  }

  onDue(): void {
    const kind = deadlineKind(this)
    if (deadlineAt(this, kind) > this.#clock.now()) return this.#schedule()
    if (kind === 'idle') return this.close('keepalive-expired')
    // If the event loop was blocked, data may have arrived in time. It is delivered first.
    const { exchangeCount } = this
    this.#clock.afterPending(() => {
      if (this.exchangeCount === exchangeCount) this.#expire()
    })
  }

  #expire(): void {
    const { exchange } = this
    const kind = deadlineKind(this)
    const now = this.#clock.now()
    if (deadlineAt(this, kind) > now) return this.#schedule()
    if (kind === 'write' && this.#sender.checkProgress(now)) return this.#schedule()
    if (this.state === 'uploading') return this.close('timeout')
    if (this.state === 'complete') return this.#stopSending()
    if (exchange === null) return
    if (kind === 'drain') return this.stopDraining('timeout')
    if (kind === 'continue') return this.#sender.continue()
    if (kind === 'read') {
      this.#enterReceivingPhase(exchange)
      const isSourceIdle = this.#sender.state === 'sending'
      const error = this.inHead ? headTimeout(exchange) : readTimeout(exchange, isSourceIdle)
      return this.#fail('timeout', error)
    }
    exchange.enterPhase('write')
    this.#fail('timeout', writeTimeout(exchange, this.#socket.pendingBytes()))
  }

  #transition(transitions: Transitions<ConnectionState>): void {
    this.state = nextState(transitions, this.state)
  }

  [inspect.custom](): string {
    const end = this.closeReason === null ? '' : `, ${this.closeReason}`
    return `<Connection ${this.origin} [${this.state}${end}, ${this.exchangeCount} exchanges]>`
  }
}
