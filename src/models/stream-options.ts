/**
 * All options of Node's streams, unset. Put them before the options that you set for a stream, a
 * socket or a decoder. Node copies such options to an object that inherits from `Object.prototype`,
 * so `withoutPrototype` is not enough: a property `objectMode` there fails every connection.
 */
export const UNSET_STREAM_OPTIONS = Object.freeze({
  allowHalfOpen: undefined,
  autoDestroy: undefined,
  captureRejections: undefined,
  construct: undefined,
  decodeStrings: undefined,
  defaultEncoding: undefined,
  destroy: undefined,
  emitClose: undefined,
  encoding: undefined,
  final: undefined,
  flush: undefined,
  highWaterMark: undefined,
  objectMode: undefined,
  read: undefined,
  readable: undefined,
  readableHighWaterMark: undefined,
  readableObjectMode: undefined,
  signal: undefined,
  transform: undefined,
  writable: undefined,
  writableHighWaterMark: undefined,
  writableObjectMode: undefined,
  write: undefined,
  writev: undefined,
})

/** All options of `net.connect` and `tls.connect` for the transport, unset. */
export const UNSET_SOCKET_OPTIONS = Object.freeze({
  ...UNSET_STREAM_OPTIONS,
  autoSelectFamily: undefined,
  autoSelectFamilyAttemptTimeout: undefined,
  blockList: undefined,
  family: undefined,
  fd: undefined,
  handle: undefined,
  hints: undefined,
  keepAlive: undefined,
  keepAliveInitialDelay: undefined,
  localAddress: undefined,
  localPort: undefined,
  lookup: undefined,
  manualStart: undefined,
  noDelay: undefined,
  onread: undefined,
  pauseOnCreate: undefined,
  timeout: undefined,
  typeOfService: undefined,
})
