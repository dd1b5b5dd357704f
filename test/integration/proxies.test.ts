// Tests through real proxies (squid and tinyproxy), to servers of the test.
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
import { startOriginServer } from '../support/origin-server.ts'
import { freePort, isInstalled, startServer, stopServer } from './server-process.ts'

const ca = certificateAuthority()
const tls = certificateFor(['127.0.0.1'], { ca })
const verify = { ca: ca.cert }

const USER = 'ada'
const PASSWORD = 's3cret'
/** The proxies refuse requests to this host. */
const BLOCKED = 'blocked.test'

interface RealProxy {
  readonly command: 'squid' | 'tinyproxy'
  readonly args: (configuration: string) => string[]
  /**
   * @param folder the folder of this proxy
   * @param needsAuth whether the proxy requires a user and a password
   */
  readonly configuration: (port: number, folder: string, needsAuth: boolean) => string
  /**
   * Tinyproxy closes the connection after each forwarded response without announcing it. A
   * non-idempotent request on a reused connection would fail.
   */
  readonly keepsAlive: boolean
}

const squid: RealProxy = {
  command: 'squid',
  args: (configuration) => ['-N', '-f', configuration],
  keepsAlive: true,
  configuration: (port, folder, needsAuth) => `
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
  needsAuth
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
  args: (configuration) => ['-d', '-c', configuration],
  keepsAlive: false,
  configuration: (port, folder, needsAuth) => `
Port ${port}
Listen 127.0.0.1
Timeout 60
LogLevel Critical
MaxClients 100
Filter "${folder}/blocked"
${needsAuth ? `BasicAuth ${USER} ${PASSWORD}` : ''}
`,
}

function realProxy({ command, args, configuration, keepsAlive }: RealProxy): void {
  describe(command, () => {
    const folder = mkdtempSync(join(tmpdir(), `hawser-${command}-`))
    const children: ChildProcess[] = []
    let openProxy = ''
    let authProxy = ''

    before(async () => {
      chmodSync(folder, 0o755) // Squid drops root privileges.
      const digest = createHash('md5').update(PASSWORD).digest('hex')
      writeFileSync(join(folder, 'users'), `${USER}:${digest}\n`)
      writeFileSync(join(folder, 'blocked'), `${BLOCKED}\n`)
      const start = async (needsAuth: boolean) => {
        const port = await freePort()
        const path = join(folder, `${port}.conf`)
        writeFileSync(path, configuration(port, folder, needsAuth))
        children.push(await startServer(command, args(path), port))
        return `http://127.0.0.1:${port}`
      }
      openProxy = await start(false)
      authProxy = await start(true)
    })

    after(async () => {
      for (const child of children) await stopServer(child)
      rmSync(folder, { recursive: true, force: true })
    })

    const routes: [name: string, scheme: 'http' | 'https', mode: ProxyMode][] = [
      ['http, forwarded', 'http', 'DEFAULT'],
      ['http, tunnelled', 'http', 'TUNNEL_ONLY'],
      ['https, tunnelled', 'https', 'DEFAULT'],
    ]
    for (const [name, scheme, mode] of routes) {
      const isForwarded = mode === 'DEFAULT' && scheme === 'http'
      const reuses = keepsAlive || !isForwarded
      routeSuite({
        name,
        open: async (t) => {
          const target = await startOriginServer(t, { tls: scheme === 'https' ? tls : undefined })
          const proxies = new HTTPProxy(openProxy, { mode })
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
      const target = await startOriginServer(t)
      const secure = await startOriginServer(t, { tls })
      const origins = [`http://127.0.0.1:${target.port}/`, `https://127.0.0.1:${secure.port}/`]
      const authorized = openClient(t, new HTTPProxy(authProxy, { auth: [USER, PASSWORD] }))
      for (const origin of origins) {
        for (let i = 0; i < 3; i++) assert.equal((await authorized.get(origin)).status, 200)
      }
      const heads = [...target.heads, ...secure.heads].join()
      assert.doesNotMatch(heads, /proxy-authorization/i)
      for (const auth of [null, [USER, 'wrong']] as const) {
        const client = openClient(t, new HTTPProxy(authProxy, { auth }))
        assert.ok([401, 407].includes((await client.get(origins[0]!)).status))
        await assert.rejects(client.get(origins[1]!), (error) => {
          assert.ok(error instanceof ProxyError)
          assert.ok([401, 407].includes(error.status!), error.message)
          return true
        })
      }
      assert.equal(target.heads.length + secure.heads.length, 6)
    })

    test('a host that the proxy refuses', async (t) => {
      const client = openClient(t, new HTTPProxy(openProxy))
      assert.equal((await client.get(`http://${BLOCKED}/`)).status, 403)
      await assert.rejects(client.get(`https://${BLOCKED}/`), (error) => {
        assert.ok(error instanceof ProxyError)
        assert.equal(error.status, 403)
        assert.match(error.message, /refused a tunnel to blocked\.test:443: 403 /)
        return true
      })
    })

    test('a server that does not exist', async (t) => {
      const client = openClient(t, new HTTPProxy(openProxy))
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
