import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Certificate } from '../support/certificates.ts'

/**
 * Creates a directory that is removed after the test. `write` creates a file in it and returns its
 * path.
 */
export function temporaryDirectory(t: TestContext) {
  const path = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(path, { recursive: true }))
  const write = (name: string, content: string) => {
    writeFileSync(join(path, name), content)
    return join(path, name)
  }
  return { path, write }
}

/** Returns the encrypted private key, in PKCS #8 format or in the older format of OpenSSL. */
export function encrypted(
  { key }: Certificate,
  passphrase: string,
  type: 'pkcs8' | 'sec1' = 'pkcs8',
): string {
  const cipher = 'aes-256-cbc'
  return createPrivateKey(key).export({ type, format: 'pem', cipher, passphrase }) as string
}
