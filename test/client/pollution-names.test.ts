// Every option that Node's modules know, on a polluted Object.prototype.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { runChild } from './child.ts'
import { ALL_CALLS, outcomesOf, PLAIN_CALLS } from './polluted-calls.ts'
import { startServers } from './polluted-servers.ts'

/**
 * The options that net, tls, dns, http, fs, zlib, the streams and the events of Node 20 to 26 read
 * from an object called `options`, and the names that Hawser reads from the environment and from
 * the global object. Without `_handle`, `close` and `readable`, which break Node's own streams and
 * events.
 */
const NAMES = `
  ALPNCallback ALPNProtocols SNICallback addresses agent all allowPartialTrustChain append auth
  autoDestroy autoSelectFamily autoSelectFamilyAttemptTimeout backlog bigint bubbles
  buffer buffers ca callback cancelable capture cert certificateCompression checkServerIdentity
  chunkSize ciphers cleanup clientCertEngine composed concurrency context count
  createConnection credentials crl decodeStrings defaultPort depth destroyOnReturn detail dhparam
  dictionary ecdhCurve emitClose enableTrace exclusive family fd final finishFlush flag flush fs
  fsync handle headersTimeout highWaterMark highWatermark hints honorCipherOrder host hostname hwm
  info init initialDelay insecureHTTPParser interval ipv6Only isServer joinDuplicateHeaders
  keepAlive keepAliveMsecs keepAliveTimeout key level limit link localAddress localPort lookup
  lowWaterMark manualStart maxCachedSessions maxFreeSockets maxHeaderSize maxOutputLength
  maxSockets maxTotalSockets maxVersion memLevel method minDHSize minVersion name noDelay once
  onread order params passive passphrase path pauseOnConnect pauseOnCreate persistent pfx pipe
  pledgedSrcSize port privateKeyEngine privateKeyIdentifier protocol pskCallback pskIdentityHint
  recursive rejectGarbageAfterEnd rejectNonStandardBodyWrites rejectUnauthorized requestCert
  requestOCSP requestTimeout requireHostHeader resistStopPropagation reusePort scheduling
  secureContext secureOptions secureProtocol server servername session sessionIdContext
  sessionTimeout sigalgs singleUse size socket socketPath strategy sync throwIfNoEntry ticketKeys
  timeout transform tries type verbatim weak windowBits withFileTypes writableAll
  writev
  Bun Deno NETRC HTTP_PROXY http_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY
  no_proxy REQUEST_METHOD SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE NODE_EXTRA_CA_CERTS
  NODE_DEBUG NODE_ENV NODE_TEST_CONTEXT NODE_TLS_REJECT_UNAUTHORIZED
`

/** Options that break the constructor of Node's own `TLSSocket`, whatever it is given. */
const BREAKING_TLS = `
  allowHalfOpen blockList captureRejections construct defaultEncoding destroy encoding handshakeTimeout
  keepAliveInitialDelay objectMode read readableHighWaterMark readableObjectMode signal typeOfService
  writable writableHighWaterMark writableObjectMode write
`

const VALUES = [`true`, `false`, `0`, `1`, `'0'`, `'evil'`, `{}`, `() => { throw 'evil' }`]

const PROGRAM = JSON.stringify(new URL('polluted-calls.js', import.meta.url).href)

/** Runs the calls here, and in a process with each value. Returns the outcomes of both. */
async function run(t: TestContext, names: string, calls: readonly string[]) {
  const servers = await startServers(t)
  const list = JSON.stringify(names.trim().split(/\s+/))
  const { output, errors, status } = await runChild(`
    const { outcomesOf } = await import(${PROGRAM})
    const servers = ${JSON.stringify(servers)}
    const calls = ${JSON.stringify(calls)}
    // Node loads modules on first use, and some of them break if they are loaded under pollution.
    await outcomesOf(servers, calls)
    const report = []
    for (const value of [${VALUES.join(', ')}]) {
      for (const name of ${list}) {
        Object.defineProperty(Object.prototype, name, { value, writable: true, configurable: true })
      }
      const outcomes = await outcomesOf(servers, calls)
      for (const name of ${list}) delete Object.prototype[name]
      report.push(outcomes)
    }
    console.log(JSON.stringify(report))
  `)
  assert.equal(status, 0, errors)
  const expected = await outcomesOf(servers, calls)
  return { expected, polluted: JSON.parse(output) as string[][] }
}

describe('51 names of options and variables on a polluted Object.prototype change nothing', () => {
  test('in connections, TLS verification, tunnels, decoders and streams', async (t) => {
    const { expected, polluted } = await run(t, NAMES, ALL_CALLS)
    assert.ok(expected.includes('TLS: 300000'), String(expected))
    assert.ok(expected.includes('a tunnel: GET '), String(expected))
    assert.ok(expected.includes('an untrusted server: ConnectError'), String(expected))
    for (const [index, outcomes] of polluted.entries()) {
      assert.deepEqual(outcomes, expected, `with the value ${VALUES[index]}`)
    }
  })

  test('in calls without TLS, for options that break TLSSocket', async (t) => {
    const { expected, polluted } = await run(t, BREAKING_TLS, PLAIN_CALLS)
    assert.equal(expected.join(), EXPECTED_PLAIN)
    for (const [index, outcomes] of polluted.entries()) {
      assert.deepEqual(outcomes, expected, `with the value ${VALUES[index]}`)
    }
  })
})

const EXPECTED_PLAIN = [
  'GET: GET ',
  'POST: POST [1]',
  'upload: POST by parts',
  'gzip: some text',
  'br: some text',
  'gzip, streamed: some text',
  'a web stream: 300000',
  'fetch: 300000',
  'fetch, cloned: 300000,300000',
  'fetch, as a Blob: 300000',
  'an upgrade: hello',
].join()
