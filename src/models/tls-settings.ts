import { appendFileSync, existsSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { inspect, types } from 'node:util'
import type { Environment } from './environment.ts'
import { environmentVariable } from './environment.ts'
import { InternTable, snapshotOf } from './intern-table.ts'
import { checkOptions, option, withoutPrototype } from './options.ts'
import type { PemFile } from './pem.ts'
import { certificatesIn, isKeyOf, privateKeyIn, readBundle, readPem } from './pem.ts'
import { isUrl } from './url.ts'
import { isPlainObject, kindOf } from './value-kind.ts'

/**
 * How certificates are verified. True uses the CA certificates of the runtime (and
 * NODE_EXTRA_CA_CERTS). False verifies nothing. A path names a CA bundle, or a directory of CA
 * certificates, that replaces them. An object contains options of `node:tls`.
 */
export type Verify = boolean | string | URL | ConnectionOptions

/**
 * The client certificate: the path of a PEM file with certificate and key, or the paths of two
 * files and the passphrase of the key.
 */
export type ClientCertificate =
  | string
  | URL
  | readonly [cert: string | URL, key: string | URL, passphrase?: string | null | undefined]

export interface TlsSettingsInit {
  /** How certificates of servers are verified. Default true. */
  readonly verify?: Verify | undefined
  /** The client certificate. Default null. */
  readonly cert?: ClientCertificate | null | undefined
  /**
   * Whether SSL_CERT_FILE, SSL_CERT_DIR, SSLKEYLOGFILE and NODE_TLS_REJECT_UNAUTHORIZED are used.
   * Default true.
   */
  readonly trustEnv?: boolean | undefined
  /** The environment variables. Default `process.env`. */
  readonly env?: Environment | undefined
}

/** Options for `node:tls`. Immutable. Equal settings are the same object. */
export interface TlsSettings extends ConnectionOptions {
  /** Receives each line for the key log file: the 'keylog' events of a TLS socket. */
  keylog?: (line: Uint8Array) => void
}

interface ClientFiles {
  readonly cert: PemFile
  readonly key: PemFile
  readonly passphrase: string | undefined
}

const OPTION_NAMES = ['verify', 'cert', 'trustEnv', 'env'] as const
/** Options of `tls.connect` that Hawser sets for each connection. */
const CONNECTION_OPTIONS = [
  'host',
  'port',
  'path',
  'socket',
  'lookup',
  'localAddress',
  'family',
  'timeout',
  'session',
] as const
const TLS_VERSIONS: readonly unknown[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
/** The ALPN protocols that Hawser supports. */
const ALPN_PROTOCOLS: readonly unknown[] = ['http/1.1', 'http/1.0']
/** Options in `verify` that also set a client certificate. They conflict with the option `cert`. */
const IDENTITY_OPTIONS = ['cert', 'key', 'pfx', 'secureContext'] as const
/** Options that identify the client to a server. Only the client's own origins may see them. */
const CREDENTIAL_OPTIONS = new Set([
  ...['cert', 'key', 'pfx', 'passphrase', 'pskCallback'],
  ...['clientCertEngine', 'privateKeyEngine', 'privateKeyIdentifier'],
])

/** Options that specify how the certificate of the server is verified. */
const VERIFICATION_OPTIONS = [
  'rejectUnauthorized',
  'ca',
  'crl',
  'checkServerIdentity',
  'secureContext',
] as const

const noSettings: TlsSettings = Object.freeze(Object.create(null))
const knownSettings = new InternTable<TlsSettings>()

/**
 * Reads the files and returns the settings. Equal settings and files give the same frozen object,
 * so that each TLS context is built once. Throws a `TypeError` that names the option, and the path
 * if there is one.
 */
export function resolveTlsSettings(init: TlsSettingsInit = {}): TlsSettings {
  checkOptions('tlsSettings', init, OPTION_NAMES)
  const trustEnv = option(init, 'trustEnv', true)
  const env = trustEnv ? option(init, 'env', undefined) : {}
  const verify = option(init, 'verify', true)
  const options = optionsOf(verify)
  // Otherwise NODE_TLS_REJECT_UNAUTHORIZED decides for each connection.
  const isExplicit = !trustEnv || option(init, 'verify', undefined) !== undefined
  if (isExplicit) options.rejectUnauthorized ??= true
  const bundle = bundleOf(verify, options, env)
  const client = clientFiles(option(init, 'cert', null), options)
  const keyLog = environmentVariable('SSLKEYLOGFILE', env)
  if (!bundle && !client && !keyLog && Object.keys(options).length === 0) return noSettings

  const contents = [
    options,
    bundle?.map(({ text }) => text),
    client && [client.cert.text, client.key.text, client.passphrase],
    keyLog && resolve(keyLog),
  ]
  // Parsing a bundle takes as long as creating a TLS context, so contents that were parsed before
  // are not parsed again.
  return knownSettings.getOrCreate(contents, () => {
    if (bundle) options.ca = certificatesIn(bundle).join('\n')
    else checkAuthorities(options.ca)
    if (client) Object.assign(options, identityOf(client))
    if (keyLog) options.keylog ??= keyLogger(resolve(keyLog))
    const settings = sealed(options)
    if (!isExplicit) withUnspecifiedVerification.add(settings)
    return settings
  })
}

/** Settings with a `ca` from the environment, for which the caller specified no verification. */
const withUnspecifiedVerification = new WeakSet<ConnectionOptions>()
/** The same settings without verification. */
const unverifiedSettings = new WeakMap<ConnectionOptions, ConnectionOptions>()

/**
 * Returns the settings for a connection that is opened now. NODE_TLS_REJECT_UNAUTHORIZED=0 switches
 * the verification off where the caller did not specify it. Equal results are the same
 * object, and differ from the settings with verification: no TLS session is used for both.
 */
export function settingsForConnection(settings: ConnectionOptions): ConnectionOptions {
  if (!isVerificationDisabled() || specifiesVerification(settings)) return settings
  let unverified = unverifiedSettings.get(settings)
  if (unverified === undefined) {
    unverified = sealed({ ...settings, rejectUnauthorized: false })
    unverifiedSettings.set(settings, unverified)
  }
  return unverified
}

/** Whether NODE_TLS_REJECT_UNAUTHORIZED is 0 at the moment. */
export function isVerificationDisabled(): boolean {
  return environmentVariable('NODE_TLS_REJECT_UNAUTHORIZED') === '0'
}

function specifiesVerification(settings: ConnectionOptions): boolean {
  if (withUnspecifiedVerification.has(settings)) return false
  return VERIFICATION_OPTIONS.some((name) => option(settings, name, undefined) !== undefined)
}

function sealed(options: ConnectionOptions): ConnectionOptions {
  const copy = withoutPrototype(options)
  Object.defineProperty(copy, inspect.custom, withoutPrototype({ value: inspectNames }))
  return Object.freeze(copy)
}

const settingsWithoutCertificate = new WeakMap<TlsSettings, TlsSettings>()

/**
 * Returns the settings without the client certificate, its key and a pre-shared key. Returns the
 * same object if they contain none. A certificate inside a `secureContext` cannot be removed.
 */
export function withoutClientCertificate(settings: TlsSettings): TlsSettings {
  if (!Object.keys(settings).some((name) => CREDENTIAL_OPTIONS.has(name))) return settings
  const known = settingsWithoutCertificate.get(settings)
  if (known !== undefined) return known
  const kept = Object.entries(settings).filter(([name]) => !CREDENTIAL_OPTIONS.has(name))
  const options = sealed(Object.fromEntries(kept))
  if (withUnspecifiedVerification.has(settings)) withUnspecifiedVerification.add(options)
  settingsWithoutCertificate.set(settings, options)
  return options
}

function optionsOf(verify: unknown): Record<string, unknown> & TlsSettings {
  if (verify === true || isPath(verify)) return snapshotOf({})
  if (verify === false) return snapshotOf({ rejectUnauthorized: false })
  if (!isPlainObject(verify)) {
    throw new TypeError(
      `verify must be a boolean, a path or an object of TLS options, not ${kindOf(verify)}`,
    )
  }
  const options = snapshotOf(verify)
  const name = CONNECTION_OPTIONS.find((each) => Object.hasOwn(options, each))
  if (name) throw new TypeError(`verify.${name} cannot be set: Hawser sets it for each connection`)
  checkTlsCallbacks('verify', options)
  checkVersionsAndAlpn(options)
  return options
}

/**
 * Options that must be functions. They are checked early, because Node reports another value only
 * during the handshake.
 */
const CALLBACKS = ['checkServerIdentity', 'keylog'] as const

/**
 * Throws `TypeError` for a callback that is not a function.
 *
 * @param label the name of the options, for the message of the error
 */
export function checkTlsCallbacks(label: string, options: TlsSettings): void {
  for (const name of CALLBACKS) {
    const given: unknown = option(options, name, undefined)
    if (given === undefined || typeof given === 'function') continue
    throw new TypeError(`${label}.${name} must be a function`)
  }
}

function checkVersionsAndAlpn(options: Readonly<Record<string, unknown>>): void {
  for (const name of ['minVersion', 'maxVersion']) {
    const version = options[name]
    if (version === undefined || TLS_VERSIONS.includes(version)) continue
    throw new TypeError(`verify.${name} must be one of ${TLS_VERSIONS.join(', ')}`)
  }
  const { ALPNProtocols: protocols } = options
  const isSupported =
    Array.isArray(protocols) && protocols.every((protocol) => ALPN_PROTOCOLS.includes(protocol))
  if (protocols === undefined || isSupported) return
  throw new TypeError('verify.ALPNProtocols must be an array with only http/1.1 and http/1.0')
}

/** Throws for a `ca` that is not PEM, such as a path: Node would accept it, and trust no server. */
function checkAuthorities(ca: unknown): void {
  for (const each of Array.isArray(ca) ? ca : [ca]) {
    if (typeof each !== 'string' && !types.isUint8Array(each)) continue
    certificatesIn([{ name: 'verify.ca', text: Buffer.from(each as string).toString('latin1') }])
  }
}

/** Returns the CA certificates; null if the runtime's are used, or `options` contains others. */
function bundleOf(
  verify: Verify,
  options: ConnectionOptions,
  env: Environment | undefined,
): PemFile[] | null {
  if (isPath(verify)) return readBundle('verify', verify)
  const { ca, secureContext, rejectUnauthorized } = options
  if (ca !== undefined || secureContext !== undefined || rejectUnauthorized === false) return null
  const file = environmentVariable('SSL_CERT_FILE', env)
  if (file !== undefined) return readBundle('SSL_CERT_FILE', file)
  // As in OpenSSL, it can be a list, and directories that do not exist are ignored.
  const directories =
    environmentVariable('SSL_CERT_DIR', env)?.split(delimiter).filter(Boolean) ?? []
  const present = directories.filter((directory) => existsSync(directory))
  // If no directory exists, the first one is read, so that the error names it.
  const chosen = present.length > 0 ? present : directories.slice(0, 1)
  return chosen.length > 0 ? chosen.flatMap((path) => readBundle('SSL_CERT_DIR', path)) : null
}

function clientFiles(cert: unknown, options: object): ClientFiles | null {
  if (cert === null) return null
  const [certPath, keyPath, passphrase, ...excess] = Array.isArray(cert) ? cert : [cert, cert]
  const isPassphrase = typeof (passphrase ?? '') === 'string'
  if (!isPath(certPath) || !isPath(keyPath) || !isPassphrase || excess.length > 0) {
    throw new TypeError('cert must be a path, [cert, key] or [cert, key, passphrase]')
  }
  const other = IDENTITY_OPTIONS.find((name) => Object.hasOwn(options, name))
  if (other !== undefined) throw new TypeError(`cert and verify.${other} cannot be combined`)
  const certFile = readPem('cert', certPath)
  const keyFile = keyPath === certPath ? certFile : readPem('cert', keyPath)
  return { cert: certFile, key: keyFile, passphrase: passphrase ?? undefined }
}

function isPath(path: unknown): path is string | URL {
  return typeof path === 'string' || isUrl(path)
}

function identityOf({ cert, key: keyFile, passphrase }: ClientFiles): ConnectionOptions {
  const chain = certificatesIn([cert])
  const key = privateKeyIn(keyFile, passphrase)
  if (!isKeyOf(chain[0]!, key)) {
    throw new TypeError(`${keyFile.name}: the private key does not match ${cert.name}`)
  }
  const identity = { cert: chain.join('\n'), key: key.pem }
  return passphrase === undefined ? identity : { ...identity, passphrase }
}

/** All options that Node would otherwise read from a polluted `Object.prototype`. */
const APPEND_OPTIONS = withoutPrototype({
  mode: 0o600,
  flag: 'a',
  encoding: undefined,
  flush: undefined,
  signal: undefined,
})

function keyLogger(path: string): (line: Uint8Array) => void {
  const append = (line: Uint8Array) => appendFileSync(path, line, APPEND_OPTIONS)
  try {
    append(Buffer.alloc(0))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new TypeError(`SSLKEYLOGFILE "${path}" cannot be written (${code})`, { cause })
  }
  return (line) => {
    try {
      append(line)
    } catch {
      // An error such as a full disk must not end the process.
    }
  }
}

/** Shows only the names, because the values include private keys. */
function inspectNames(this: TlsSettings): string {
  return `<TLS settings: ${Object.keys(this).join(', ')}>`
}
