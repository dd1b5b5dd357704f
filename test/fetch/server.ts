import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

/** Starts the server of the cases. The path of a request selects the response. */
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
  invalid: () => Buffer.from('this is not gzip'),
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://h')
  const [, action, argument = ''] = pathname.split('/')
  switch (action) {
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
      return void response.end(Buffer.from(argument, 'hex'))
    case 'status':
      response.writeHead(Number(argument), searchParams.get('reason') ?? undefined)
      return void response.end()
    case 'headers':
      response.appendHeader('x-one', '1')
      response.appendHeader('X-Many', ['a', 'b'])
      response.appendHeader('set-cookie', ['a=1', 'b=2'])
      return void response.end()
    case 'redirect':
      request.resume()
      response.writeHead(Number(argument), { location: searchParams.get('to') ?? '/echo' })
      return void response.end('moved')
    case 'loop':
      if (argument === '0') return void response.end('done')
      response.writeHead(302, { location: `/loop/${Number(argument) + 1}` })
      return void response.end()
    case 'location': {
      const text = Buffer.from(argument, 'hex').toString('latin1')
      response.writeHead(302, { location: `/text/${text}` })
      return void response.end()
    }
    case 'latin1':
      response.writeHead(200, { 'x-latin': 'é' })
      return void response.end()
    case 'no-location':
      response.writeHead(302)
      return void response.end('no location')
    case 'coded': {
      const coding = argument === 'raw' ? 'deflate' : argument === 'invalid' ? 'gzip' : argument
      response.setHeader('content-encoding', coding)
      return void response.end(codings[argument]?.('decoded') ?? 'not coded')
    }
    case 'large':
      return void response.end(Buffer.alloc(1 << 20, 'x'))
    case 'unfinished':
      response.write('first')
      return
    case 'truncated':
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
      return // never responds
  }
}
