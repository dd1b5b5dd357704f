import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Creates a directory that is removed after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'hawser-netrc-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** Creates a netrc file with this text, and returns its path. */
export function netrcFile(t: TestContext, text: string | Uint8Array): string {
  const file = join(folder(t), '.netrc')
  writeFileSync(file, text)
  return file
}

/** Sets `NETRC` to a file with this text until the test ends. */
export function useNetrc(t: TestContext, text: string): void {
  const before = process.env.NETRC
  process.env.NETRC = netrcFile(t, text)
  t.after(() => {
    if (before === undefined) delete process.env.NETRC
    else process.env.NETRC = before
  })
}
