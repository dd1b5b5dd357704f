// A TCP proxy on loopback that injects faults between a client and a server, or between a client
// and another proxy. It splits, delays, throttles, stalls, corrupts, half-closes, closes or resets
// at any byte of either direction. It does not parse the bytes, so it also carries TLS and tunnels.
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { FaultyConnection } from './faulty-connection.ts'

/**
 * A fault that happens when `at` bytes have passed in its direction since the connection was
 * opened. 0 means at once. Times are in milliseconds.
 */
export type Fault = { readonly at: number } & (
  | {
      /**
       * - `split`: the following bytes arrive in a separate read.
       * - `stall`: no more bytes pass. The proxy buffers about as much as a kernel would.
       * - `end`: half-close. The receiver gets a FIN, and no more bytes. The other direction
       *   continues.
       * - `close`: FIN to both sides. What they send afterwards is answered with a reset.
       * - `reset`: RST to both sides, after they have read the bytes that passed.
       */
      readonly do: 'split' | 'stall' | 'end' | 'close' | 'reset'
    }
  /** No byte passes for `ms`. */
  | { readonly do: 'delay'; readonly ms: number }
  /**
   * From now on, `bytes` pass at a time, with pauses of `ms`. With 0, each piece is a separate
   * read.
   */
  | { readonly do: 'throttle'; readonly bytes: number; readonly ms: number }
  /** The bits of `mask` are flipped in the next byte. */
  | { readonly do: 'corrupt'; readonly mask: number }
)

/** The faults of one connection: `up` is towards the server, `down` towards the client. */
export interface Plan {
  readonly up?: readonly Fault[]
  readonly down?: readonly Fault[]
}

/** Returns the faults of a connection by its number. The first is 0. */
export type Plans = (connection: number) => Plan

/** Listens and forwards connections with faults. Created with `openFaultProxy`. */
export class FaultProxy {
  /** Used for new connections. It may be replaced at any time. */
  plans: Plans
  /** The open connections. */
  readonly connections = new Set<FaultyConnection>()
  /** How many connections were accepted in total. */
  accepted = 0
  /** How many faults have happened. */
  fired = 0
  readonly #server: Server

  /** @param port the port on 127.0.0.1 that it forwards to */
  constructor(port: number, plans: Plans) {
    this.plans = plans
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const server = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
      const connection = new FaultyConnection(client, server, this.plans(this.accepted++), {
        onFault: () => this.fired++,
        onClosed: () => this.connections.delete(connection),
      })
      this.connections.add(connection)
    })
  }

  /** The port on 127.0.0.1 that clients connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Resets all open connections. New ones are still accepted. */
  resetAll(): void {
    for (const connection of this.connections) connection.reset()
  }

  /** Resets all open connections, and stops listening. */
  close(): void {
    this.resetAll()
    this.#server.close()
  }
}

/**
 * Opens a fault proxy in front of a port on 127.0.0.1. It is closed after the test `t`, or by
 * `close`.
 *
 * ```
 * const proxy = await openRig(t, server.port, () => ({ down: [{ at: 10, do: 'reset' }] }))
 * await client.get(`http://127.0.0.1:${proxy.port}/`)
 * ```
 */
export async function openFaultProxy(
  t: Pick<TestContext, 'after'>,
  port: number,
  plans: Plans = () => ({}),
): Promise<FaultProxy> {
  const proxy = new FaultProxy(port, plans)
  await proxy.listen()
  t.after(() => proxy.close())
  return proxy
}
