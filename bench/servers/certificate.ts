import type { KeyObject } from 'node:crypto'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  key: string
  cert: string
}

/**
 * Creates a self-signed certificate for 127.0.0.1 and localhost, valid from yesterday to tomorrow.
 * It writes X.509 (RFC 5280) itself, so that the benchmark needs neither openssl nor a package.
 */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const toBeSigned = certificateFields(publicKey)
  const signature = sign('sha256', toBeSigned, privateKey)
  const certificate = sequence(toBeSigned, ecdsaWithSha256(), bitString(signature))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem(certificate),
  }
}

function ecdsaWithSha256(): Buffer {
  return sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))
}

/** Returns the TBSCertificate: everything but the signature. */
function certificateFields(publicKey: KeyObject): Buffer {
  const day = 24 * 60 * 60 * 1000
  const name = sequence(set(sequence(oid([0x55, 0x04, 0x03]), der(0x0c, Buffer.from('127.0.0.1')))))
  const serial = randomBytes(8)
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
  return sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256(),
    name,
    sequence(time(Date.now() - day), time(Date.now() + day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(authority(), names())),
  )
}

/** Basic constraints: the certificate is a certificate authority, since it signs itself. */
function authority(): Buffer {
  const yes = der(0x01, Buffer.from([0xff]))
  return sequence(oid([0x55, 0x1d, 0x13]), yes, der(0x04, sequence(yes)))
}

/** Subject alternative names. */
function names(): Buffer {
  const address = der(0x87, Buffer.from([127, 0, 0, 1]))
  const host = der(0x82, Buffer.from('localhost'))
  return sequence(oid([0x55, 0x1d, 0x11]), der(0x04, sequence(address, host)))
}

/** Encodes a value in DER. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const prefix =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...prefix]), content])
}

function sequence(...contents: Buffer[]): Buffer {
  return der(0x30, ...contents)
}

function set(content: Buffer): Buffer {
  return der(0x31, content)
}

function oid(bytes: number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

function bitString(content: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), content)
}

/** UTCTime: YYMMDDHHMMSSZ. */
function time(millis: number): Buffer {
  const digits = new Date(millis).toISOString().replace(/\D/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
