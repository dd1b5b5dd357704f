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
  ...on('node22 22.23.3', 'client/verify', [
    {
      test: /valid: for a name, an address, and on a unix socket/,
      reason: 'checkServerIdentity takes no IPv6 address',
    },
  ]),
  ...on(BUN, 'content/multipart', [
    { test: /another implementation reads it/, reason: 'Blobs add a charset to their type' },
  ]),
  ...on(BUN, 'client/uploads', [
    { test: /files of each type, with fields/, reason: 'Blobs add a charset to their type' },
  ]),
  ...on(BUN, 'client/verify', [
    { test: /self-signed/, reason: 'other words: self signed certificate' },
    {
      test: /contexts > /,
      reason: 'has no queryObjects, and shows no replaced createSecureContext',
    },
  ]),
  ...on(BUN, 'dispatch/app-fetch', [
    {
      test: /(a GET with content|TRACE) is the caller's fault/,
      reason: 'new Request takes methods and content that fetch does not allow',
    },
  ]),
  ...on(BUN, 'dispatch/app-listener', [
    {
      test: /timeouts that it sets itself/,
      reason: "http.Server does not act on a stream's timeout",
    },
    { test: /trailers both ways/, reason: 'http.Server over a stream reads no trailers' },
    {
      test: /an upload as fast as it is taken/,
      reason: 'http.Server over a stream reads it all, paused or not',
    },
    { test: /the process ends by itself/, reason: "asks for Node's --import of a data: URL" },
  ]),
  ...on(BUN, 'engine/process', [
    {
      test: /handlers of requests that ended/,
      reason: 'gc() may leave one: it takes what is on the stack for a reference',
    },
  ]),
  ...on(BUN, 'engine/tls', [
    { test: /keylog of TLSv1.3/, reason: 'keylog comes after the handshake: a ReadError' },
    {
      test: /wanted and missing fails the handshake: TLSv1.3/,
      reason: 'other words: TLSV1_ALERT_CERTIFICATE_REQUIRED',
    },
  ]),
  ...on(BUN, 'engine/proxies', [
    { test: /TLS sessions .* are resumed/, reason: 'servers do not say that they have resumed' },
  ]),
  ...on(DENO, 'client/decoded-responses', [
    { test: /br, truncated/, reason: 'node:zlib accepts a br stream that is cut short' },
  ]),
  ...on(DENO, 'client/streamed-responses', [
    {
      test: /an unreferenced response/,
      reason: 'a dropped response is not collected within the limit',
      hangs: true,
    },
  ]),
  ...on(DENO, 'client/uploads', [{ test: /1 GB from disk/, reason: 'memory rises by 80 MB' }]),
  ...on(DENO, 'client/verify', [
    { test: /certificates > expired/, reason: 'refused, and said to be of an unknown issuer' },
    { test: /SSLKEYLOGFILE/, reason: 'node:tls emits no keylog' },
    { test: /is not used by a client that verifies/, reason: 'no session is resumed' },
    {
      test: /contexts > /,
      reason: 'has no queryObjects, and shows no replaced createSecureContext',
    },
  ]),
  ...on(DENO, 'dispatch/app-listener', [
    { test: /the process ends by itself/, reason: "asks for Node's --import of a data: URL" },
    { test: /one connection for calls in turn/, reason: 'http.Server over a stream closes it' },
  ]),
  ...on(DENO, 'engine/tls', [
    { test: /not sent as a name/, reason: 'server sockets say null for no servername' },
    { test: /an expired certificate/, reason: 'refused, and said to be of an unknown issuer' },
    {
      test: /a session is resumed|whose certificate has only the first/,
      reason: 'no session is resumed',
    },
    {
      test: /wanted and missing fails the handshake/,
      reason: 'other words: received fatal alert: CertificateRequired',
    },
    { test: /keylog of/, reason: 'node:tls emits no keylog' },
  ]),
  ...on(DENO, 'engine/proxies', [
    { test: /TLS sessions .* are resumed/, reason: 'no session is resumed' },
  ]),
]

function on(runtime: string, file: string, all: readonly Omit<Known, 'on' | 'file'>[]): Known[] {
  return all.map((each) => ({ on: runtime, file, ...each }))
}

export function isAbout({ test }: Known, name: string): boolean {
  return test.test(name)
}
