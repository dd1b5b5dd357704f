/**
 * Uses internals of Node's sockets for which there is no public API. Each function checks that the
 * internals exist. On a runtime without them, the socket behaves as that runtime's sockets do.
 */
import type { OnReadOpts, Socket } from 'node:net'
import { option, withoutPrototype } from '../models/options.ts'

interface Handle {
  useUserBuffer?(target: Uint8Array): void
  /** How many bytes the operating system has not accepted yet. */
  readonly writeQueueSize?: number
  /** The handle that a TLS handle writes to: that of the socket, or of another TLS layer. */
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
 * Keeps a socket open after a write error, so that a response that arrived before the EPIPE can
 * still be read. A plain socket loses such a response in 30 of 30 attempts (nodejs/node#9085). The
 * constructor has the option `autoDestroy`, but `net.Socket` ignores it.
 */
export function surviveWriteErrors(socket: Socket): void {
  const { _readableState: reading, _writableState: writing } = socket as Internals
  if (reading?.autoDestroy === undefined || writing?.autoDestroy === undefined) return
  reading.autoDestroy = false
  writing.autoDestroy = false
}

/**
 * Hides a property `blockList` that the socket inherits from a polluted `Object.prototype`. Since
 * Node 22, a socket reads this option from itself before it connects, which is in a later turn.
 */
export function hideInheritedBlockList(socket: Socket & { readonly blockList?: unknown }): void {
  if (socket.blockList !== undefined) {
    Object.defineProperty(socket, 'blockList', withoutPrototype({ value: undefined }))
  }
}

/**
 * Clears a write error after which the socket is still open. Otherwise the readable side would
 * never emit `end`, and the socket would not emit a second error.
 */
export function forgetWriteError(socket: Socket): void {
  const { _readableState: reading, _writableState: writing } = socket as Internals
  if (reading === undefined || writing === undefined) return
  reading.errored = null
  reading.errorEmitted = false
  writing.errorEmitted = false
}

/**
 * The fields in which a socket stores its option `onread`, by the descriptions of their symbols.
 */
const ON_READ_FIELDS = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const

/**
 * Sets the option `onread` on a TLS socket over another socket, where `tls.connect` ignores it. A
 * request of 65 bytes through a tunnel takes a fifth less CPU this way.
 *
 * @returns false if the runtime does not have the internals
 */
export function setOnRead(socket: Socket, { buffer, callback }: OnReadOpts): boolean {
  const { _handle: handle } = socket as Internals
  const symbols = Object.getOwnPropertySymbols(socket)
  const [target, onRead, nextTarget] = ON_READ_FIELDS.map((name) =>
    symbols.find(({ description }) => description === name),
  )
  if (!handle?.useUserBuffer || !target || !onRead || !nextTarget) return false
  if (typeof buffer !== 'function') return false
  const first = buffer()
  Object.assign(socket, { [target]: first, [onRead]: callback, [nextTarget]: buffer })
  handle.useUserBuffer(first)
  return true
}

/** Makes the socket emit 'drain', even if the last write was below the high-water mark. */
export function requestDrain(socket: Socket): void {
  const { _writableState: writing } = socket as Internals
  if (writing !== undefined) writing.needDrain = true
}

/** Whether `unsentBytes` is exact on this runtime. */
export function reportsUnsentBytes(socket: Socket): boolean {
  return lowestHandle(socket)?.writeQueueSize !== undefined
}

function lowestHandle(socket: Socket): Handle | null | undefined {
  let handle = (socket as Internals)._handle
  while (handle !== null && handle !== undefined) {
    const parent = option(handle, '_parent', undefined)
    if (!parent) break
    handle = parent
  }
  return handle
}

/**
 * How many written bytes the operating system has not accepted. `writableLength` does not tell: it
 * counts a whole write until its last byte is accepted, and over TLS only until the next turn of
 * the event loop.
 */
export function unsentBytes(socket: Socket): number {
  const { _writableState: writing } = socket as Internals
  const handle = lowestHandle(socket)
  if (handle?.writeQueueSize === undefined || writing?.writelen === undefined) {
    return socket.writableLength
  }
  const buffered = socket.writableLength - writing.writelen
  return buffered + handle.writeQueueSize
}
