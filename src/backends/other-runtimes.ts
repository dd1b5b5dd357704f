/** Types for the globals of Bun and Deno, and errors in the form of Node. */
import { runtimeGlobal } from '../models/environment.ts'
import { option, withoutPrototype } from '../models/options.ts'
import type { ConnectTarget } from './backend.ts'

/** The used members of the global `Bun`, as of Bun 1.4. */
export interface BunApi {
  connect<Data>(options: BunConnectOptions<Data>): Promise<unknown>
}

export interface BunConnectOptions<Data> {
  readonly hostname?: string
  readonly port?: number
  readonly unix?: string
  readonly allowHalfOpen: boolean
  readonly data: Data
  readonly socket: BunHandlers<Data>
}

/** Bun may call these while a method of the socket is running. */
export interface BunHandlers<Data> {
  open(socket: BunTcpSocket<Data>): void
  connectError(socket: BunTcpSocket<Data>, error: Error): void
  /** @param chunk up to 512 KiB, which Bun does not use again */
  data(socket: BunTcpSocket<Data>, chunk: Uint8Array): void
  drain(socket: BunTcpSocket<Data>): void
  end(socket: BunTcpSocket<Data>): void
  close(socket: BunTcpSocket<Data>, error?: Error): void
  error(socket: BunTcpSocket<Data>, error: Error): void
}

export interface BunTcpSocket<Data> {
  readonly data: Data
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  /** @returns how many bytes were accepted; -1 if the socket is closed for writing */
  write(bytes: Uint8Array): number
  write(text: string, encoding: 'latin1'): number
  shutdown(): void
  close(): void
  pause(): void
  resume(): void
  ref(): void
  unref(): void
  setNoDelay(on: boolean): boolean
  /** @param initialDelay in milliseconds */
  setKeepAlive(on: boolean, initialDelay: number): boolean
}

/** Bun's global; undefined on other runtimes. */
export function bunApi(): BunApi | undefined {
  return runtimeGlobal('Bun') as BunApi | undefined
}

/** The used members of the global `Deno`, as of Deno 2.9. */
export interface DenoApi {
  connect(options: DenoConnectOptions): Promise<DenoConnection>
  /** Takes over `connection`, from which no read may be in progress. */
  startTls(connection: DenoConnection, options: DenoTlsOptions): Promise<DenoTlsConnection>
}

export type DenoConnectOptions =
  | { transport: 'unix'; path: string }
  | {
      transport: 'tcp'
      hostname: string
      port: number
      autoSelectFamily: boolean
      signal: AbortSignal
    }

export interface DenoTlsOptions {
  readonly hostname: string
  readonly alpnProtocols: string[]
}

export interface DenoConnection {
  /** Fills `target` possibly long before the promise resolves. @returns null at the end */
  read(target: Uint8Array): Promise<number | null>
  /** @returns how many bytes the operating system has accepted, at least one */
  write(bytes: Uint8Array): Promise<number>
  closeWrite(): Promise<void>
  close(): void
  ref(): void
  unref(): void
  /** These exist only for TCP. */
  setNoDelay?(on: boolean): void
  setKeepAlive?(on: boolean): void
  readonly remoteAddr: DenoAddress
}

export interface DenoAddress {
  /** Undefined for a Unix socket. */
  readonly hostname?: string
  readonly port?: number
}

export interface DenoTlsConnection extends DenoConnection {
  handshake(): Promise<unknown>
}

/** Deno's global; undefined on other runtimes. */
export function denoApi(): DenoApi | undefined {
  return runtimeGlobal('Deno') as DenoApi | undefined
}

/** Converts the error of a connection attempt to the form of Node. */
export function connectFailure(error: Error, target: ConnectTarget): Error {
  const { address, port, path } = withoutPrototype(target)
  const code = option(error as NodeJS.ErrnoException, 'code', undefined)
  if (code === undefined) return error
  const where = path ?? `${address}:${port}`
  return Object.assign(new Error(`connect ${code} ${where}`, { cause: error }), {
    code,
    syscall: 'connect',
  })
}

/** The error for a peer that accepts no more data, in the form of Node. */
export function writeFailure(cause?: unknown): Error {
  return Object.assign(new Error('write EPIPE', { cause }), { code: 'EPIPE', syscall: 'write' })
}

/** Up to this length, `data` and `tail` of a write are copied into one buffer. In bytes. */
const MAX_JOINED_WRITE = 65_536

/** Returns what to write for `data` and `tail`: one buffer, and what remains of a long tail. */
export function joinedWrites(data: string | Uint8Array, tail: Uint8Array): Uint8Array[] {
  const head = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
  const joined = Math.max(0, MAX_JOINED_WRITE - head.length)
  const first = Buffer.concat([head, tail.subarray(0, joined)])
  return tail.length > joined ? [first, tail.subarray(joined)] : [first]
}
