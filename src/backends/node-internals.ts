/**
 * What Node's public interface of sockets does not offer. Each function checks for what it uses:
 * on a runtime that lacks it the socket merely behaves as that runtime's sockets do.
 */
import type { OnReadOpts, Socket } from 'node:net'

interface Handle {
  useUserBuffer?(target: Uint8Array): void
  /** Bytes that the operating system has not taken yet. */
  readonly writeQueueSize?: number
  /** What a TLS handle writes to: the socket's own handle, or that of the TLS below. */
  readonly _parent?: Handle
}

interface StreamState {
  autoDestroy?: boolean
  errored?: Error | null
  errorEmitted?: boolean
}

interface WritableState extends StreamState {
  needDrain?: boolean
  readonly writelen?: number
}

interface Internals {
  readonly _handle?: Handle | null
  readonly _readableState?: StreamState
  readonly _writableState?: WritableState
}

/**
 * Makes errors of writing leave the socket alive, so that an answer which waits behind an EPIPE is
 * read: of 30 such answers a plain socket loses 30 (nodejs/node#9085). The constructor's
 * `autoDestroy` option would say the same, but `net.Socket` ignores it.
 */
export function surviveWriteErrors(socket: Socket): void {
  const { _readableState: reading, _writableState: writing } = socket as Internals
  if (reading?.autoDestroy === undefined || writing?.autoDestroy === undefined) return
  reading.autoDestroy = false
  writing.autoDestroy = false
}

/**
 * After an error that the socket survived: lets it report its end (an errored readable side never
 * does) and one more error (only the first is emitted).
 */
export function forgetWriteError(socket: Socket): void {
  const { _readableState: reading, _writableState: writing } = socket as Internals
  if (reading === undefined || writing === undefined) return
  reading.errored = null
  reading.errorEmitted = false
  writing.errorEmitted = false
}

/** What a socket has of `onread`. */
type OnReadFields = Record<symbol, unknown>
const ON_READ_FIELDS = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const

/**
 * Has a TLS socket over another one read by `onread`, which `tls.connect` takes for connections of its
 * own alone. False if that cannot be had. A request of 65 bytes through a tunnel takes a fifth less CPU.
 */
export function readInto(socket: Socket, { buffer, callback }: OnReadOpts): boolean {
  const { _handle: handle } = socket as Internals
  const symbols = Object.getOwnPropertySymbols(socket)
  const [target, onRead, nextTarget] = ON_READ_FIELDS.map((name) =>
    symbols.find(({ description }) => description === name),
  )
  if (!handle?.useUserBuffer || !target || !onRead || !nextTarget) return false
  if (typeof buffer !== 'function') return false
  const fields = socket as unknown as OnReadFields
  const first = buffer()
  fields[target] = first
  fields[onRead] = callback
  fields[nextTarget] = buffer
  handle.useUserBuffer(first)
  return true
}

/** Has 'drain' emitted after a write below the high-water mark, too. */
export function requestDrain(socket: Socket): void {
  const { _writableState: writing } = socket as Internals
  if (writing !== undefined) writing.needDrain = true
}

/** Whether `unsentBytes` is exact. */
export function tellsUnsentBytes(socket: Socket): boolean {
  return bottomOf(socket)?.writeQueueSize !== undefined
}

function bottomOf(socket: Socket): Handle | null | undefined {
  let bottom = (socket as Internals)._handle
  while (bottom?._parent) bottom = bottom._parent
  return bottom
}

/**
 * Bytes written that the operating system has not taken. `writableLength` alone says so much
 * sooner than it is true: it counts all of a write until its last byte is taken, and over TLS
 * until the next turn of the event loop.
 */
export function unsentBytes(socket: Socket): number {
  const { _writableState: writing } = socket as Internals
  const bottom = bottomOf(socket)
  if (bottom?.writeQueueSize === undefined || writing?.writelen === undefined) {
    return socket.writableLength
  }
  const waiting = socket.writableLength - writing.writelen
  return waiting + bottom.writeQueueSize
}
