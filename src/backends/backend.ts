/**
 * What the engine asks of a runtime: sockets, name resolution and time. Everything that knows a
 * runtime implements this; nothing above it touches a socket, a timer or a clock of its own.
 */
import type { ConnectionOptions } from 'node:tls'

/** A single deadline that is armed, moved and cancelled without a new timer each time. */
export interface Timer {
  /** Calls back once after `ms` milliseconds (any length, `setTimeout`'s 2^31-1 is no bound), instead of any earlier arming. Never keeps the process alive. */
  arm(ms: number): void
  /** Lets go of everything; may be armed again. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds from an arbitrary start; never goes back. */
  now(): number
  /** A timer that is not armed yet; it does not keep the process alive. */
  timer(callback: () => void): Timer
  /** Calls back after all that has arrived on the sockets by now has been delivered. */
  afterPending(callback: () => void): void
  /** Calls back after what runs now, before anything else. */
  microtask(callback: () => void): void
}

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** The end point of one connection attempt. */
export interface ConnectTarget {
  /** An IP address (never a name), with `port`; or `path`. */
  readonly address?: string
  readonly port?: number
  /** A unix socket's path; a leading NUL means Linux's abstract namespace. */
  readonly path?: string
  readonly localAddress?: string | undefined
  /** TLS straight on the new connection. */
  readonly tls?: TlsTarget | null
}

export interface TlsTarget {
  /** Whom the certificate must name, on resumed sessions too. Also the SNI unless it is an IP address. */
  readonly host: string
  /** Shared by all connections of a pool: a secure context is built once for each such object. */
  readonly options: ConnectionOptions
  /** Sessions to resume; none is kept without it. A backend that resumes none ignores it. */
  readonly sessions?: TlsSessionStore | undefined
}

/** Keeps the TLS session of one peer for its next connection. */
export interface TlsSessionStore {
  /** The session to offer to the peer; undefined for none. */
  get(): Uint8Array | undefined
  /** Replaces the session. May be called several times for one connection, after `onSecure` too, or never. */
  set(session: Uint8Array): void
}

/**
 * Receives what happens on one socket. No method is ever called inside a call to the socket:
 * always later. After `onClose` nothing is called any more.
 */
export interface SocketHandler {
  /** The transport is established (before TLS). */
  onConnect(): void
  /** TLS is established and the peer's identity checked. (Alone, without `onConnect`, for `secure`.) */
  onSecure(): void
  /**
   * Where the next read goes: never empty. Asked for before the first read comes, and right after
   * each `onRead` (after `destroy`, too), so the answer may be one read old when the data comes.
   */
  readTarget(): Uint8Array
  /** `length` bytes stand at the start of the latest `readTarget()`. May come after `pause()`, too. */
  onRead(length: number): void
  /** All that was written has been taken by the operating system; follows each `write` that returned false. */
  onDrain(): void
  /** Writing failed (EPIPE, ECONNRESET): nothing more is sent, but what the peer has said is still delivered. */
  onWriteError(error: Error): void
  /** The peer has finished sending. The socket stays, ended on both sides even, until `destroy`. */
  onEnd(): void
  /** The socket is gone. Last call; exactly one for each socket, after `destroy` too. */
  onClose(error: Error | null): void
}

export interface BackendSocket {
  /** Whom events go to; may be changed inside any event. */
  handler: SocketHandler
  /**
   * Strings are latin1. Bytes belong to the socket until `onDrain`, or until it returns true.
   * Never called with nothing to write. After `onWriteError` nothing is sent any more.
   * `tail` follows in the same system call, where the runtime can: a head and a large body by
   * themselves cost a fifth more.
   * @returns false when bytes are left for later: `onDrain` follows.
   */
  write(data: string | Uint8Array, tail?: Uint8Array): boolean
  /** Bytes written that the operating system has not taken yet: what falls is progress. */
  pendingBytes(): number
  /** Finishes sending. */
  end(): void
  /** Stops reading. What is on its way may still come. */
  pause(): void
  /** Reads on. */
  resume(): void
  /** Closes at once. `onClose` follows. */
  destroy(): void
  /** While `on` (initially off) the socket keeps the process alive; the engine uses `Backend.hold` instead, for raw sockets it gives away it is this. */
  keepAlive(on: boolean): void
  /** As Node names them; undefined where there is none. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** The protocol agreed on by ALPN, false when none was or there is no TLS. */
  readonly alpnProtocol: string | false
}

export interface Backend {
  readonly name: string
  readonly clock: Clock
  /** All addresses of a name, in the resolver's order. Calls back once, later. */
  lookup(host: string, callback: (error: Error | null, addresses: readonly Address[]) => void): void
  /** Starts one attempt; `handler` hears `onConnect` (and `onSecure`), or `onClose` with the reason. */
  connect(target: ConnectTarget, handler: SocketHandler): BackendSocket
  /**
   * Speaks TLS over an established socket (a tunnel). The old socket belongs to the new one from
   * then on: its handler hears nothing more, no `onClose` either.
   *
   * @param firstBytes what has been read from the socket already, and is the TLS peer's
   */
  secure(
    socket: BackendSocket,
    tls: TlsTarget,
    handler: SocketHandler,
    firstBytes?: Uint8Array | null,
  ): BackendSocket
  /** Keeps the process alive until as many `release` calls were made. Sockets and timers by themselves never do. */
  hold(): void
  /** Takes one `hold()` back. */
  release(): void
}
