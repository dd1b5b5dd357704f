import type { IncomingMessage, RequestListener } from 'node:http'
import { ConnectionPool, LocalProtocolError, TimeoutException } from 'hawser/engine'

/** What is said to the next hop alone (RFC 9110 7.6.1), or done by Node's server already (Expect). */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
]

/** The fields that are passed on, as a flat list. */
function passedOn(fields: readonly [name: string, value: string][], ...dropped: string[]) {
  const options = fields.filter(([name]) => name.toLowerCase() === 'connection')
  const named = options.flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/))
  const gone = new Set([...HOP_BY_HOP, ...dropped, ...named])
  return fields.filter(([name]) => !gone.has(name.toLowerCase())).flat()
}

function fieldsOf({ rawHeaders }: IncomingMessage): [string, string][] {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1]!]] : []))
}

/** 400: what came cannot be sent on. */
const statusOf = (error: unknown) =>
  error instanceof LocalProtocolError ? 400 : error instanceof TimeoutException ? 504 : 502

/** Answers what `origin` answers. Both bodies are streamed, as fast as the slower side takes them. */
export function reverseProxy(origin: string, pool = new ConnectionPool()): RequestListener {
  return (request, response) => {
    const { method, url = '/', headers, socket } = request
    const hasBody = 'content-length' in headers || 'transfer-encoding' in headers // RFC 9112 6
    const control = pool.dispatch(
      {
        origin,
        method,
        path: url.replace(/^https?:\/\/[^/?]*/i, ''), // absolute-form: RFC 9112 3.2.2
        headers: [
          ...passedOn(fieldsOf(request), 'host'), // the engine's own is the origin's
          ...['x-forwarded-host', headers.host ?? '', 'via', '1.1 proxy'],
          ...['x-forwarded-for', socket.remoteAddress ?? 'unknown'],
        ],
        // An early answer ends the upload, and must not end the client's connection.
        body: hasBody ? request.iterator({ destroyOnReturn: false }) : null,
        copy: true, // `write` keeps what it is given
      },
      {
        onHead: ({ status, statusText, headers }) =>
          void response.writeHead(status, statusText, passedOn([...headers])),
        onData: (chunk) => response.write(chunk), // false stops the origin
        onEnd: () => void response.end(),
        onError(error) {
          if (response.headersSent)
            response.destroy() // cut short, and seen to be
          else response.writeHead(statusOf(error)).end()
        },
      },
    )
    response.on('drain', () => control.resume())
    response.on('close', () => control.abort()) // the client has gone, or all is done
  }
}
