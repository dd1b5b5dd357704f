import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { denoApi } from '../../src/backends/other-runtimes.ts'
import { socketBackends } from './socket-backends.ts'

/**
 * The code before each case. The server's end of the connection does not keep the process alive.
 */
const prelude = (name: string) => `
  import { createServer } from 'node:net'
  import { selectBackend } from '${new URL('../../src/backends/select.js', import.meta.url)}'
  const backend = selectBackend('${name}')
  const { hold, release } = backend
  const log = (text) => process.stdout.write(text + ' ')
  process.on('exit', () => log('exit'))
  const later = (ms) => setTimeout(() => log(ms), ms).unref()
  const server = createServer((peer) => peer.unref()).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const handler = { readTarget: () => new Uint8Array(10) }
  for (const name of ['Secure', 'Read', 'Drain', 'WriteError', 'End', 'Close']) {
    handler['on' + name] = () => {}
  }
  const socket = await new Promise((resolve) => {
    handler.onConnect = () => resolve(socket)
    const { port } = server.address()
    const socket = backend.connect({ address: '127.0.0.1', port }, handler)
  })
  server.unref()
`

for (const { name: backend } of socketBackends)
  describe(`${backend}: what keeps the process alive`, () => {
    const cases: [string, string, string][] = [
      ['not an idle socket', '', 'exit'],
      ['not an armed timer', 'backend.clock.timer(() => log("late")).arm(3000)', 'exit'],
      ['hold', 'hold(); later(20); setTimeout(release, 40).unref()', '20 exit'],
      ['not hold after release', 'hold(); release(); later(20)', 'exit'],
      [
        'hold until it is released as often',
        'hold(); hold(); release(); later(20); setTimeout(release, 40).unref()',
        '20 exit',
      ],
      [
        'a second hold after the first was released',
        'hold(); release(); hold(); later(20); setTimeout(release, 40).unref()',
        '20 exit',
      ],
      [
        'a socket with keepAlive',
        'socket.keepAlive(true); later(20); setTimeout(() => socket.keepAlive(false), 40).unref()',
        '20 exit',
      ],
    ]
    for (const [name, act, output] of cases) {
      test(name, () => {
        const { stdout, stderr } = run(prelude(backend) + act)
        assert.equal(stdout.trim() || stderr, output)
      })
    }
  })

/** Runs code from a file, because Deno does not accept code on the command line as Node does. */
function run(code: string) {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  const file = join(folder, 'child.mjs')
  writeFileSync(file, code)
  const args = denoApi() ? ['run', '--allow-all', file] : [file]
  try {
    return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 10_000 })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
