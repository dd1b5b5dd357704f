// The server that the examples of the guide send requests to. It needs no packages:
//
//   node server.mjs
//
// It listens on http://localhost:8000. If the working directory contains cert.key and cert.crt, it
// also listens on https://localhost:8443; docs/guide/tls.md describes how to create them.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

let flakyRequests = 0

/** What the server does with each request, by method and path. A method is optional. */
const routes = {
  'GET /users/7': (_, response) => sendJson(response, 200, { id: 7, name: 'Ada' }),
  'POST /users': async (request, response) => {
    response.setHeader('location', '/users/8')
    sendJson(response, 201, { id: 8, ...JSON.parse(await text(request)) })
  },
  '/echo': async (request, response) => response.end(await text(request)),
  'GET /header': (request, response) => {
    const name = new URL(request.url, 'http://localhost').searchParams.get('name') ?? ''
    response.end(String(request.headers[name] ?? ''))
  },
  'POST /form': async (request, response) => {
    const body = await buffer(request)
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const form = await new Response(body, { headers }).formData()
    const fields = [...form].map(([name, value]) =>
      typeof value === 'string'
        ? `${name}: ${value}`
        : `${name}: file ${value.name}, ${value.type}, ${value.size} bytes`,
    )
    sendJson(response, 200, fields)
  },
  'PUT /upload': async (request, response) => {
    response.end(`received ${(await buffer(request)).length} bytes`)
  },
  'GET /lines': async (_, response) => {
    response.write('first line\nsec')
    await sleep(10)
    response.end('ond line\n')
  },
  'GET /events': (_, response) => {
    response.setHeader('content-type', 'text/event-stream')
    response.end('event: price\ndata: {"amount":3}\nid: 7\n\n')
  },
  'GET /records': (_, response) => {
    response.setHeader('content-type', 'application/x-ndjson')
    response.end('{"id":7,"name":"Ada"}\n{"id":8,"name":"Grace"}\n')
  },
  'GET /gzip': (_, response) => {
    response.setHeader('content-encoding', 'gzip')
    response.end(gzipSync('compressed text'))
  },
  'GET /large': (_, response) => response.end(Buffer.alloc(1_048_576)),
  'GET /slow': async (_, response) => {
    await sleep(3000)
    response.end('finally')
  },
  'GET /flaky': (_, response) => {
    flakyRequests++
    if (flakyRequests % 2 === 1) response.writeHead(503, { 'retry-after': '0' })
    response.end()
  },
  'GET /redirect/1': (_, response) => response.writeHead(302, { location: '/users/7' }).end(),
  'GET /redirect/2': (_, response) => response.writeHead(302, { location: '/redirect/1' }).end(),
  'GET /login': (_, response) => {
    response.setHeader('set-cookie', 'session=abc; Path=/; HttpOnly')
    response.end('logged in')
  },
  'GET /renew': (_, response) => {
    response.setHeader('set-cookie', 'session=new; Path=/')
    response.writeHead(302, { location: '/header?name=cookie' }).end()
  },
  'GET /basic': (request, response) => {
    const expected = `Basic ${Buffer.from('ada:secret').toString('base64')}`
    requireAuthorization(
      request.headers.authorization === expected,
      'Basic realm="guide"',
      response,
    )
  },
  'GET /digest': (request, response) => {
    const challenge = 'Digest realm="guide", nonce="abc", qop="auth", algorithm=SHA-256'
    requireAuthorization(isDigestOfAda(request), challenge, response)
  },
  'POST /token': (_, response) => sendJson(response, 200, { token: 'fresh' }),
  'GET /bearer': (request, response) => {
    requireAuthorization(request.headers.authorization === 'Bearer fresh', 'Bearer', response)
  },
  'GET /certificate': (request, response) => {
    response.end(request.socket.getPeerCertificate?.().subject?.CN ?? 'no client certificate')
  },
  'OPTIONS *': (_, response) => response.writeHead(204, { allow: 'GET, POST' }).end(),
}

function sendJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function requireAuthorization(isAuthorized, challenge, response) {
  if (!isAuthorized) response.writeHead(401, { 'www-authenticate': challenge })
  response.end(isAuthorized ? 'Hello, Ada' : '')
}

/** Whether the Authorization field proves knowledge of the password `secret`. RFC 7616 */
function isDigestOfAda({ headers, method }) {
  const field = headers.authorization ?? ''
  const parameter = (name) => new RegExp(`\\b${name}="?([^",]*)`).exec(field)?.[1]
  const sha256 = (value) => createHash('sha256').update(value).digest('hex')
  const nonce = `abc:${parameter('nc')}:${parameter('cnonce')}:auth`
  const request = sha256(`${method}:${parameter('uri')}`)
  return parameter('response') === sha256(`${sha256('ada:guide:secret')}:${nonce}:${request}`)
}

async function answer(request, response) {
  const [path] = request.url.split('?')
  const route = routes[`${request.method} ${path}`] ?? routes[path]
  try {
    if (route) await route(request, response)
    else sendJson(response, 404, { error: `There is no ${path}` })
  } catch (error) {
    if (!response.headersSent) sendJson(response, 400, { error: error.message })
  }
}

const server = createServer(answer)
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}`)
})

if (existsSync('cert.key') && existsSync('cert.crt')) {
  const key = readFileSync('cert.key')
  const cert = readFileSync('cert.crt')
  // Asks for a client certificate, and accepts connections without one.
  const ca = existsSync('ca.crt') ? readFileSync('ca.crt') : undefined
  const options = { key, cert, ca, requestCert: true, rejectUnauthorized: false }
  const secure = createSecureServer(options, answer)
  secure.listen(Number(process.env.TLS_PORT ?? 8443), '127.0.0.1', () => {
    console.log(`https://localhost:${secure.address().port}`)
  })
}
