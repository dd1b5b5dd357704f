// The server of the demo's speed comparison, in a separate process. It writes prepared responses to
// raw sockets, so that the server does not limit the clients.
import { createServer } from 'node:net'

const END_OF_HEAD = '\r\n\r\n'
const BODY = 'x'.repeat(65)
const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 65\r\n\r\n${BODY}`,
)

const server = createServer({ noDelay: true }, (socket) => {
  let received = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    let end = received.indexOf(END_OF_HEAD)
    for (; end >= 0; end = received.indexOf(END_OF_HEAD)) {
      received = received.slice(end + END_OF_HEAD.length)
      socket.write(RESPONSE)
    }
  })
})
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
process.on('disconnect', () => process.exit())
