import type { Backend, BackendSocket, SocketHandler } from '../../src/engine.ts'
import { nodeBackend } from '../../src/engine.ts'

/**
 * Returns a backend whose sockets answer each request from memory, always with `response`. Nothing
 * passes the kernel, so the CPU time of a call is that of the layers above the socket. Only http
 * without TLS is supported. Clock and holds are those of Node's backend, because they are part of
 * what a request costs.
 */
export function answeringBackend(response: Buffer): Backend {
  const reads = new PendingReads()
  return {
    name: 'answering',
    clock: nodeBackend.clock,

    lookup(_host, callback) {
      setImmediate(callback, null, [{ address: '127.0.0.1', family: 4 }])
    },

    connect(_target, handler) {
      const socket = new AnsweringSocket(handler, response, reads)
      setImmediate(() => socket.handler.onConnect())
      return socket
    },

    secure() {
      throw new Error('The answering backend does not support TLS')
    },

    hold: nodeBackend.hold,
    release: nodeBackend.release,
  }
}

/** Delivers the reads of all sockets together in a later turn, as a poll of the event loop does. */
class PendingReads {
  #sockets: AnsweringSocket[] = []

  add(socket: AnsweringSocket): void {
    if (this.#sockets.push(socket) === 1) setImmediate(this.#deliver)
  }

  readonly #deliver = () => {
    const sockets = this.#sockets
    this.#sockets = []
    for (const socket of sockets) socket.read()
  }
}

class AnsweringSocket implements BackendSocket {
  handler: SocketHandler
  readonly remoteAddress = undefined
  readonly remotePort = undefined

  readonly #response: Buffer
  readonly #reads: PendingReads
  #target: Uint8Array | null = null
  /** Number of response bytes that have been read. */
  #position = 0
  #answering = false
  /** Whether this socket is in `#reads`. */
  #isScheduled = false
  #paused = false
  #destroyed = false

  constructor(handler: SocketHandler, response: Buffer, reads: PendingReads) {
    this.handler = handler
    this.#response = response
    this.#reads = reads
  }

  /** All writes before the response is read belong to one request. */
  write(): boolean {
    if (!this.#answering) {
      this.#answering = true
      this.#position = 0
      this.#scheduleRead()
    }
    return true
  }

  /**
   * Delivers one read. The remaining bytes follow in a later turn, as on a real socket: by then the
   * caller has received the head, and may have asked for the body.
   */
  read(): void {
    this.#isScheduled = false
    if (!this.#answering || this.#paused || this.#destroyed) return
    const target = this.#target ?? this.handler.readTarget()
    const length = this.#response.copy(target, 0, this.#position)
    this.#position += length
    // This must happen before onRead, which can write the next request.
    if (this.#position === this.#response.length) this.#answering = false
    else this.#scheduleRead()
    this.handler.onRead(length)
    this.#target = this.handler.readTarget()
  }

  #scheduleRead(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#reads.add(this)
  }

  pendingBytes(): number {
    return 0
  }

  end(): void {}

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (this.#answering) this.#scheduleRead()
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    setImmediate(() => this.handler.onClose(null))
  }

  keepAlive(): void {}
}
