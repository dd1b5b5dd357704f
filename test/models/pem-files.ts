import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Certificate } from '../support/certificates.ts'

/** A directory that is gone after the test; `write` puts a file into it and gives its path. */
export function temporaryDirectory(t: TestContext) {
  const path = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(path, { recursive: true }))
  const write = (name: string, content: string) => {
    writeFileSync(join(path, name), content)
    return join(path, name)
  }
  return { path, write }
}

/** The key under a passphrase: as PKCS #8 has it, or as OpenSSL wrote it before. */
export function encrypted(
  { key }: Certificate,
  passphrase: string,
  type: 'pkcs8' | 'sec1' = 'pkcs8',
): string {
  const cipher = 'aes-256-cbc'
  return createPrivateKey(key).export({ type, format: 'pem', cipher, passphrase }) as string
}
