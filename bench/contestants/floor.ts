import net from 'node:net'
import tls from 'node:tls'
import type { Job, Open } from './contestant.ts'
import { bodyOf, responseError } from './contestant.ts'
import type { Done } from './runners.ts'
import { callbackRunner } from './runners.ts'

/**
 * Sockets without a client: no client can need less. All sockets read into one buffer. The bytes of
 * a response are only counted, and a request is one write of prepared bytes.
 */
export const open: Open = async (job) => {
  const request = requestOf(job)
  const responseBytes = await measureResponseLength(job, request)
  const sharedBuffer = Buffer.allocUnsafeSlow(64 * 1024)
  const connections: FloorConnection[] = []
  const idle: FloorConnection[] = []

  class FloorConnection {
    private received = 0
    private done: Done | undefined
    private readonly socket: net.Socket

    constructor() {
      const onread = { buffer: sharedBuffer, callback: (bytes: number) => this.count(bytes) }
      this.socket = connect(job, onread)
      this.socket.on('error', (error) => this.done?.(error))
      this.socket.on('close', () => this.done?.(new Error('The server closed the connection')))
    }

    start(done: Done): void {
      this.done = done
      if (typeof request === 'string') this.socket.write(request, 'latin1')
      else this.socket.write(request)
    }

    private count(bytes: number): boolean {
      this.received += bytes
      if (this.received < responseBytes) return true
      const done = this.done
      this.received -= responseBytes
      this.done = undefined
      idle.push(this)
      if (this.received === 0) done?.()
      else done?.(new Error('Received more bytes than one response has'))
      return true
    }

    end(): void {
      this.socket.destroy()
    }
  }

  const start = (done: Done) => {
    let connection = idle.pop()
    if (!connection) {
      if (connections.length === job.connections) {
        throw new Error('The concurrency exceeds the connections, and the floor has no queue')
      }
      connection = new FloorConnection()
      connections.push(connection)
    }
    connection.start(done)
  }

  const close = async () => {
    for (const connection of connections) connection.end()
  }
  return { run: callbackRunner(start), close }
}

function requestOf(job: Job): string | Buffer {
  const body = bodyOf(job)
  const head =
    `${job.method} ${job.path} HTTP/1.1\r\n` +
    `host: ${job.host}:${job.port}\r\n` +
    'connection: keep-alive\r\n' +
    'accept: */*\r\n' +
    (body ? `content-length: ${body.byteLength}\r\n` : '') +
    '\r\n'
  return body ? Buffer.concat([Buffer.from(head), body]) : head
}

function connect(job: Job, onread?: net.OnReadOpts): net.Socket {
  const options = { host: job.host, port: job.port, ...(onread && { onread }) }
  const socket = job.tls ? tls.connect({ ...options, ca: job.ca }) : net.connect(options)
  return socket.setNoDelay(true)
}

/** Returns the length of a response in bytes, head and body. All responses have the same length. */
function measureResponseLength(job: Job, request: string | Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(job)
    let received = ''
    socket.on('error', reject)
    socket.on('close', () =>
      reject(new Error('The server closed the connection before the first response')),
    )
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = received.slice(0, end)
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
      const error = responseError(job, Number(head.slice(9, 12)), length)
      if (error) reject(error)
      else resolve(end + 4 + length)
      socket.destroy()
    })
    socket.write(request)
  })
}
