import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

/** A private key and its certificate, as PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

export interface CertificateOptions {
  readonly expired?: boolean
  /** The certificate authority that signs. Default: the certificate is self-signed. */
  readonly ca?: Certificate
}

/** Creates a certificate for a server with these names and IP addresses. */
export function certificateFor(
  hosts: readonly string[],
  { expired = false, ca }: CertificateOptions = {},
): Certificate {
  return issue(hosts[0] ?? 'unnamed', [subjectAltName(hosts)], expired, ca)
}

/** Creates the certificate of a certificate authority. */
export function certificateAuthority(name = 'Test Authority'): Certificate {
  return issue(name, [basicConstraints()], false, undefined)
}

const DAY = 86_400_000

/** Creates a certificate. node:crypto cannot, so this encodes the DER of RFC 5280 itself. */
function issue(name: string, extensions: Buffer[], expired: boolean, ca: Certificate | undefined) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = ca ? subjectOf(ca) : commonName(name)
  // ecdsa-with-SHA256
  const algorithm = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const end = Date.now() + (expired ? -DAY : DAY)
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    issuer,
    sequence(time(end - 2 * DAY), time(end)),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', body, ca ? ca.key : privateKey)
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: pem(sequence(body, algorithm, bitString(signature))),
  }
}

function subjectAltName(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 0 ? tagged(0x82, Buffer.from(host)) : tagged(0x87, addressBytes(host)),
  )
  return sequence(objectId(0x55, 0x1d, 0x11), octets(sequence(...names)))
}

function basicConstraints(): Buffer {
  const yes = tagged(0x01, Buffer.of(0xff))
  return sequence(objectId(0x55, 0x1d, 0x13), yes, octets(sequence(yes)))
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [left = '', right = ''] = address.split('::')
  const [head, tail] = [left, right].map((half) => half.split(':').filter(Boolean))
  const gap = new Array<string>(8 - head!.length - tail!.length).fill('0')
  const groups = [...head!, ...gap, ...tail!].map((group) => Number.parseInt(group, 16))
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

function commonName(name: string): Buffer {
  const attribute = sequence(objectId(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from(name)))
  return sequence(tagged(0x31, attribute))
}

function subjectOf({ cert }: Certificate): Buffer {
  return commonName(new X509Certificate(cert).subject.replace('CN=', ''))
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|\D/g, '')
  return tagged(0x17, Buffer.from(`${digits.slice(2)}Z`))
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes)
}

function objectId(...bytes: number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes))
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content)
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.of(0), bytes)
}

/** Encodes a value in DER. */
function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const size = length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length)
  return Buffer.concat([Buffer.of(tag), size, content])
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
