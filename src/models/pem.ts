import type { KeyObject } from 'node:crypto'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file that may hold certificates and keys in PEM. RFC 7468 */
export interface PemFile {
  /** Who named it, and its path: how an error's message begins. */
  readonly name: string
  readonly text: string
}

interface PrivateKey {
  readonly pem: string
  readonly object: KeyObject
}

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----/g
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----/g
/** OpenSSL finds a certificate by the hash of its subject, people by its extension. */
const MAY_HOLD_CERTIFICATES = /^[\da-f]{8}\.\d+$|\.(?:pem|crt|cer)$/i

/** Throws `TypeError` that names the file, as all of these do; `label` says who asked for it. */
export function readPem(label: string, path: string | URL): PemFile {
  const text = read(label, path, (file) => readFileSync(file, 'latin1'))
  return { name: named(label, path), text }
}

/** The file; of a directory, all files that can be read and hold certificates. */
export function readBundle(label: string, path: string | URL): PemFile[] {
  const names = read(label, path, (file) => statSync(file).isDirectory() && readdirSync(file))
  if (names === false) return [readPem(label, path)]
  const files: PemFile[] = []
  for (const name of names.sort()) {
    if (!MAY_HOLD_CERTIFICATES.test(name)) continue
    const file = readIfPossible(label, join(systemPath(path), name))
    if (file !== null && file.text.search(CERTIFICATE) >= 0) files.push(file)
  }
  if (files.length > 0) return files
  throw new TypeError(`${named(label, path)} has no file with a PEM certificate`)
}

/** Every certificate of the files as it stands there, but each one once. */
export function certificatesIn(files: readonly PemFile[]): string[] {
  const certificates = new Set<string>()
  for (const { name, text } of files) {
    let number = 0
    for (const { pem, index } of blocks(text, CERTIFICATE)) {
      number++
      // A directory such as /etc/ssl/certs has most of them three times.
      if (certificates.has(pem)) continue
      const fault = faultOf(pem)
      if (fault !== null) {
        const line = text.slice(0, index).split('\n').length
        throw new TypeError(`${name}: certificate ${number} (line ${line}) is broken: ${fault}`)
      }
      certificates.add(pem)
    }
    if (number === 0) throw new TypeError(`${name} has no PEM certificate`)
  }
  return [...certificates]
}

/** The first private key of the file: OpenSSL takes no other. */
export function privateKeyIn({ name, text }: PemFile, passphrase: string | undefined): PrivateKey {
  const [block] = blocks(text, PRIVATE_KEY)
  if (block === undefined) throw new TypeError(`${name} has no PEM private key`)
  const { pem } = block
  const encrypted = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)
  if (encrypted && passphrase === undefined) {
    throw new TypeError(`${name}: the private key is encrypted and needs a passphrase`)
  }
  try {
    return { pem, object: createPrivateKey({ key: pem, passphrase }) }
  } catch (cause) {
    const fault = encrypted ? 'cannot be decrypted with the passphrase' : 'is broken'
    throw new TypeError(`${name}: the private key ${fault} (${codeOf(cause)})`, { cause })
  }
}

/** Whether the key is that of the certificate. */
export function isPair(certificate: string, key: PrivateKey): boolean {
  return new X509Certificate(certificate).checkPrivateKey(key.object)
}

/** From each BEGIN line to its END line; where there is none, to the end of the text. */
function* blocks(text: string, begin: RegExp): Generator<{ pem: string; index: number }> {
  for (const { 0: line, 1: label, index } of text.matchAll(begin)) {
    const endLine = `-----END ${label}-----`
    const end = text.indexOf(endLine, index + line.length)
    yield { pem: text.slice(index, end < 0 ? undefined : end + endLine.length), index }
  }
}

function faultOf(certificate: string): string | null {
  // OpenSSL passes over a block that is cut off and takes the next one for it.
  const isCut = !certificate.endsWith('-----') || certificate.includes('-----BEGIN', 1)
  if (isCut) return 'its END line is missing'
  try {
    new X509Certificate(certificate)
    return null
  } catch (error) {
    return codeOf(error)
  }
}

function readIfPossible(label: string, path: string): PemFile | null {
  try {
    return readPem(label, path)
  } catch {
    return null
  }
}

function read<Content>(label: string, path: string | URL, how: (path: string) => Content): Content {
  try {
    return how(systemPath(path))
  } catch (cause) {
    throw new TypeError(`${named(label, path)} cannot be read (${codeOf(cause)})`, { cause })
  }
}

function named(label: string, path: string | URL): string {
  return `${label} "${path}"`
}

function systemPath(path: string | URL): string {
  return typeof path === 'string' ? path : fileURLToPath(path)
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
