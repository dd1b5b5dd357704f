import { appendFileSync, existsSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { inspect } from 'node:util'
import type { Environment } from './options.ts'
import { checkOptions, option, variable } from './options.ts'
import type { PemFile } from './pem.ts'
import { certificatesIn, isPair, privateKeyIn, readBundle, readPem } from './pem.ts'
import { SharedByContent, snapshotOf } from './shared-by-content.ts'
import { isPlain, kindOf } from './value-kind.ts'

/**
 * Whom to trust: true is the runtime's CA bundle (with NODE_EXTRA_CA_CERTS), false is anybody, a path
 * is a bundle, or a directory of certificates, instead of it; or settings of `node:tls`.
 */
export type Verify = boolean | string | URL | ConnectionOptions

/** Paths of PEM files: one with certificate and key, or one for each, and the key's passphrase. */
export type ClientCertificate =
  | string
  | URL
  | readonly [cert: string | URL, key: string | URL, passphrase?: string | null | undefined]

export interface TlsSettingsInit {
  /** Default true. */
  readonly verify?: Verify | undefined
  readonly cert?: ClientCertificate | null | undefined
  /** Whether SSL_CERT_FILE, SSL_CERT_DIR, SSLKEYLOGFILE and NODE_TLS_REJECT_UNAUTHORIZED count. Default true. */
  readonly trustEnv?: boolean | undefined
  /** Default `process.env`. */
  readonly env?: Environment | undefined
}

/** What `node:tls` takes, never to be changed. The same settings are the same object. */
export interface TlsSettings extends ConnectionOptions {
  /** Wants each line that a TLS socket has for SSLKEYLOGFILE: its 'keylog' events. */
  keylog?: (line: Uint8Array) => void
}

interface ClientFiles {
  readonly cert: PemFile
  readonly key: PemFile
  readonly passphrase: string | undefined
}

const NAMES = ['verify', 'cert', 'trustEnv', 'env'] as const
/** These say where to connect to and how, or are the connection's own. */
const NO_SETTINGS = [
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
const VERSIONS: readonly unknown[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
/** What is spoken here. */
const PROTOCOLS: readonly unknown[] = ['http/1.1', 'http/1.0']
const OWN_IDENTITY = ['cert', 'key', 'pfx', 'secureContext'] as const

const unset: TlsSettings = Object.freeze(Object.create(null))
const shared = new SharedByContent<TlsSettings>()

/**
 * Reads all files at once; equal settings and contents give the same frozen object, so that TLS
 * contexts are built once. Throws `TypeError` that names what is wrong, and the path.
 */
export function tlsSettings(init: TlsSettingsInit = {}): TlsSettings {
  checkOptions('tlsSettings', init, NAMES)
  const trustEnv = option(init, 'trustEnv', true)
  const env = trustEnv ? option(init, 'env', process.env) : {}
  const verify = option(init, 'verify', true)
  const options = optionsOf(verify)
  // Node's own default is what NODE_TLS_REJECT_UNAUTHORIZED says, and it reads that for each connection.
  if (!trustEnv) options.rejectUnauthorized ??= true
  const bundle = bundleOf(verify, options, env)
  const client = clientFiles(option(init, 'cert', null), options)
  const keyLog = variable(env, 'SSLKEYLOGFILE')
  if (!bundle && !client && !keyLog && Object.keys(options).length === 0) return unset

  const content = [
    options,
    bundle?.map(({ text }) => text),
    client && [client.cert.text, client.key.text, client.passphrase],
    keyLog && resolve(keyLog),
  ]
  // To parse a bundle takes as long as to build a context from it: known content is known to be good.
  return shared.get(content, () => {
    if (bundle) options.ca = certificatesIn(bundle).join('\n')
    else checkAuthorities(options.ca)
    if (client) Object.assign(options, identityOf(client))
    if (keyLog) options.keylog ??= keyLogger(resolve(keyLog))
    Object.defineProperty(options, inspect.custom, { value: showNames })
    return Object.freeze(options)
  })
}

function optionsOf(verify: unknown): Record<string, unknown> & TlsSettings {
  if (verify === true || typeof verify === 'string' || verify instanceof URL) return snapshotOf({})
  if (verify === false) return snapshotOf({ rejectUnauthorized: false })
  if (!isPlain(verify)) {
    throw new TypeError(
      `verify must be a boolean, a path or an object of TLS options, not ${kindOf(verify)}`,
    )
  }
  const options = snapshotOf(verify)
  for (const name of NO_SETTINGS) {
    if (Object.hasOwn(options, name)) throw new TypeError(`verify.${name} is no TLS setting`)
  }
  checkFunctions('verify', options)
  checkChoices(options)
  return options
}

/** Node would call them in the middle of a handshake. */
const FUNCTIONS = ['checkServerIdentity', 'keylog'] as const

/** Throws `TypeError` that names the option, as `verify.keylog`. */
export function checkFunctions(what: string, options: TlsSettings): void {
  for (const name of FUNCTIONS) {
    const given: unknown = option(options, name, undefined)
    if (given === undefined || typeof given === 'function') continue
    throw new TypeError(`${what}.${name} must be a function`)
  }
}

function checkChoices(options: Readonly<Record<string, unknown>>): void {
  for (const name of ['minVersion', 'maxVersion']) {
    const version = options[name]
    if (version === undefined || VERSIONS.includes(version)) continue
    throw new TypeError(`verify.${name} must be one of ${VERSIONS.join(', ')}`)
  }
  const { ALPNProtocols: protocols } = options
  const isSpoken = Array.isArray(protocols) && protocols.every((each) => PROTOCOLS.includes(each))
  if (protocols === undefined || isSpoken) return
  throw new TypeError(`verify.ALPNProtocols must be a list of ${PROTOCOLS.join(', ')}`)
}

/** Node would trust nobody, without a word, if `ca` were a path. */
function checkAuthorities(ca: unknown): void {
  for (const each of Array.isArray(ca) ? ca : [ca]) {
    if (typeof each !== 'string' && !(each instanceof Uint8Array)) continue
    certificatesIn([{ name: 'verify.ca', text: Buffer.from(each as string).toString('latin1') }])
  }
}

/** Null for the runtime's own, or where the options have their own. */
function bundleOf(verify: Verify, options: ConnectionOptions, env: Environment): PemFile[] | null {
  if (typeof verify === 'string' || verify instanceof URL) return readBundle('verify', verify)
  const { ca, secureContext, rejectUnauthorized } = options
  if (ca !== undefined || secureContext !== undefined || rejectUnauthorized === false) return null
  const file = variable(env, 'SSL_CERT_FILE')
  if (file !== undefined) return readBundle('SSL_CERT_FILE', file)
  // As for OpenSSL it may be a list, where some need not be there.
  const directories = variable(env, 'SSL_CERT_DIR')?.split(delimiter).filter(Boolean) ?? []
  const present = directories.filter((directory) => existsSync(directory))
  const chosen = present.length > 0 ? present : directories.slice(0, 1)
  return chosen.length > 0 ? chosen.flatMap((path) => readBundle('SSL_CERT_DIR', path)) : null
}

function clientFiles(cert: unknown, options: object): ClientFiles | null {
  if (cert === null) return null
  const [certPath, keyPath, passphrase, ...rest] = Array.isArray(cert) ? cert : [cert, cert]
  const isPassphrase = typeof (passphrase ?? '') === 'string'
  if (!isPath(certPath) || !isPath(keyPath) || !isPassphrase || rest.length > 0) {
    throw new TypeError('cert must be a path, [cert, key] or [cert, key, passphrase]')
  }
  for (const name of OWN_IDENTITY) {
    if (!Object.hasOwn(options, name)) continue
    throw new TypeError(`cert and verify.${name} exclude one another`)
  }
  const certFile = readPem('cert', certPath)
  const keyFile = keyPath === certPath ? certFile : readPem('cert', keyPath)
  return { cert: certFile, key: keyFile, passphrase: passphrase ?? undefined }
}

function isPath(path: unknown): path is string | URL {
  return typeof path === 'string' || path instanceof URL
}

function identityOf({ cert, key: keyFile, passphrase }: ClientFiles): ConnectionOptions {
  const chain = certificatesIn([cert])
  const key = privateKeyIn(keyFile, passphrase)
  if (!isPair(chain[0]!, key)) {
    throw new TypeError(`${keyFile.name}: the private key is not that of ${cert.name}`)
  }
  const identity = { cert: chain.join('\n'), key: key.pem }
  return passphrase === undefined ? identity : { ...identity, passphrase }
}

function keyLogger(path: string): (line: Uint8Array) => void {
  const append = (line: Uint8Array) => appendFileSync(path, line, { mode: 0o600 })
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
      // A full disk ends the log, not the process.
    }
  }
}

/** There are keys in it. */
function showNames(this: TlsSettings): string {
  return `<TLS settings: ${Object.keys(this).join(', ')}>`
}
