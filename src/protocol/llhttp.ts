/**
 * The WebAssembly module: one instance, with one read window and one parser state, which all
 * connections of the thread share. Its memory map is in native/README.md.
 */
import { MODULE } from './llhttp-module.generated.ts'

interface Exports {
  readonly memory: WebAssembly.Memory
  setup(): void
  parse(at: number, length: number, base: number, mode: number): number
  readonly [constant: string]: unknown
}

const instance = new WebAssembly.Instance(
  new WebAssembly.Module(Buffer.from(MODULE, 'base64') as Uint8Array<ArrayBuffer>),
)
const exports = instance.exports as unknown as Exports
exports.setup() // reserves all memory now, so that the views below never detach

/** A constant that the module exports, so that it is defined in one place. */
function constant(name: string): number {
  return (exports[name] as WebAssembly.Global).value as number
}

const memory = exports.memory.buffer

export const STATE_SIZE = constant('STATE_SIZE')
export const WINDOW_SIZE = constant('WINDOW_SIZE')
export const WINDOW = constant('WINDOW')

/** The buffer that all sockets read into. The next read, of any socket, overwrites it. */
export const window: Buffer = Buffer.from(memory, WINDOW, WINDOW_SIZE)
/** The state of llhttp's parser, and the record of the message that is being parsed. */
export const state: Uint8Array = new Uint8Array(memory, constant('STATE'), STATE_SIZE)
/** The record as 32-bit words. The constants below are indices into it. */
const words = new Int32Array(memory, constant('STATE'), STATE_SIZE / 4)
const doubles = new DataView(memory, constant('STATE'), STATE_SIZE)

export const STATUS = constant('STATUS') / 4
export const HEAD_END = constant('HEAD_END') / 4
export const TRAILER_START = constant('TRAILER_START') / 4
export const BODY_START = constant('BODY_START') / 4
export const BODY_END = constant('BODY_END') / 4
export const ERROR = constant('ERROR') / 4
export const CONSUMED = constant('CONSUMED') / 4
export const FRAMING = constant('FRAMING') / 4
const CONTENT_LENGTH = constant('CONTENT_LENGTH')

export const HEAD_COMPLETE = constant('HEAD_COMPLETE')
export const MESSAGE_COMPLETE = constant('MESSAGE_COMPLETE')
export const PERSISTENT = constant('PERSISTENT')
export const HTTP_1_0 = constant('HTTP_1_0')
export const HAS_CONNECTION = constant('HAS_CONNECTION')
export const HAS_KEEP_ALIVE = constant('HAS_KEEP_ALIVE')
export const HAS_TRANSFER_ENCODING = constant('HAS_TRANSFER_ENCODING')
export const HAS_SET_COOKIE = constant('HAS_SET_COOKIE')
export const HAS_CONTENT_ENCODING = constant('HAS_CONTENT_ENCODING')

export const F_CONNECTION_CLOSE = constant('F_CONNECTION_CLOSE')
export const F_CHUNKED = constant('F_CHUNKED')
export const F_CONTENT_LENGTH = constant('F_CONTENT_LENGTH')
export const F_TRANSFER_ENCODING = constant('F_TRANSFER_ENCODING')

export const FRESH = constant('FRESH')
export const NO_BODY = constant('NO_BODY')
export const TO_CONNECT = constant('TO_CONNECT')

export const REFUSED_STATUS = constant('REFUSED_STATUS')
export const REFUSED_VERSION = constant('REFUSED_VERSION')
export const REFUSED_REASON = constant('REFUSED_REASON')
export const REFUSED_FIELDS = constant('REFUSED_FIELDS')
export const MAX_FIELDS = constant('MAX_FIELDS')

/** Returns a word of the record. `index` is one of the constants above. */
export function readRecord(index: number): number {
  return words[index] as number // the module exports the indices, so the words exist
}

/**
 * Parses `length` bytes at the absolute address `at`, of a message that began at the address
 * `base`.
 *
 * @returns flags: HEAD_COMPLETE, MESSAGE_COMPLETE and the like; `readRecord` returns the details
 */
export const parse = exports.parse

/** The Content-Length of the head that was parsed last. Exact up to 2^53. */
export function contentLength(): number {
  return doubles.getFloat64(CONTENT_LENGTH, true)
}
