// Proxies on loopback that record what they receive. They are closed when the test ends.
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
  /** Options for TLS between client and proxy. Default: no TLS. */
  readonly tls?: TlsOptions
  /** Required user and password. Without them the proxy responds with 407. */
  readonly auth?: readonly [user: string, password: string]
  /**
   * Returns the bytes of the response to CONNECT, empty for none. Null opens a tunnel, which is the
   * default.
   */
  readonly answerConnect?: (authority: string, client: Socket) => string | null
}

export interface TestProxy {
  readonly port: number
  /** The URL of the proxy without credentials. */
  readonly url: string
  /** Heads of the received requests, both of CONNECT and of requests to forward. */
  readonly heads: string[]
  /** The bytes that the client sent through each tunnel, as latin1. */
  readonly tunnelled: string[]
  /** The targets that it connected to, as `host:port`, in order. */
  readonly targets: string[]
  /** All accepted connections of clients. */
  readonly clients: Socket[]
  /** Whether each of these connections resumed a TLS session. */
  readonly resumed: boolean[]
}

class RecordingProxy implements TestProxy {
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

  /** Listens on a free port. `event` is the event of an accepted connection. */
  async listen(t: Pick<TestContext, 'after'>, server: Server, event: string): Promise<this> {
    server.on(event, (socket: Socket) => {
      this.clients.push(socket)
      // TLS sockets of Bun lack `isSessionReused`.
      this.resumed.push(socket instanceof TLSSocket && socket.isSessionReused?.() === true)
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

  /** Connects to 127.0.0.1, whatever the host is. */
  connect(host: string, port: number): Socket {
    this.targets.push(`${host.includes(':') ? `[${host}]` : host}:${port}`)
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    this.upstreams.push(socket)
    return socket
  }

  /** Connects client and upstream, and records what the client sends. */
  tunnel(client: Socket, upstream: Socket, firstBytes: Buffer): void {
    const index = this.tunnelled.push(firstBytes.latin1Slice()) - 1
    client.on('data', (bytes: Buffer) => {
      this.tunnelled[index] += bytes.latin1Slice()
    })
    connectSockets(client, upstream, firstBytes)
  }
}

/** Starts an HTTP proxy that forwards requests and opens tunnels. */
export async function httpProxy(
  t: Pick<TestContext, 'after'>,
  options: HttpProxyOptions = {},
): Promise<TestProxy> {
  const { tls, auth, answerConnect } = options
  const proxy = new RecordingProxy(tls ? 'https' : 'http')
  const server = tls ? createHttpsServer(tls) : createHttpServer()
  server.keepAliveTimeout = 0
  const isAuthorized = (request: IncomingMessage): boolean => {
    proxy.heads.push(headOf(request))
    const basic = auth && `Basic ${Buffer.from(auth.join(':')).toString('base64')}`
    return basic === undefined || request.headers['proxy-authorization'] === basic
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isAuthorized(request)) forward(proxy, request, response)
    else response.writeHead(407, CHALLENGE).end(CHALLENGE_BODY)
  })
  server.on('connect', (request: IncomingMessage, client: Socket, firstBytes: Buffer) => {
    client.on('error', () => client.destroy())
    if (!isAuthorized(request)) return client.end(REFUSED_CONNECT)
    const reply = answerConnect?.(request.url!, client) ?? null
    if (reply === null) openTunnel(proxy, request.url!, client, firstBytes)
    else if (reply !== '') client.write(reply, 'latin1')
  })
  server.on('upgrade', (request: IncomingMessage, client: Socket, firstBytes: Buffer) => {
    proxy.heads.push(headOf(request))
    const url = new URL(request.url!)
    let upstream = proxy.connect(hostOfUrl(url), portOf(url))
    if (url.protocol === 'https:') {
      upstream = connectTls({ socket: upstream, rejectUnauthorized: false })
    }
    upstream.on('error', () => client.destroy())
    const path = `${url.pathname}${url.search}`
    upstream.write(headOf(request, path, withoutProxyFields(request.rawHeaders)), 'latin1')
    connectSockets(client, upstream, firstBytes)
  })
  server.on('tlsClientError', () => {})
  return proxy.listen(t, server, tls ? 'secureConnection' : 'connection')
}

const CHALLENGE_BODY = 'who are you?'
const CHALLENGE = { 'Proxy-Authenticate': 'Basic realm="test"' }
const REFUSED_CONNECT =
  'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n' +
  `Content-Length: ${CHALLENGE_BODY.length}\r\n\r\n${CHALLENGE_BODY}`

function headOf(
  { method, url, rawHeaders }: IncomingMessage,
  target = url!,
  fields: readonly string[] = rawHeaders,
): string {
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${head}\r\n`
}

/** Removes the fields for the proxy. */
function withoutProxyFields(fields: readonly string[]): string[] {
  return fields.filter((_, i) => !/^proxy-/i.test(fields[i - (i % 2)]!))
}

function openTunnel(
  proxy: RecordingProxy,
  authority: string,
  client: Socket,
  firstBytes: Buffer,
): void {
  const url = new URL(`http://${authority}`)
  const upstream = proxy.connect(hostOfUrl(url), portOf(url))
  upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'))
  upstream.once('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    proxy.tunnel(client, upstream, firstBytes)
  })
}

