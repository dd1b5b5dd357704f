/** Tests that fail on a runtime by its own doing, or which ask for what it has not. */
export interface Known {
  /** Name and version: another version has to show it again. */
  readonly on: string
  /** Below test/, without its end. */
  readonly file: string
  /** Fits its name: `suite > test`. */
  readonly test: RegExp
  readonly reason: string
  /** It is not run, since it would not end. */
  readonly hangs?: true
}

const BUN = 'bun 1.4.5'
const DENO = 'deno 2.9.6'

export const KNOWN: readonly Known[] = [
  ...on(BUN, 'backends/sockets', [
    {
      test: /^node: .*behind a failing write/,
      reason: 'net.Socket is destroyed by a failed write, with what it has read',
      hangs: true,
    },
  ]),
  ...on(BUN, 'backends/secure-sockets', [
    {
      test: /behind a failing write/,
      reason: 'TLSSocket is destroyed by a failed write, with what it has read',
      hangs: true,
    },
    {
      test: /TLS over a tunnel.* > finishes sending, and goes on reading/,
      reason: 'node:tls over a stream is closed by end()',
    },
    {
      test: /TLS over a tunnel.* > sends on after the peer has finished/,
      reason: 'node:tls over a stream sends nothing after the end of the peer',
      hangs: true,
    },
  ]),
  ...on(DENO, 'backends/secure-sockets', [
    {
      test: /behind a failing write/,
      reason: 'TLSSocket is destroyed by a failed write, with what it has read',
    },
    {
      test: /finishes sending, and goes on reading/,
      reason: 'node:tls over a stream is closed by end()',
    },
    {
      test: /fails what waits to be written when the peer goes/,
      reason: 'node:tls says that all is written when it is destroyed',
    },
  ]),
  ...on(DENO, 'backends/sockets', [
    {
      test: /what connect would throw/,
      reason: 'a certificate of the client that is no PEM is not looked at before the handshake',
    },
  ]),
  ...on(DENO, 'backends/system-clock', [
    { test: /beyond 2\^31-1/, reason: 'node:test cannot mock its setTimeout' },
  ]),
  ...on(DENO, 'backends/memory', [
    {
      test: /an http.Server speaks/,
      reason: 'http.Server over a stream serves no second request',
      hangs: true,
    },
  ]),
  ...on(DENO, 'backends/tls', [
    {
      test: /an expired one is refused/,
      reason: 'refused, and said to be of an unknown issuer',
    },
    {
      test: /a polluted Object.prototype/,
      reason: "a property 'session' there breaks its EventEmitter: the connection fails",
    },
    {
      test: /sessions of TLSv1.2 > are resumed/,
      reason: 'no session is resumed',
    },
    {
      test: /sessions of TLSv1.3/,
      reason: 'no session is told of',
      hangs: true,
    },
  ]),
]

function on(runtime: string, file: string, all: readonly Omit<Known, 'on' | 'file'>[]): Known[] {
  return all.map((each) => ({ on: runtime, file, ...each }))
}

export function isAbout({ test }: Known, name: string): boolean {
  return test.test(name)
}
