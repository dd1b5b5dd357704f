import type { KeyObject } from 'node:crypto'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutPrototype } from './options.ts'
import { codeOrMessage } from './value-kind.ts'

/** A file that can contain certificates and keys in PEM format. RFC 7468 */
export interface PemFile {
  /** The option or variable that names the file, and its path. Error messages begin with it. */
  readonly name: string
  readonly text: string
}

interface PrivateKey {
  readonly pem: string
  readonly object: KeyObject
}

const READ_OPTIONS = withoutPrototype({ encoding: 'latin1' as const })
const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----/g
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----/g
/** OpenSSL names certificate files by the hash of the subject; other tools use these extensions. */
const CERTIFICATE_FILE_NAME = /^[\da-f]{8}\.\d+$|\.(?:pem|crt|cer)$/i

/**
 * Reads a file. Throws a `TypeError` that names the option and the path.
 *
 * @param label the option or variable that names the file
 */
export function readPem(label: string, path: string | URL): PemFile {
  const text = read(label, path, (file) => readFileSync(file, READ_OPTIONS))
  return { name: nameOf(label, path), text }
}

/** Reads a file, or all files in a directory that are readable and contain certificates. */
export function readBundle(label: string, path: string | URL): PemFile[] {
  const names = read(label, path, (file) => statSync(file).isDirectory() && readdirSync(file))
  if (names === false) return [readPem(label, path)]
  const files: PemFile[] = []
  for (const name of names.sort()) {
    if (!CERTIFICATE_FILE_NAME.test(name)) continue
    const file = readIfPossible(label, join(systemPath(path), name))
    if (file !== null && file.text.search(CERTIFICATE) >= 0) files.push(file)
  }
  if (files.length > 0) return files
  throw new TypeError(`${nameOf(label, path)} contains no file with a PEM certificate`)
}

/** Returns the certificates in the files, unchanged and without duplicates. */
export function certificatesIn(files: readonly PemFile[]): string[] {
  const certificates = new Set<string>()
  for (const { name, text } of files) {
    let number = 0
    for (const { pem, index } of blocks(text, CERTIFICATE)) {
      number++
      // Directories such as /etc/ssl/certs contain most certificates three times.
      if (certificates.has(pem)) continue
      const defect = defectOf(pem)
      if (defect !== null) {
        const line = text.slice(0, index).split('\n').length
        throw new TypeError(`${name}: certificate ${number} (line ${line}) is invalid: ${defect}`)
      }
      certificates.add(pem)
    }
    if (number === 0) throw new TypeError(`${name} contains no PEM certificate`)
  }
  return [...certificates]
}

/** Returns the first private key in the file, which is the one that OpenSSL uses. */
export function privateKeyIn({ name, text }: PemFile, passphrase: string | undefined): PrivateKey {
  const [block] = blocks(text, PRIVATE_KEY)
  if (block === undefined) throw new TypeError(`${name} contains no PEM private key`)
  const { pem } = block
  const encrypted = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)
  if (encrypted && passphrase === undefined) {
    throw new TypeError(`${name}: the private key is encrypted and needs a passphrase`)
  }
  try {
    return { pem, object: createPrivateKey(withoutPrototype({ key: pem, passphrase })) }
  } catch (cause) {
    const defect = encrypted ? 'cannot be decrypted with the passphrase' : 'is invalid'
    throw new TypeError(`${name}: the private key ${defect} (${codeOrMessage(cause)})`, { cause })
  }
}

/** Whether the private key belongs to the certificate. */
export function isKeyOf(certificate: string, key: PrivateKey): boolean {
  return new X509Certificate(certificate).checkPrivateKey(key.object)
}

/**
 * Yields the blocks from a BEGIN line to its END line, or to the end of the text if it is missing.
 */
function* blocks(text: string, begin: RegExp): Generator<{ pem: string; index: number }> {
  for (const { 0: line, 1: label, index } of text.matchAll(begin)) {
    const endLine = `-----END ${label}-----`
    const end = text.indexOf(endLine, index + line.length)
    yield { pem: text.slice(index, end < 0 ? undefined : end + endLine.length), index }
  }
}

/** Returns why the certificate is invalid; null if it is valid. */
function defectOf(certificate: string): string | null {
  // OpenSSL would skip a truncated block, and the certificate would be missing without an error.
  const isCut = !certificate.endsWith('-----') || certificate.includes('-----BEGIN', 1)
  if (isCut) return 'its END line is missing'
  try {
    new X509Certificate(certificate)
    return null
  } catch (error) {
    return codeOrMessage(error)
  }
}

function readIfPossible(label: string, path: string): PemFile | null {
  try {
    return readPem(label, path)
  } catch {
    return null
  }
}

function read<Result>(label: string, path: string | URL, reader: (path: string) => Result): Result {
  try {
    return reader(systemPath(path))
  } catch (cause) {
    throw new TypeError(`${nameOf(label, path)} cannot be read (${codeOrMessage(cause)})`, {
      cause,
    })
  }
}

function nameOf(label: string, path: string | URL): string {
  return `${label} "${path}"`
}

function systemPath(path: string | URL): string {
  return typeof path === 'string' ? path : fileURLToPath(path)
}
