import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

const bomb = gzipSync(Buffer.alloc(10 << 20))
let flaky = 0

/** Serves the requests of the client's examples, in the style of httpbin. */
export async function httpbin(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers } = request
  const url = new URL(request.url === '*' ? '/*' : (request.url ?? ''), 'http://localhost')
  const json = (value: unknown) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(value))
  }
  const only = (isAllowed: boolean, challenge: string) => {
    if (!isAllowed) response.writeHead(401, { 'www-authenticate': challenge })
    response.end()
  }
  const hops = /^\/redirect\/(\d)$/.exec(url.pathname)?.[1]
  if (hops !== undefined) {
    const location = hops === '1' ? '/get' : `/redirect/${Number(hops) - 1}`
    response.writeHead(302, { location }).end()
    return
  }
  switch (`${method} ${url.pathname}`) {
    case 'OPTIONS /*':
      response.writeHead(204, { allow: 'GET, POST' }).end()
      return
    case 'GET /headers':
      return json(headers)
    case 'GET /get':
      return json({ url: request.url, headers })
    case 'POST /post': {
      const text = Buffer.concat(await request.toArray()).toString()
      const type = headers['content-type']
      return json({ type, form: text, json: type === 'application/json' ? JSON.parse(text) : null })
    }
    case 'POST /multipart': {
      const text = Buffer.concat(await request.toArray()).toString('latin1')
      return json(partsOf(text))
    }
    case 'GET /gzip-bomb':
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
      return
    case 'GET /lines':
      response.write('first line\nsec')
      response.end('ond line\n')
      return
    case 'GET /events':
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('event: price\ndata: {"amount":3}\nid: 7\n\n')
      return
    case 'GET /records':
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.end('{"id":7,"name":"Ada"}\n{"id":8,"name":"Grace"}\n')
      return
    case 'GET /cookies':
      response.end(headers.cookie ?? '')
      return
    case 'GET /cookies/set':
      for (const [name, value] of url.searchParams) {
        response.appendHeader('set-cookie', `${name}=${value}; Path=/`)
      }
      response.end()
      return
    case 'GET /login':
      response
        .writeHead(302, { 'set-cookie': 'flavour=oatmeal; Path=/', location: '/cookies' })
        .end()
      return
    case 'GET /basic-auth':
      return only(
        headers.authorization === `Basic ${Buffer.from('ada:secret').toString('base64')}`,
        'Basic realm="examples"',
      )
    case 'GET /digest-auth':
      return only(
        isDigest(headers.authorization ?? ''),
        'Digest realm="examples", nonce="abc", qop="auth", algorithm=SHA-256',
      )
    case 'GET /bearer':
      return only(headers.authorization === 'Bearer fresh', 'Bearer')
    case 'POST /token':
      response.end('fresh')
      return
    case 'GET /flaky':
      if (flaky++ % 2 === 0) response.writeHead(503, { 'retry-after': '0' })
      response.end()
      return
    default:
      response.writeHead(404).end('not found')
  }
}

function isDigest(field: string): boolean {
  const given = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(field)?.[1] ?? ''
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const secret = sha256('ada:examples:secret')
  const request = sha256(`GET:${given('uri')}`)
  const middle = `abc:${given('nc')}:${given('cnonce')}:auth`
  return given('response') === sha256(`${secret}:${middle}:${request}`)
}

/** Name, file name and type of each part. */
function partsOf(text: string): string[] {
  return [
    ...text.matchAll(/^content-disposition: form-data; (.*)\r\n(?:content-type: (.*)\r\n)?/gim),
  ].map(([, parameters = '', type]) =>
    [...parameters.matchAll(/="([^"]*)"/g)]
      .map(([, value]) => value)
      .concat(type ?? [])
      .join(' '),
  )
}
