import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { denoApi } from '../../src/backends/other-runtimes.ts'
import { socketBackends } from './own-sockets.ts'

/** What the cases may use. The server's end of the connection keeps nothing alive either. */
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
  describe(`${backend}: the process`, () => {
    const cases: [string, string, string][] = [
      ['is not kept alive by an idle socket', '', 'exit'],
      ['nor by an armed timer', 'backend.clock.timer(() => log("late")).arm(3000)', 'exit'],
      ['is by hold', 'hold(); later(20); setTimeout(release, 40).unref()', '20 exit'],
      ['is not after release', 'hold(); release(); later(20)', 'exit'],
      [
        'is until all have released',
        'hold(); hold(); release(); later(20); setTimeout(release, 40).unref()',
        '20 exit',
      ],
      [
        'is by a second hold after the first is over',
        'hold(); release(); hold(); later(20); setTimeout(release, 40).unref()',
        '20 exit',
      ],
      [
        'is by a socket that is told to',
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

/** As a file: Deno takes no code on Node's command line. */
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
