/**
 * The interface between the engine and a runtime: sockets, name resolution and time. The engine
 * uses no other sockets, timers or clocks. To run the engine on another transport, implement
 * `Backend`.
 *
 * All callbacks are asynchronous: no method of a `SocketHandler` and no callback is called before
 * the call to the backend or the socket that caused it has returned. A microtask is late enough.
 */
import type { ConnectionOptions } from 'node:tls'

/** One deadline, which can be armed, moved and cancelled any number of times. */
export interface Timer {
  /**
   * Calls the callback once, after `ms` milliseconds. Replaces an earlier `arm`. Never keeps the
   * process alive.
   *
   * @param ms a finite number, not negative; may be larger than the limit of `setTimeout`, 2^31-1
   */
  arm(ms: number): void
  /** Prevents the call. The timer can be armed again. */
  cancel(): void
}

/** The source of time. Tests pass one that they control. */
export interface Clock {
  /** The current time in milliseconds since an arbitrary start. Never decreases. */
  now(): number
  /** Creates a timer, which is not armed yet. */
  timer(callback: () => void): Timer
  /**
   * Calls back once, after all events have been delivered that are pending on sockets now. The
   * engine calls this when a deadline passes, because data may have arrived while the event loop
   * was blocked.
   */
  afterPending(callback: () => void): void
  /**
   * Calls back once, after one whole poll of the event loop. A server that closes right after its
   * response sends the response and the end separately, so they often arrive in two polls.
   *
   * @param callback called when everything has been delivered that was at the sockets of this
   *   process when the poll began
   * @param onBegin called before, when the poll begins: possibly at once, inside of this call
   */
  afterPoll(callback: () => void, onBegin: () => void): void
  /**
   * Whether `afterPoll` takes no longer than the event loop needs for the poll. If it takes a timer
   * of a millisecond, the engine waits only where a request could otherwise be lost.
   */
  readonly isPollFast: boolean
  /** Calls back once, in a microtask. */
  microtask(callback: () => void): void
}

/** An address that a name resolves to. */
export interface Address {
  /** The IPv4 or IPv6 address, without brackets. */
  readonly address: string
  readonly family: 4 | 6
}

/** The endpoint of one connection attempt: `address` and `port`, or `path`. */
export interface ConnectTarget {
  /** An IP address, never a name. */
  readonly address?: string
  readonly port?: number
  /** The path of a Unix socket. A leading NUL selects Linux's abstract namespace. */
  readonly path?: string
  /** The local IP address to connect from. Default: the choice of the operating system. */
  readonly localAddress?: string | undefined
  /** Starts TLS as soon as the transport is connected. Default: no TLS. */
  readonly tls?: TlsTarget | null
}

/** The peer and the settings of a TLS connection. */
export interface TlsTarget {
  /**
   * The name or IP address that the peer's certificate must be valid for, also if a session is
   * resumed. A name is sent as SNI as well, unless `options.servername` is set.
   */
  readonly host: string
  /**
   * The options for `tls.connect`. The connections of a pool share this object, so a backend can
   * cache what it makes from it, such as a secure context. Certificates are verified unless
   * `rejectUnauthorized` is false: the engine has applied NODE_TLS_REJECT_UNAUTHORIZED.
   */
  readonly options: ConnectionOptions
  /**
   * Stores the sessions of this peer. Without it, no session is resumed. A backend that cannot
   * resume sessions ignores it.
   */
  readonly sessions?: TlsSessionStore | undefined
}

/** Stores the TLS session of one peer for its next connection. */
export interface TlsSessionStore {
  /** The session to offer to the peer; undefined if there is none. */
  get(): Uint8Array | undefined
  /**
   * Replaces the stored session. The backend calls this for each session that the peer sends:
   * never, once or several times per connection, and possibly after `onSecure`.
   */
  set(session: Uint8Array): void
}

/**
 * Receives the events of one socket. The socket never calls a method of its handler while one of
 * its own methods is running, but always later. After `onClose` it calls nothing more.
 */
