// Runs every `sh` block of docs/command.md in a shell, with servers in this process.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../command/run-command.ts'
import { startExampleServers } from './server.ts'

/** The file that `npx hawser` runs. */
const mainPath = fileURLToPath(new URL('../../lib/command/main.js', import.meta.url))
const page = readFileSync(
  fileURLToPath(new URL('../../../docs/command.md', import.meta.url)),
  'utf8',
)

test('the commands in docs/command.md succeed', async (t) => {
  const servers = await startExampleServers()
  t.after(() => servers.close())
  const cwd = temporaryDirectory(t)
  const command = join(cwd, 'hawser')
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`)
  chmodSync(command, 0o755)
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!)
  assert.ok(blocks.length > 8)
  let script = blocks.join('\n').replaceAll('npx hawser', 'hawser')
  for (const [written, real] of servers.addresses) script = script.replaceAll(written, real)
  const env = { PATH: `${cwd}:${process.env.PATH}`, HOME: cwd }
  const shell = spawn('sh', ['-eu'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  shell.stdin.end(script)
  const status = new Promise((resolve) => shell.on('close', resolve))
  const [output, errors] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  assert.doesNotMatch(errors, /^hawser: /m)
  assert.equal(await status, 0, errors)
  assert.match(output, /there she is\n$/)
  assert.equal(readFileSync(join(cwd, 'ada.json'), 'utf8'), '{"id":7,"name":"Ada"}')
})
