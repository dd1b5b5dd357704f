import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

/** What is common to the cases: paths say what is answered. */
export async function startServer() {
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const codings: Record<string, (text: string) => Buffer> = {
  gzip: (text) => gzipSync(text),
  deflate: (text) => deflateSync(text),
  raw: (text) => deflateRawSync(text),
  br: (text) => brotliCompressSync(text),
  broken: () => Buffer.from('this is no gzip'),
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://h')
  const [, what, more = ''] = pathname.split('/')
  switch (what) {
    case 'echo': {
      const body = Buffer.concat(await request.toArray().catch(() => []))
      const { method, url, headers } = request
      response.setHeader('content-type', 'application/json')
      return void response.end(JSON.stringify({ method, url, headers, body: String(body) }))
    }
    case 'text':
      response.setHeader('content-type', searchParams.get('type') ?? 'text/plain')
      return void response.end(searchParams.get('body') ?? 'hello')
    case 'bytes':
      return void response.end(Buffer.from(more, 'hex'))
    case 'status':
      response.writeHead(Number(more), searchParams.get('reason') ?? undefined)
      return void response.end()
    case 'headers':
      response.appendHeader('x-one', '1')
      response.appendHeader('X-Many', ['a', 'b'])
      response.appendHeader('set-cookie', ['a=1', 'b=2'])
      return void response.end()
    case 'redirect':
      request.resume()
      response.writeHead(Number(more), { location: searchParams.get('to') ?? '/echo' })
      return void response.end('moved')
    case 'loop':
      if (more === '0') return void response.end('home')
      response.writeHead(302, { location: `/loop/${Number(more) + 1}` })
      return void response.end()
    case 'location':
      response.writeHead(302, { location: `/text/${Buffer.from(more, 'hex').toString('latin1')}` })
      return void response.end()
    case 'latin1':
      response.writeHead(200, { 'x-latin': 'é' })
      return void response.end()
    case 'nowhere':
      response.writeHead(302)
      return void response.end('no location')
    case 'coded': {
      const coding = more === 'raw' ? 'deflate' : more === 'broken' ? 'gzip' : more
      response.setHeader('content-encoding', coding)
      return void response.end(codings[more]?.('decoded') ?? 'as it is')
    }
    case 'large':
      return void response.end(Buffer.alloc(1 << 20, 'x'))
    case 'early':
      response.write('first')
      return
    case 'cut':
      response.writeHead(200, { 'content-length': 100 })
      response.write('first')
      return void setImmediate(() => request.socket.destroy())
    case 'drop':
      return void request.socket.destroy()
    case 'pieces':
      for (const piece of ['one ', 'two ', 'three']) {
        response.write(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
      return void response.end()
    default:
      return // no answer at all
  }
}
