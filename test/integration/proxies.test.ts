/** Proxies that nobody here wrote, between the client and servers of the test. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { after, before, describe, test } from 'node:test'
import type { ProxyMode } from '../../src/index.ts'
import { Client, HTTPProxy, ProxyError } from '../../src/index.ts'
import { assertQuiescent, routeSuite } from '../client/route-requests.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { startTarget } from '../support/target.ts'
import { freePort, isInstalled, startServer, stopServer } from './server-process.ts'

const ca = certificateAuthority()
const tls = certificateFor(['127.0.0.1'], { ca })
const verify = { ca: ca.cert }

const USER = 'ada'
const PASSWORD = 's3cret'
/** No tunnel leads there. */
const BLOCKED = 'blocked.test'

interface RealProxy {
  readonly command: 'squid' | 'tinyproxy'
  readonly words: (configuration: string) => string[]
  /** @param folder its own; `asks` for user and password */
  readonly configuration: (port: number, folder: string, asks: boolean) => string
  /** Tinyproxy closes behind each forwarded response, and does not say so: what must not be sent twice would be lost. */
  readonly keepsAlive: boolean
}

const squid: RealProxy = {
  command: 'squid',
  words: (configuration) => ['-N', '-f', configuration],
  keepsAlive: true,
  configuration: (port, folder, asks) => `
http_port 127.0.0.1:${port}
pid_filename none
cache deny all
cache_mem 8 MB
memory_cache_shared off
access_log none
cache_log /dev/null
cache_store_log none
netdb_filename none
pinger_enable off
coredump_dir ${folder}
visible_hostname squid.test
shutdown_lifetime 0 seconds
acl blocked dstdomain ${BLOCKED}
http_access deny blocked
${
  asks
    ? `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/users
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access deny !known`
    : ''
}
http_access allow all
`,
}

const tinyproxy: RealProxy = {
  command: 'tinyproxy',
  words: (configuration) => ['-d', '-c', configuration],
  keepsAlive: false,
  configuration: (port, folder, asks) => `
Port ${port}
Listen 127.0.0.1
Timeout 60
LogLevel Critical
MaxClients 100
Filter "${folder}/blocked"
${asks ? `BasicAuth ${USER} ${PASSWORD}` : ''}
`,
}

function realProxy({ command, words, configuration, keepsAlive }: RealProxy): void {
  describe(command, () => {
    const folder = mkdtempSync(join(tmpdir(), `hawser-${command}-`))
    const children: ChildProcess[] = []
    let open = ''
    let asking = ''

    before(async () => {
      chmodSync(folder, 0o755) // squid gives root up
      const digest = createHash('md5').update(PASSWORD).digest('hex')
      writeFileSync(join(folder, 'users'), `${USER}:${digest}\n`)
      writeFileSync(join(folder, 'blocked'), `${BLOCKED}\n`)
      const start = async (asks: boolean) => {
        const port = await freePort()
        const path = join(folder, `${port}.conf`)
        writeFileSync(path, configuration(port, folder, asks))
        children.push(await startServer(command, words(path), port))
        return `http://127.0.0.1:${port}`
      }
      open = await start(false)
      asking = await start(true)
    })

    after(async () => {
      for (const child of children) await stopServer(child)
      rmSync(folder, { recursive: true, force: true })
    })

    const ways: [name: string, scheme: 'http' | 'https', mode: ProxyMode][] = [
      ['http, forwarded', 'http', 'DEFAULT'],
      ['http, tunnelled', 'http', 'TUNNEL_ONLY'],
      ['https, tunnelled', 'https', 'DEFAULT'],
    ]
    for (const [name, scheme, mode] of ways) {
      const isForwarded = mode === 'DEFAULT' && scheme === 'http'
      const reuses = keepsAlive || !isForwarded
      routeSuite({
        name,
        open: async (t) => {
          const target = await startTarget(t, { tls: scheme === 'https' ? tls : undefined })
          const proxies = new HTTPProxy(open, { mode })
          const options = { verify, proxies, headers: reuses ? {} : { connection: 'close' } }
          return { options, origin: `${scheme}://127.0.0.1:${target.port}`, target }
        },
        upgrades: !isForwarded,
        keepsAlive: reuses,
      })
    }

    function openClient(t: TestContext, proxies: HTTPProxy): Client {
      const client = new Client({ proxies, verify, trustEnv: false })
      t.after(() => {
        assertQuiescent(client)
        return client.close()
      })
      return client
    }

    test('user and password', async (t) => {
      const target = await startTarget(t)
      const secure = await startTarget(t, { tls })
      const origins = [`http://127.0.0.1:${target.port}/`, `https://127.0.0.1:${secure.port}/`]
      const known = openClient(t, new HTTPProxy(asking, { auth: [USER, PASSWORD] }))
      for (const origin of origins) {
        for (let i = 0; i < 3; i++) assert.equal((await known.get(origin)).status, 200)
      }
      const heads = [...target.heads, ...secure.heads].join()
      assert.doesNotMatch(heads, /proxy-authorization/i)
      for (const auth of [null, [USER, 'wrong']] as const) {
        const client = openClient(t, new HTTPProxy(asking, { auth }))
        assert.ok([401, 407].includes((await client.get(origins[0]!)).status))
        await assert.rejects(client.get(origins[1]!), (error) => {
          assert.ok(error instanceof ProxyError)
          assert.ok([401, 407].includes(error.status!), error.message)
          return true
        })
      }
      assert.equal(target.heads.length + secure.heads.length, 6)
    })

    test('a host that is refused', async (t) => {
      const client = openClient(t, new HTTPProxy(open))
      assert.equal((await client.get(`http://${BLOCKED}/`)).status, 403)
      await assert.rejects(client.get(`https://${BLOCKED}/`), (error) => {
        assert.ok(error instanceof ProxyError)
        assert.equal(error.status, 403)
        assert.match(error.message, /refused a tunnel to blocked\.test:443: 403 /)
        return true
      })
    })

    test('a server that is not there', async (t) => {
      const client = openClient(t, new HTTPProxy(open))
      const port = await freePort()
      const { status } = await client.get(`http://127.0.0.1:${port}/`)
      assert.ok(status >= 500, `${status}`)
      await assert.rejects(client.get(`https://127.0.0.1:${port}/`), (error) => {
        assert.ok(error instanceof ProxyError)
        assert.equal(error.status, status)
        return true
      })
    })
  })
}

for (const proxy of [squid, tinyproxy]) if (isInstalled(proxy.command)) realProxy(proxy)
