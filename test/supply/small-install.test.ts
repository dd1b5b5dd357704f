// npm installs few packages with Hawser, and the published files need no others.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNode } from '../docs/process.ts'

const top = fileURLToPath(new URL('../../../', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'hawser-project-'))
const hawser = join(project, 'node_modules/hawser')
after(() => rmSync(project, { recursive: true }))

/** The packages that npm installs with Hawser. */
function installedPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8'))
  return Object.entries<{ dev?: boolean }>(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path]) => path.replace(/^node_modules\//, ''))
    .sort()
}

/** Does what `npm install` of the tarball does in an empty project, without a registry. */
function installTarball(): void {
  const run = (program: string, ...words: string[]) => {
    const env = { PATH: process.env.PATH, HOME: project }
    const { status, stderr } = spawnSync(program, words, { cwd: top, encoding: 'utf8', env })
    assert.equal(status, 0, stderr)
  }
  mkdirSync(hawser, { recursive: true })
  run('npm', 'pack', '--ignore-scripts', '--pack-destination', project)
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))
  run('tar', '-xf', join(project, tarball!), '-C', hawser, '--strip-components=1')
  for (const name of installedPackages()) {
    const folder = join('node_modules', name)
    cpSync(join(top, folder), join(project, folder), { recursive: true, dereference: true })
  }
}

installTarball()

/** Runs an ES module in the project; returns what it prints. */
async function runInProject(program: string): Promise<string> {
  const words = ['--eval', program]
  const { code, stdout, stderr } = await runNode('--input-type=module', words, project)
  assert.deepEqual([code, stderr], [0, ''])
  return stdout.trim()
}

/** Answers with the fields and the body of the request. The last part comes after `pause` ms. */
async function startServer(t: TestContext, pause = 0): Promise<string> {
  const server = createServer(async (request, response) => {
    response.setHeader('Set-Cookie', 'name=value')
    const body = await request.setEncoding('latin1').toArray()
    const text = JSON.stringify({ ...request.headers, body: body.join('') })
    response.setHeader('Content-Length', text.length)
    response.write(text.slice(0, -1))
    setTimeout(() => response.end(text.slice(-1)), pause)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('npm installs four packages, Hawser included', () => {
  const wanted = ['tldts', 'tldts-core', 'tough-cookie']
  assert.deepEqual(installedPackages(), wanted)
})

test('each published file loads with only these packages', async () => {
  const files = readdirSync(join(hawser, 'dist/lib'), { recursive: true, encoding: 'utf8' })
  // Loading command/main.js would run the command. The tests below do that.
  const modules = files.filter((name) => /(?<!command[\\/]main)\.js$/.test(name))
  assert.ok(modules.length > 5)
  const imports = modules.map(
    (name) => `import ${JSON.stringify(`./node_modules/hawser/dist/lib/${name}`)}`,
  )
  assert.equal(await runInProject(imports.join('\n')), '')
})

test('the published types import only tough-cookie', () => {
  const folder = join(hawser, 'dist/src')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const imported = new Set<string>()
  for (const name of names.filter((path) => path.endsWith('.d.ts'))) {
    const text = readFileSync(join(folder, name), 'utf8')
    for (const [, from] of text.matchAll(/(?:\bfrom |\bimport\(|\bimport )['"]([^'".][^'"]*)['"]/g))
      if (!from!.startsWith('node:')) imported.add(from!)
  }
  assert.deepEqual([...imported], ['tough-cookie'])
})

test('the client reads .netrc, keeps cookies and sends files', async (t) => {
  const url = await startServer(t)
  writeFileSync(join(project, 'netrc'), 'machine 127.0.0.1\nlogin user\npassword secret\n')
  const printed = await runInProject(`
    import { Client, NetrcAuth } from 'hawser'
    const client = new Client({ auth: new NetrcAuth('netrc') })
    await client.get('${url}')
    const response = await client.post('${url}', { files: { file: ['name.png', 'content'] } })
    console.log(response.text())
    await client.close()
  `)
  const { authorization, cookie, body } = JSON.parse(printed)
  assert.equal(authorization, `Basic ${btoa('user:secret')}`)
  assert.equal(cookie, 'name=value')
  assert.match(body, /Content-Type: image\/png/i)
})

test('netrc-parser searches for a file when it is loaded, so it is loaded only when it is needed', async (t) => {
  const url = await startServer(t)
  const printed = await runInProject(`
    import fs from 'node:fs'
    fs.existsSync = (path) => {
      if (path.endsWith('netrc.gpg')) console.log('loaded')
      return false
    }
    const { Client, NetrcAuth } = await import('hawser')
    const client = new Client()
    await client.get('${url}')
    console.log('one request')
    writeNetrc()
    await client.get('${url}', { auth: new NetrcAuth('other-netrc') })
    await client.close()
    function writeNetrc() {
      fs.writeFileSync('other-netrc', 'machine 127.0.0.1 login user password secret')
    }
  `)
  assert.equal(printed, 'one request\nloaded')
})

test('the command shows its help', async () => {
  const main = join(hawser, 'dist/lib/command/main.js')
  const { code, stdout, stderr } = await runNode(main, ['--help'], project)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^Usage: hawser /)
})

test('the command draws a progress bar', async (t) => {
  const url = await startServer(t, 300)
  const main = join(hawser, 'dist/lib/command/main.js')
  const onTerminal = ['data:text/javascript,process.stderr.isTTY=true', main]
  const words = [...onTerminal, '--download', 'saved', url]
  const { code, stderr } = await runNode('--import', words, project)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /\d% /)
  assert.match(readFileSync(join(project, 'saved'), 'utf8'), /"host"/)
})
