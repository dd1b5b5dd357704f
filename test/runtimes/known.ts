/**
 * A test that fails on a runtime because of a bug of the runtime, or of a feature that it lacks.
 */
export interface KnownFailure {
  /** Name and version of the runtime. After an update, check each entry again. */
  readonly on: string
  /** Path below test/, without `.test.ts`. */
  readonly file: string
  /** Matches the full name of the test: `suite > test`. */
  readonly test: RegExp
  readonly reason: string
  /** Whether the test is skipped because it would not end. */
  readonly hangs?: true
}

const BUN = 'bun 1.4.5'
const DENO = 'deno 2.9.6'

export const KNOWN_FAILURES: readonly KnownFailure[] = [
  ...on(BUN, 'backends/sockets', [
    {
      test: /^node: .*before a write error/,
      reason: 'a failed write destroys net.Socket and the data that it has read',
      hangs: true,
    },
  ]),
  ...on(BUN, 'backends/secure-sockets', [
    {
      test: /before a write error/,
      reason: 'a failed write destroys TLSSocket and the data that it has read',
      hangs: true,
    },
    {
      test: /TLS over a tunnel.* > reads after it has finished sending/,
      reason: 'end() closes node:tls over a stream',
    },
    {
      test: /TLS over a tunnel.* > sends after the peer has finished/,
      reason: 'node:tls over a stream sends nothing after the peer has ended',
      hangs: true,
    },
  ]),
  ...on(BUN, 'fetch/init', [
    {
      test: /^72 the option dispatcher > of (undici is refused|a Request)/,
      reason: 'undici is a stub, whose agents have no methods',
    },
    {
      test: /^integrity > of a Request counts/,
      reason: 'a Request does not have the integrity that it was created with',
    },
  ]),
  ...on(DENO, 'backends/secure-sockets', [
    {
      test: /before a write error/,
      reason: 'a failed write destroys TLSSocket and the data that it has read',
    },
    {
      test: /reads after it has finished sending/,
      reason: 'end() closes node:tls over a stream',
    },
  ]),
  ...on(DENO, 'backends/sockets', [
    {
      test: /an invalid target closes the socket/,
      reason: 'an invalid client certificate is not rejected before the handshake',
    },
  ]),
  ...on(DENO, 'backends/memory', [
    {
      test: /an http.Server can serve/,
      reason: 'http.Server over a stream serves no second request',
      hangs: true,
    },
  ]),
  ...on(DENO, 'backends/tls', [
    {
      test: /an expired certificate is refused/,
      reason: 'the error is about an unknown issuer',
    },
    {
      test: /a polluted Object.prototype/,
      reason:
        "a property 'session' of Object.prototype breaks its EventEmitter, and the connection fails",
    },
    {
      test: /sessions of TLSv1.2 > are resumed/,
      reason: 'sessions are not resumed',
    },
    {
      test: /sessions of TLSv1.3/,
      reason: 'new sessions are not reported',
      hangs: true,
    },
  ]),
  ...on('node22 22.23.3', 'client/verify', [
    {
      test: /valid: for a name, an address, and on a unix socket/,
      reason: 'checkServerIdentity does not accept IPv6 addresses',
    },
  ]),
  ...on(BUN, 'content/multipart', [
    { test: /another implementation can parse it/, reason: 'Blobs add a charset to their type' },
  ]),
  ...on(BUN, 'client/cookies-sent', [
    {
      test: /tough-cookie is not loaded without cookies/,
      reason: 'takes the file for bundlers, which imports the package at the start',
    },
  ]),
  ...on(BUN, 'client/uploads', [
    { test: /files of each type, with fields/, reason: 'Blobs add a charset to their type' },
  ]),
  ...on(BUN, 'client/verify', [
    { test: /self-signed/, reason: 'another message: self signed certificate' },
    {
      test: /contexts > /,
      reason: 'lacks queryObjects, and ignores a replaced createSecureContext',
    },
  ]),
  ...on(BUN, 'dispatch/app-fetch', [
    {
      test: /(a GET with content|TRACE) is an error of the caller/,
      reason: 'new Request accepts methods and content that fetch does not allow',
    },
  ]),
  ...on(BUN, 'dispatch/app-listener', [
    {
      test: /timeouts that the app sets/,
      reason: 'http.Server ignores the timeout of a stream',
    },
    { test: /trailers in both directions/, reason: 'http.Server over a stream ignores trailers' },
    {
      test: /an upload is streamed, with backpressure/,
      reason: 'http.Server over a stream does not pause',
    },
    {
      test: /do not keep the process alive/,
      reason: "the test uses Node's --import with a data: URL",
    },
  ]),
  ...on(BUN, 'engine/process', [
    {
      test: /handlers of requests that ended/,
      reason: 'gc() may miss an object, because it treats values on the stack as references',
    },
  ]),
  ...on(BUN, 'engine/tls', [
    { test: /keylog of TLSv1.3/, reason: 'keylog is emitted after the handshake: a ReadError' },
    {
      test: /wanted and missing fails the handshake: TLSv1.3/,
      reason: 'another message: TLSV1_ALERT_CERTIFICATE_REQUIRED',
    },
  ]),
  ...on(BUN, 'engine/proxies', [
    { test: /TLS sessions .* are resumed/, reason: 'servers do not report resumed sessions' },
  ]),
  ...on(DENO, 'client/cookies-sent', [
    {
      test: /tough-cookie is not loaded without cookies/,
      reason: 'takes the file for bundlers, which imports the package at the start',
    },
  ]),
  ...on(DENO, 'client/decoded-responses', [
    { test: /br, truncated/, reason: 'node:zlib accepts a truncated br stream' },
  ]),
  ...on(DENO, 'client/streamed-responses', [
    {
      test: /an unreferenced response/,
      reason: 'a dropped response is not garbage-collected within the time limit',
      hangs: true,
    },
  ]),
  ...on(DENO, 'client/uploads', [{ test: /1 GB from disk/, reason: 'memory grows by 80 MB' }]),
  ...on(DENO, 'client/verify', [
    { test: /certificates > expired/, reason: 'the error is about an unknown issuer' },
    { test: /SSLKEYLOGFILE/, reason: 'node:tls emits no keylog' },
    { test: /is not used by a client that verifies/, reason: 'sessions are not resumed' },
    {
      test: /contexts > /,
      reason: 'lacks queryObjects, and ignores a replaced createSecureContext',
    },
  ]),
  ...on(DENO, 'dispatch/app-listener', [
    {
      test: /do not keep the process alive/,
      reason: "the test uses Node's --import with a data: URL",
    },
    {
      test: /one connection for consecutive calls/,
      reason: 'http.Server over a stream closes the connection',
    },
  ]),
  ...on(DENO, 'engine/tls', [
    { test: /not sent as a name/, reason: 'server sockets report null for a missing servername' },
    { test: /an expired certificate/, reason: 'the error is about an unknown issuer' },
    {
      test: /a session is resumed|whose certificate has only the first|its TLS session is not/,
      reason: 'sessions are not resumed',
    },
    {
      test: /wanted and missing fails the handshake/,
      reason: 'another message: received fatal alert: CertificateRequired',
    },
    { test: /keylog of/, reason: 'node:tls emits no keylog' },
  ]),
  ...on(DENO, 'engine/proxies', [
    { test: /TLS sessions .* are resumed/, reason: 'sessions are not resumed' },
  ]),
]

function on(
  runtime: string,
  file: string,
  all: readonly Omit<KnownFailure, 'on' | 'file'>[],
): KnownFailure[] {
  return all.map((each) => ({ on: runtime, file, ...each }))
}

export function matchesTest({ test }: KnownFailure, name: string): boolean {
  return test.test(name)
}
