// Proxies on loopback that write down what they see. They end with the test.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpServer, request as httpRequest } from 'node:http'
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { connect as connectTls, TLSSocket } from 'node:tls'

export interface HttpProxyOptions {
  /** TLS to the proxy itself. */
  readonly tls?: TlsOptions
  /** Asks for this user and password, with 407. */
  readonly auth?: readonly [user: string, password: string]
  /** Answers CONNECT instead of opening a tunnel. Null opens it after all. */
  readonly answerConnect?: (authority: string, client: Socket) => string | null
}

export interface TestProxy {
  readonly port: number
  /** Without credentials. */
  readonly url: string
  /** Heads of the requests that came, as they came: of CONNECT and of what was forwarded. */
  readonly heads: string[]
  /** All that came through tunnels from the client, a text for each. */
  readonly tunnelled: string[]
  /** Where it connected to, `host:port`, in order. */
  readonly targets: string[]
  /** Connections from clients that were ever accepted. */
  readonly clients: Socket[]
  /** Whether each of them resumed a TLS session. */
  readonly resumed: boolean[]
}

class Recorded implements TestProxy {
  readonly heads: string[] = []
  readonly tunnelled: string[] = []
  readonly targets: string[] = []
  readonly clients: Socket[] = []
  readonly resumed: boolean[] = []
  readonly upstreams: Socket[] = []
  port = 0
  readonly #scheme: string

  constructor(scheme: string) {
    this.#scheme = scheme
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`
  }

  async listen(t: Pick<TestContext, 'after'>, server: Server, accepted: string): Promise<this> {
    server.on(accepted, (socket: Socket) => {
      this.clients.push(socket)
      this.resumed.push(socket instanceof TLSSocket && socket.isSessionReused?.() === true) // Bun's are none
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.port = (server.address() as AddressInfo).port
    t.after(() => {
      for (const socket of [...this.clients, ...this.upstreams]) socket.destroy()
      server.close()
    })
    return this
  }

  /** Every name leads to this machine. */
  connect(host: string, port: number): Socket {
    this.targets.push(`${host.includes(':') ? `[${host}]` : host}:${port}`)
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    this.upstreams.push(socket)
    return socket
  }

  /** Writes down what the client says. */
  tunnel(client: Socket, upstream: Socket, first: Buffer): void {
    const index = this.tunnelled.push(first.latin1Slice()) - 1
    client.on('data', (bytes: Buffer) => {
      this.tunnelled[index] += bytes.latin1Slice()
    })
    join(client, upstream, first)
  }
}

/** Forwards, and opens tunnels. */
export async function httpProxy(
  t: Pick<TestContext, 'after'>,
  options: HttpProxyOptions = {},
): Promise<TestProxy> {
  const { tls, auth, answerConnect } = options
  const proxy = new Recorded(tls ? 'https' : 'http')
  const server = tls ? createHttpsServer(tls) : createHttpServer()
  server.keepAliveTimeout = 0
  const isWelcome = (request: IncomingMessage): boolean => {
    proxy.heads.push(headOf(request))
    const basic = auth && `Basic ${Buffer.from(auth.join(':')).toString('base64')}`
    return basic === undefined || request.headers['proxy-authorization'] === basic
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isWelcome(request)) forward(proxy, request, response)
    else response.writeHead(407, CHALLENGE).end(WHO)
  })
  server.on('connect', (request: IncomingMessage, client: Socket, first: Buffer) => {
    client.on('error', () => client.destroy())
    if (!isWelcome(request)) return client.end(REFUSAL)
    const said = answerConnect?.(request.url!, client) ?? null
    if (said === null) openTunnel(proxy, request.url!, client, first)
    else if (said !== '') client.write(said, 'latin1')
  })
  server.on('upgrade', (request: IncomingMessage, client: Socket, first: Buffer) => {
    proxy.heads.push(headOf(request))
    const url = new URL(request.url!)
    let upstream = proxy.connect(hostOfUrl(url), portOf(url))
    if (url.protocol === 'https:') {
      upstream = connectTls({ socket: upstream, rejectUnauthorized: false })
    }
    upstream.on('error', () => client.destroy())
    const path = `${url.pathname}${url.search}`
    upstream.write(headOf(request, path, forOrigin(request.rawHeaders)), 'latin1')
    join(client, upstream, first)
  })
  server.on('tlsClientError', () => {})
  return proxy.listen(t, server, tls ? 'secureConnection' : 'connection')
}

const WHO = 'who are you?'
const CHALLENGE = { 'Proxy-Authenticate': 'Basic realm="test"' }
const REFUSAL =
  'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n' +
  `Content-Length: ${WHO.length}\r\n\r\n${WHO}`

function headOf(
  { method, url, rawHeaders }: IncomingMessage,
  target = url!,
  fields: readonly string[] = rawHeaders,
): string {
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${head}\r\n`
}

/** Without what is for the proxy. */
function forOrigin(fields: readonly string[]): string[] {
  return fields.filter((_, i) => !/^proxy-/i.test(fields[i - (i % 2)]!))
}

function openTunnel(proxy: Recorded, authority: string, client: Socket, first: Buffer): void {
  const url = new URL(`http://${authority}`)
  const upstream = proxy.connect(hostOfUrl(url), portOf(url))
  upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'))
  upstream.once('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    proxy.tunnel(client, upstream, first)
  })
}

