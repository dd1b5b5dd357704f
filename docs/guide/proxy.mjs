// The proxy that the examples of docs/guide/proxies.md use. It needs no packages:
//
//   node proxy.mjs
//
// It listens on http://localhost:3128, forwards http requests, and opens tunnels for CONNECT. It
// prints the first line of each request that it receives.
import { createServer, request as sendRequest } from 'node:http'
import { connect } from 'node:net'
import { pipeline } from 'node:stream'

const proxy = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  const { method, headers } = request
  const { 'proxy-authorization': _, ...forwarded } = headers
  const onward = sendRequest(request.url, { method, headers: forwarded }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    pipeline(answer, response, () => {})
  })
  onward.on('error', () => response.writeHead(502).end())
  pipeline(request, onward, () => {})
})

proxy.on('connect', (request, client, firstBytes) => {
  console.log(`CONNECT ${request.url}`)
  const { hostname, port } = new URL(`http://${request.url}`)
  const server = connect(Number(port || 80), hostname, () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    server.write(firstBytes)
    pipeline(client, server, client, () => {})
  })
  server.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
})

proxy.listen(Number(process.env.PORT ?? 3128), '127.0.0.1', () => {
  console.log(`http://localhost:${proxy.address().port}`)
})
