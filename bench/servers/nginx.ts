import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerAddress } from '../messages.ts'
import { makeCertificate } from './certificate.ts'
import { bodyOfLength, extraHeaders, files, postPath, postResponse } from './content.ts'
import { startTunnelProxy } from './tunnel.ts'

/** Returns the version of the installed nginx, undefined if there is none. */
export function nginxVersion(): string | undefined {
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8', timeout: 5000 })
  return /nginx\/([\d.]+)/.exec(stderr ?? '')?.[1]
}

export interface StartedNginx {
  address: ServerAddress
  /** Resolves when nginx has exited. */
  stop(): Promise<void>
}

/** Starts nginx with a new configuration. All of its files are in `folder`. */
export async function startNginx(folder: string, version: string): Promise<StartedNginx> {
  const certificate = makeCertificate()
  for (const name of ['files', 'temp']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'key.pem'), certificate.key, { mode: 0o600 })
  writeFileSync(join(folder, 'cert.pem'), certificate.cert)
  writeFileSync(join(folder, 'files', postPath), '')
  for (const [path, length] of Object.entries(files)) {
    writeFileSync(join(folder, 'files', path), bodyOfLength(length))
  }

  const uds = join(folder, 'nginx.sock')
  // nginx cannot choose a free port, so another process may take it first. Then try again.
  for (let attempt = 1; ; attempt++) {
    const [plain, secure] = await twoFreePorts()
    writeFileSync(join(folder, 'nginx.conf'), configuration(plain, secure, uds))
    const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']
    const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-2000)
    })
    if (await accepts(plain, child)) {
      const address = {
        name: 'nginx',
        version,
        http: `http://127.0.0.1:${plain}`,
        https: `https://127.0.0.1:${secure}`,
        uds,
        tunnelProxy: await startTunnelProxy(),
        ca: certificate.cert,
      }
      return { address, stop: () => end(child) }
    }
    await end(child)
    if (attempt === 3) throw new Error(`nginx does not start: ${errors}`)
  }
}

/**
 * Returns the configuration: one process, which sends files with sendfile. For POST, `return 200`
 * would respond before the body has been read. `mirror` makes nginx read the whole body first. The
 * static module then responds with 405, which `error_page` replaces.
 */
function configuration(plain: number, secure: number, uds: string): string {
  const moreHeaders = extraHeaders.map(([name, value]) => `add_header ${name} "${value}";`)
  return `
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {
  worker_connections 16384;
  multi_accept on;
}
http {
  access_log off;
  default_type application/json;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  client_body_temp_path temp/body;
  proxy_temp_path temp/proxy;
  fastcgi_temp_path temp/fastcgi;
  uwsgi_temp_path temp/uwsgi;
  scgi_temp_path temp/scgi;
  open_file_cache max=100 inactive=1h;
  open_file_cache_valid 1h;
  ssl_certificate cert.pem;
  ssl_certificate_key key.pem;
  ssl_session_cache shared:tls:10m;
  server {
    listen 127.0.0.1:${plain} backlog=4096;
    listen unix:${uds} backlog=4096;
    listen 127.0.0.1:${secure} ssl backlog=4096;
    root files;
    location = /13-headers { ${moreHeaders.join(' ')} }
    location = ${postPath} {
      mirror /discard;
      error_page 405 =200 @response;
    }
    location = /discard { internal; return 204; }
    location @response { return 200 '${postResponse}'; }
  }
}
`
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}

async function twoFreePorts(): Promise<[number, number]> {
  const servers = [net.createServer(), net.createServer()] as const
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ports.push((server.address() as net.AddressInfo).port)
  }
  for (const server of servers) server.close()
  return ports as [number, number]
}

async function accepts(port: number, child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    const socket = net.connect(port, '127.0.0.1')
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (connected) return true
    await sleep(50)
  }
  return false
}