function forward(proxy: Recorded, request: IncomingMessage, response: ServerResponse): void {
  if (!URL.canParse(request.url!)) {
    response.writeHead(400).end()
    return
  }
  const url = new URL(request.url!)
  const port = portOf(url)
  proxy.targets.push(`${hostOfUrl(url)}:${port}`)
  const wholeServer = request.method === 'OPTIONS' && /^\w+:\/\/[^/]+$/.test(request.url!)
  const onward = (url.protocol === 'https:' ? httpsRequest : httpRequest)({
    host: '127.0.0.1',
    port,
    method: request.method!,
    path: wholeServer ? '*' : `${url.pathname}${url.search}`,
    headers: forOrigin(request.rawHeaders) as never,
    agent: false,
    rejectUnauthorized: false,
  })
  onward.on('response', (answer) => {
    const fields = answer.rawHeaders.filter(
      (_, i, all) => !/^(connection|keep-alive)$/i.test(all[i - (i % 2)]!),
    )
    response.writeHead(answer.statusCode!, answer.statusMessage!, fields as never)
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  onward.on('error', () =>
    response.headersSent ? response.destroy() : response.writeHead(502).end(),
  )
  response.on('close', () => onward.destroy())
  request.pipe(onward)
}

function hostOfUrl({ hostname }: URL): string {
  return hostname.replace(/[[\]]/g, '')
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}

/** Both ways, until one of them breaks. */
function join(client: Socket, upstream: Socket, first: Buffer): void {
  if (first.length > 0) upstream.write(first)
  client.pipe(upstream)
  upstream.pipe(client)
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => client.destroy())
}

export interface SocksProxyOptions {
  readonly auth?: readonly [user: string, password: string]
  /** Instead of connecting: RFC 1928 6. */
  readonly reply?: number
}

/** SOCKS 5. `targets` has what it was asked for, before any resolution. */
export async function socksProxy(
  t: Pick<TestContext, 'after'>,
  options: SocksProxyOptions = {},
): Promise<TestProxy> {
  const { auth, reply = 0 } = options
  const proxy = new Recorded('socks5')
  const accept = (client: Socket): void => {
    let state: 'greeting' | 'password' | 'request' = 'greeting'
    client.on('error', () => client.destroy())
    readUntilTaken(client, (held) => {
      if (state === 'greeting') {
        if (held.length < 2 || held.length < 2 + held[1]!) return held
        const wanted = auth ? 2 : 0
        const offered = held.subarray(2, 2 + held[1]!).includes(wanted)
        client.write(Buffer.of(5, offered ? wanted : 0xff))
        state = auth ? 'password' : 'request'
        return held.subarray(2 + held[1]!)
      }
      if (state === 'password') {
        const userEnd = 2 + (held[1] ?? 255)
        const end = userEnd + 1 + (held[userEnd] ?? 255)
        if (held.length < end) return held
        const user = held.subarray(2, userEnd).toString()
        const password = held.subarray(userEnd + 1, end).toString()
        proxy.heads.push(`${user}:${password}`)
        const right = user === auth![0] && password === auth![1]
        client.write(Buffer.of(1, right ? 0 : 1))
        if (!right) client.end()
        state = 'request'
        return held.subarray(end)
      }
      const length = { 1: 4, 3: 1 + (held[4] ?? 255), 4: 16 }[held[3] ?? 0] ?? 255
      const end = 4 + length + 2
      if (held.length < end) return held
      const host = hostOf(held.subarray(3, 4 + length))
      const port = held.readUInt16BE(end - 2)
      if (reply !== 0) {
        proxy.targets.push(`${host}:${port}`)
        client.end(Buffer.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0))
        return Buffer.alloc(0)
      }
      const upstream = proxy.connect(host, port)
      const rest = held.subarray(end)
      client.pause()
      upstream.on('error', () => client.end(Buffer.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0)))
      upstream.once('connect', () => {
        client.write(Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 80))
        proxy.tunnel(client, upstream, rest)
        client.resume()
      })
      return null
    })
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  return proxy.listen(t, server, 'connection')
}

/** @param take returns what it has not taken yet, or null once it has taken the socket for itself */
function readUntilTaken(socket: Socket, take: (held: Buffer) => Buffer | null): void {
  let held: Buffer | null = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    let before: number
    held = Buffer.concat([held!, bytes])
    do {
      before = held.length
      held = take(held)
    } while (held !== null && held.length < before)
    if (held !== null) return
    socket.off('data', onData)
    socket.off('end', onEnd)
  }
  const onEnd = (): void => {
    socket.end()
  }
  socket.on('data', onData)
  socket.on('end', onEnd)
}

/** What stands behind the type of an address, as text. */
function hostOf(bytes: Buffer): string {
  if (bytes[0] === 1) return bytes.subarray(1).join('.')
  if (bytes[0] === 3) return bytes.subarray(2).toString()
  const groups = bytes.subarray(1).toString('hex').match(/.{4}/g)!
  return groups.map((group) => group.replace(/^0{1,3}/, '')).join(':')
}
