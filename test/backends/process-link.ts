import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Backend, ConnectTarget, TlsTarget } from '../../src/backends/backend.ts'
import type { Link } from './conformance.ts'
import { Recorder } from './recorder.ts'
import type { TlsPeerOptions } from './tls-peer.ts'

export interface ProcessLinkOptions {
  readonly unix: boolean
  readonly certificate: TlsPeerOptions['certificate']
  readonly tls: TlsTarget
  /** No tunnel, a tunnel over TCP, or a tunnel over TLS. */
  readonly through: null | 'tcp' | 'tls'
}

/**
 * TLS connections to a Node process (`tls-peer.ts`), started with `$HAWSER_NODE`. One process
 * serves all cases.
 */
export function processLink(
  backend: Backend,
  { unix, certificate, tls, through }: ProcessLinkOptions,
): Link {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true })
  const path = join(tmpdir(), `hawser-${randomUUID()}.sock`)
  let peer: ReturnType<typeof startPeer> | undefined
  const start = async () => {
    server.listen({ host: '127.0.0.1', port: 0 }).unref()
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return startPeer({
      listen: unix ? { path } : { host: '127.0.0.1', port: 0 },
      target: { host: '127.0.0.1', port },
      certificate: { key: certificate.key, cert: certificate.cert },
      outer: through !== 'tcp',
      tunnel: through !== null,
    })
  }
  return {
    backend,
    large: 32 * 2 ** 20, // sockets and streams between the ends buffer 20 MB
    async open() {
      peer ??= start()
      const { address } = await peer
      const where = typeof address === 'string' ? { path: address } : addressAndPort(address)
      const target: ConnectTarget = { ...where, tls: through === 'tcp' ? null : tls }
      const accepted = once(server, 'connection')
      return {
        target: through === null ? target : null,
        async connect(recorder) {
          const socket =
            through === null
              ? recorder.listen((handler) => backend.connect(target, handler))
              : await overTunnel(backend, target, tls, recorder)
          await recorder.untilEvent('secure')
          const [peer] = (await accepted) as [Socket]
          return { socket, peer }
        },
        async close() {},
      }
    },
    close() {
      server.close()
      void peer?.then(({ close }) => close())
      rmSync(path, { force: true })
    },
    // A TLS server reads all data from the operating system, so it cannot cause a reset by not
    // reading.
    ...(unix ? {} : { reset: (peer: Duplex) => (peer as Socket).resetAndDestroy() }),
  }
}

function addressAndPort({ address, port }: AddressInfo): ConnectTarget {
  return { address, port }
}

async function overTunnel(
  backend: Backend,
  target: ConnectTarget,
  tls: TlsTarget,
  recorder: Recorder,
) {
  const proxy = new Recorder()
  const below = proxy.listen((handler) => backend.connect(target, handler))
  await proxy.untilEvent(target.tls ? 'secure' : 'connect')
  below.write('CONNECT')
  await proxy.until(() => proxy.text === '200')
  return recorder.listen((handler) => backend.secure(proxy.raw, tls, handler))
}

async function startPeer(options: TlsPeerOptions) {
  const file = fileURLToPath(new URL('tls-peer.js', import.meta.url))
  const child = spawn(process.env.HAWSER_NODE ?? 'node', [file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.write(JSON.stringify(options))
  const [line] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  assert.equal(typeof line, 'object', `the TLS peer ended with ${line}`)
  return {
    address: JSON.parse(String(line)) as AddressInfo | string,
    close: () => void child.kill(),
  }
}
