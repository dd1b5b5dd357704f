/** What we use of Bun's global, as of Bun 1.4. */
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

/** Each may be called inside a call to the socket. */
export interface BunHandlers<Data> {
  open(socket: BunTcpSocket<Data>): void
  connectError(socket: BunTcpSocket<Data>, error: Error): void
  /** A chunk of its own, of up to 512 KiB. */
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
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** @returns how many bytes the operating system took, -1 when it takes no more. */
  write(bytes: Uint8Array): number
  write(text: string, encoding: 'latin1'): number
  shutdown(): void
  close(): void
  pause(): void
  resume(): void
  ref(): void
  unref(): void
  setNoDelay(on: boolean): boolean
  /** @param initialDelay in milliseconds. */
  setKeepAlive(on: boolean, initialDelay: number): boolean
}

/** Bun's global; undefined on other runtimes. */
export function bunApi(): BunApi | undefined {
  return (globalThis as { Bun?: BunApi }).Bun
}
