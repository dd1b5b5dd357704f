/** What we use of Deno's global, as of Deno 2.9. */
export interface DenoApi {
  connect(options: DenoConnectOptions): Promise<DenoConnection>
  /** The connection is used up by it; only while nothing is read from it. */
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
  /** @returns null at the end. May have read long before the promise is heard. */
  read(target: Uint8Array): Promise<number | null>
  /** @returns how many bytes the operating system took: at least one. */
  write(bytes: Uint8Array): Promise<number>
  closeWrite(): Promise<void>
  close(): void
  ref(): void
  unref(): void
  /** Of TCP. */
  setNoDelay?(on: boolean): void
  setKeepAlive?(on: boolean): void
  readonly remoteAddr: DenoAddress
  readonly localAddr: DenoAddress
}

export interface DenoAddress {
  /** None of a unix socket. */
  readonly hostname?: string
  readonly port?: number
}

export interface DenoTlsConnection extends DenoConnection {
  handshake(): Promise<{ alpnProtocol: string | null }>
}

/** Deno's global; undefined on other runtimes. */
export function denoApi(): DenoApi | undefined {
  return (globalThis as { Deno?: DenoApi }).Deno
}
