// On Deno, a program has only the permissions that it was started with. On other runtimes, it has all.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deadOrigin } from '../client/clients.ts'
import { httpServer } from '../engine/servers.ts'

/** Fetches the URL in a new process, and prints the body or the error. */
async function fetchInProcess(t: TestContext, url: string, permissions: readonly string[]) {
  // Inside the project, so that Deno finds its packages.
  const folder = mkdtempSync(fileURLToPath(new URL('permissions-', import.meta.url)))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'program.mjs')
  const module = JSON.stringify(new URL('../../src/fetch/index.js', import.meta.url))
  writeFileSync(
    file,
    `import { fetch } from ${module}
    const show = ({ name, message }) => name + ': ' + message
    console.log(await fetch('${url}').then((response) => response.text(), show))`,
  )
  const options = 'Deno' in globalThis ? ['run', '--no-prompt', ...permissions] : []
  const child = spawn(process.execPath, [...options, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  return output.trim()
}

test('94 with only the permission for the network, fetch succeeds', async (t) => {
  const { origin } = await httpServer(t, (_, response) => response.end('ok'))
  const permissions = ['--allow-net', '--allow-import', '--allow-read']
  for (const given of [permissions, ['--allow-net']]) {
    assert.equal(await fetchInProcess(t, origin, given), 'ok')
  }
})

test('94 without the permission for the network, fetch rejects with a TypeError', async (t) => {
  assert.equal(await fetchInProcess(t, await deadOrigin(), []), 'TypeError: fetch failed')
})