export interface SocketHandler {
  /** The transport is connected. TLS, if requested, follows. */
  onConnect(): void
  /**
   * TLS is established, and the peer's certificate has been verified. Follows `onConnect` for a
   * socket of `Backend.connect`; the first event of a socket of `Backend.secure`.
   */
  onSecure(): void
  /**
   * Returns the buffer for the next read. It is never empty. The socket calls this before the first
   * read, and right after each `onRead`, even if the handler has called `destroy` there. The socket
   * may therefore read into a buffer that the handler chose one read earlier.
   */
  readTarget(): Uint8Array
  /**
   * Data has arrived: the first `length` bytes of the buffer that `readTarget` returned last. The
   * buffer belongs to the handler. May be called once more after `pause`.
   *
   * @param length at least 1, at most the length of the buffer
   */
  onRead(length: number): void
  /**
   * The operating system has accepted all written bytes. Called once after one or more calls of
   * `write` that returned false.
   */
  onDrain(): void
  /**
   * Writing failed, for example with EPIPE or ECONNRESET. Nothing more is sent, and no `onDrain`
   * follows. Data that the peer has sent before is still delivered. Called at most once.
   */
  onWriteError(error: Error): void
  /**
   * The peer has finished sending (FIN). The socket stays open for writing, and is not closed until
   * `destroy`, even if both sides have finished.
   */
  onEnd(): void
  /**
   * The socket is closed. Called exactly once for each socket, after `destroy` too, as the last
   * event.
   *
   * @param error the reason, such as a failed connection attempt or a reset; null after `destroy`
   */
  onClose(error: Error | null): void
}

/** One connection. */
export interface BackendSocket {
  /** Receives the events. Can be replaced during any event, and then applies to the next one. */
  handler: SocketHandler
  /**
   * Sends `data`, then `tail`. If the runtime can, both go into one system call: for a head and a
   * large body, two calls take a fifth more CPU. The engine never passes empty data. After
   * `onWriteError`, the data is dropped.
   *
   * @param data bytes, or a string of latin1 characters. The socket owns bytes until this returns
   *   true or `onDrain` is called; the caller must not change them before
   * @param tail bytes to send after `data`, owned in the same way
   * @returns true if the operating system has accepted everything (or writing has failed before);
   *   if false, `onDrain` follows
   */
  write(data: string | Uint8Array, tail?: Uint8Array): boolean
  /**
   * How many written bytes the operating system has not accepted yet. The write timeout counts
   * every decrease as progress.
   */
  pendingBytes(): number
  /** Finishes sending (FIN), after all written bytes. Reading is not affected. */
  end(): void
  /** Stops reading. Data that is already being read may still be delivered. */
  pause(): void
  /** Continues reading after `pause`. */
  resume(): void
  /** Closes the connection at once, and discards unsent bytes. `onClose` follows. */
  destroy(): void
  /**
   * Sets whether this socket keeps the process alive. Off at first. The engine uses `Backend.hold`
   * for its own connections, and this only for sockets that it hands to the caller after an
   * upgrade.
   */
  keepAlive(on: boolean): void
  /**
   * The address and port of the peer, in Node's notation; undefined if they do not exist or are not
   * known.
   */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
}

/** A runtime, or another transport, that the engine runs on. */
export interface Backend {
  /** The name of the backend, such as `node`. */
  readonly name: string
  readonly clock: Clock
  /**
   * Resolves a name to all its addresses, in the order of the resolver. Calls back once, later.
   *
   * @param callback receives an error, or null and the addresses
   */
  lookup(host: string, callback: (error: Error | null, addresses: readonly Address[]) => void): void
  /**
   * Starts one connection attempt. `handler` receives `onConnect`, then `onSecure` if TLS was
   * requested; or `onClose` with the reason if the attempt fails. Does not throw: an invalid target
   * is reported to `onClose` too.
   */
  connect(target: ConnectTarget, handler: SocketHandler): BackendSocket
  /**
   * Starts TLS over a connected socket, such as a tunnel through a proxy. The returned socket takes
   * over `socket`: its handler receives no more events, not even `onClose`.
   *
   * @param socket a socket of this backend
   * @param firstBytes bytes of the TLS peer that have already been read from `socket`; null for
   *   none
   */
  secure(
    socket: BackendSocket,
    tls: TlsTarget,
    handler: SocketHandler,
    firstBytes?: Uint8Array | null,
  ): BackendSocket
  /**
   * Keeps the process alive until `release` has been called as often as `hold`. Sockets and timers
   * never keep it alive, except for a socket whose `keepAlive` is on.
   */
  hold(): void
  /** Cancels one call of `hold`. */
  release(): void
}
