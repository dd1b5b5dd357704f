import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'

/** Types of TLS records (RFC 5246 6.2.1). TLS 1.2 does not encrypt them. */
export const ALERT = 21
export const APPLICATION_DATA = 23

export interface TlsRelay {
  readonly port: number
  /** The types of the records that the client sent, when its first connection has ended. */
  readonly closed: Promise<readonly number[]>
  /** Answers of the server are not forwarded from now on. */
  holdAnswers(): void
}

/** Forwards connections to a TLS server on loopback. */
export async function tlsRelay(t: Pick<TestContext, 'after'>, port: number): Promise<TlsRelay> {
  let onClosed: (types: readonly number[]) => void = () => {}
  const closed = new Promise<readonly number[]>((resolve) => {
    onClosed = resolve
  })
  let isHolding = false
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' })
    const records = new RecordTypes()
    client.on('data', (bytes) => {
      records.add(bytes)
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!isHolding) client.write(bytes)
    })
    client.on('error', () => {}).on('end', () => onClosed(records.types))
    client.on('close', () => {
      onClosed(records.types)
      upstream.destroy()
    })
    upstream
      .on('error', () => {})
      .on('close', () => {
        if (!isHolding) client.end()
      })
    t.after(() => client.destroy())
  })
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    closed,
    holdAnswers() {
      isHolding = true
    },
  }
}

/** Reads the types of TLS records: one byte each, then a version and a length of two bytes each. */
class RecordTypes {
  readonly types: number[] = []
  #buffer = Buffer.alloc(0)

  add(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes])
    while (this.#buffer.length >= 5) {
      const length = 5 + this.#buffer.readUInt16BE(3)
      if (this.#buffer.length < length) return
      this.types.push(this.#buffer.readUInt8(0))
      this.#buffer = this.#buffer.subarray(length)
    }
  }
}
