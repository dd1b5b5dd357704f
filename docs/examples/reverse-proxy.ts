import type { IncomingMessage, RequestListener } from 'node:http'
import { ConnectionPool, LocalProtocolError, TimeoutException } from 'hawser/engine'

/** Fields that a proxy must not forward (RFC 9110 7.6.1). Node's server handles `expect` itself. */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
]

/** Returns the fields to forward, as a flat list of names and values. */
function forwardedFields(fields: readonly [name: string, value: string][], ...dropped: string[]) {
  const connection = fields.filter(([name]) => name.toLowerCase() === 'connection')
  const listed = connection.flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/))
  const removed = new Set([...HOP_BY_HOP, ...dropped, ...listed])
  return fields.filter(([name]) => !removed.has(name.toLowerCase())).flat()
}

function fieldsOf({ rawHeaders }: IncomingMessage): [string, string][] {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1]!]] : []))
}

/** The status of the response if forwarding fails. 400: the request is invalid. */
const statusOf = (error: unknown) =>
  error instanceof LocalProtocolError ? 400 : error instanceof TimeoutException ? 504 : 502

/** Forwards requests to `origin`. Both bodies are streamed at the speed of the slower side. */
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
          ...forwardedFields(fieldsOf(request), 'host'), // the engine sets Host for the origin
          ...['x-forwarded-host', headers.host ?? '', 'via', '1.1 proxy'],
          ...['x-forwarded-for', socket.remoteAddress ?? 'unknown'],
        ],
        // An early response stops the upload, and must not close the client's connection.
        body: hasBody ? request.iterator({ destroyOnReturn: false }) : null,
        copy: true, // `write` keeps the chunk
      },
      {
        onHead: ({ status, statusText, headers }) =>
          void response.writeHead(status, statusText, forwardedFields([...headers])),
        onData: (chunk) => response.write(chunk), // false pauses the origin
        onEnd: () => void response.end(),
        onError(error) {
          if (response.headersSent)
            response.destroy() // the client sees that it is incomplete
          else response.writeHead(statusOf(error)).end()
        },
      },
    )
    response.on('drain', () => control.resume())
    response.on('close', () => control.abort()) // the client disconnected, or all is done
  }
}
