import net from 'node:net'
import tls from 'node:tls'
import type { Job, Open } from './contestant.ts'
import { bodyOf, mistakeIn } from './contestant.ts'
import type { Done } from './lanes.ts'
import { callbackLanes } from './lanes.ts'

/**
 * The floor: what bare sockets cost, with no client at all. All read into one buffer, the bytes of
 * a response are only counted, a request is one write of something made before.
 */
export const open: Open = async (job) => {
  const request = requestOf(job)
  const responseBytes = await lengthOfOneResponse(job, request)
  const shared = Buffer.allocUnsafeSlow(64 * 1024)
  const all: Line[] = []
  const idle: Line[] = []

  class Line {
    private received = 0
    private done: Done | undefined
    private readonly socket: net.Socket

    constructor() {
      const onread = { buffer: shared, callback: (bytes: number) => this.count(bytes) }
      this.socket = connect(job, onread)
      this.socket.on('error', (error) => this.done?.(error))
      this.socket.on('close', () => this.done?.(new Error('the server closed the connection')))
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
      else done?.(new Error('more bytes than one response has'))
      return true
    }

    end(): void {
      this.socket.destroy()
    }
  }

  const start = (done: Done) => {
    let line = idle.pop()
    if (!line) {
      if (all.length === job.connections) throw new Error('the floor has no queue')
      line = new Line()
      all.push(line)
    }
    line.start(done)
  }

  const close = async () => {
    for (const line of all) line.end()
  }
  return { run: callbackLanes(start), close }
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
  const where = { host: job.host, port: job.port, ...(onread && { onread }) }
  const socket = job.tls ? tls.connect({ ...where, ca: job.ca }) : net.connect(where)
  return socket.setNoDelay(true)
}

/** Head and body of the first response, in bytes. Those that follow are as long. */
function lengthOfOneResponse(job: Job, request: string | Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(job)
    let text = ''
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed before its first response')))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = text.slice(0, end)
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
      const mistake = mistakeIn(job, Number(head.slice(9, 12)), length)
      if (mistake) reject(mistake)
      else resolve(end + 4 + length)
      socket.destroy()
    })
    socket.write(request)
  })
}