function forward(proxy: RecordingProxy, request: IncomingMessage, response: ServerResponse): void {
  if (!URL.canParse(request.url!)) {
    response.writeHead(400).end()
    return
  }
  const url = new URL(request.url!)
  const port = portOf(url)
  proxy.targets.push(`${hostOfUrl(url)}:${port}`)
  const isServerWide = request.method === 'OPTIONS' && /^\w+:\/\/[^/]+$/.test(request.url!)
  const onward = (url.protocol === 'https:' ? httpsRequest : httpRequest)({
    host: '127.0.0.1',
    port,
    method: request.method!,
    path: isServerWide ? '*' : `${url.pathname}${url.search}`,
    headers: withoutProxyFields(request.rawHeaders) as never,
    agent: false,
    rejectUnauthorized: false,
  })
  onward.on('response', (incoming) => {
    const fields = incoming.rawHeaders.filter(
      (_, i, all) => !/^(connection|keep-alive)$/i.test(all[i - (i % 2)]!),
    )
    response.writeHead(incoming.statusCode!, incoming.statusMessage!, fields as never)
    incoming.pipe(response)
    incoming.on('error', () => response.destroy())
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

/** Passes bytes in both directions, until one of the sockets closes. */
function connectSockets(client: Socket, upstream: Socket, firstBytes: Buffer): void {
  if (firstBytes.length > 0) upstream.write(firstBytes)
  client.pipe(upstream)
  upstream.pipe(client)
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => client.destroy())
}

export interface SocksProxyOptions {
  readonly auth?: readonly [user: string, password: string]
  /** A reply code other than 0 (RFC 1928 6), sent instead of connecting. */
  readonly reply?: number
}

/** Starts a SOCKS 5 proxy. `targets` has the requested addresses, before any resolution. */
export async function socksProxy(
  t: Pick<TestContext, 'after'>,
  options: SocksProxyOptions = {},
): Promise<TestProxy> {
  const { auth, reply = 0 } = options
  const proxy = new RecordingProxy('socks5')
  const accept = (client: Socket): void => {
    let state: 'greeting' | 'password' | 'request' = 'greeting'
    client.on('error', () => client.destroy())
    readMessages(client, (unread) => {
      if (state === 'greeting') {
        if (unread.length < 2 || unread.length < 2 + unread[1]!) return unread
        const method = auth ? 2 : 0
        const offered = unread.subarray(2, 2 + unread[1]!).includes(method)
        client.write(Buffer.of(5, offered ? method : 0xff))
        state = auth ? 'password' : 'request'
        return unread.subarray(2 + unread[1]!)
      }
      if (state === 'password') {
        const userEnd = 2 + (unread[1] ?? 255)
        const end = userEnd + 1 + (unread[userEnd] ?? 255)
        if (unread.length < end) return unread
        const user = unread.subarray(2, userEnd).toString()
        const password = unread.subarray(userEnd + 1, end).toString()
        proxy.heads.push(`${user}:${password}`)
        const isCorrect = user === auth![0] && password === auth![1]
        client.write(Buffer.of(1, isCorrect ? 0 : 1))
        if (!isCorrect) client.end()
        state = 'request'
        return unread.subarray(end)
      }
      const length = { 1: 4, 3: 1 + (unread[4] ?? 255), 4: 16 }[unread[3] ?? 0] ?? 255
      const end = 4 + length + 2
      if (unread.length < end) return unread
      const host = hostOf(unread.subarray(3, 4 + length))
      const port = unread.readUInt16BE(end - 2)
      if (reply !== 0) {
        proxy.targets.push(`${host}:${port}`)
        client.end(Buffer.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0))
        return Buffer.alloc(0)
      }
      const upstream = proxy.connect(host, port)
      const firstBytes = unread.subarray(end)
      client.pause()
      upstream.on('error', () => client.end(Buffer.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0)))
      upstream.once('connect', () => {
        client.write(Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 80))
        proxy.tunnel(client, upstream, firstBytes)
        client.resume()
      })
      return null
    })
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  return proxy.listen(t, server, 'connection')
}

/**
 * Passes the bytes of a socket to `take`, until it takes over the socket.
 *
 * @param take gets the bytes that it has not consumed, and returns those that remain; null when it
 *   has taken over the socket
 */
function readMessages(socket: Socket, take: (unread: Buffer) => Buffer | null): void {
  let unread: Buffer | null = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    let before: number
    unread = Buffer.concat([unread!, bytes])
    do {
      before = unread.length
      unread = take(unread)
    } while (unread !== null && unread.length < before)
    if (unread !== null) return
    socket.off('data', onData)
    socket.off('end', onEnd)
  }
  const onEnd = (): void => {
    socket.end()
  }
  socket.on('data', onData)
  socket.on('end', onEnd)
}

/** Formats an address (RFC 1928 5): its type, followed by its bytes. */
function hostOf(bytes: Buffer): string {
  if (bytes[0] === 1) return bytes.subarray(1).join('.')
  if (bytes[0] === 3) return bytes.subarray(2).toString()
  const groups = bytes.subarray(1).toString('hex').match(/.{4}/g)!
  return groups.map((group) => group.replace(/^0{1,3}/, '')).join(':')
}
