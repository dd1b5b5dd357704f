// The server of the demo's race, in a process of its own: answers on bare sockets, so that it is not
// what limits the clients.
import { createServer } from 'node:net'

const END_OF_HEAD = '\r\n\r\n'
const BODY = 'x'.repeat(65)
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 65\r\n\r\n${BODY}`,
)

const server = createServer({ noDelay: true }, (socket) => {
  let unanswered = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    unanswered += chunk.toString('latin1')
    let end = unanswered.indexOf(END_OF_HEAD)
    for (; end >= 0; end = unanswered.indexOf(END_OF_HEAD)) {
      unanswered = unanswered.slice(end + END_OF_HEAD.length)
      socket.write(ANSWER)
    }
  })
})
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
process.on('disconnect', () => process.exit())
