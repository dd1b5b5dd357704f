// A TCP proxy on loopback that does harm: it stands between a client and a server (or a proxy, when
// the route has one), and splits, delays, throttles, stalls, corrupts, half-closes, closes or resets at
// any byte, either way. It knows nothing of what it carries, so TLS and tunnels pass as plain bytes.
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { RiggedConnection } from './rigged-connection.ts'

/**
 * What happens as soon as `at` bytes have passed in its direction since the connection began; 0 is at
 * once. Times are in milliseconds.
 */
export type Fault = { readonly at: number } & (
  | {
      /**
       * - `split`: what follows comes in a read of its own.
       * - `stall`: nothing passes any more, and what comes is taken in only as far as a kernel would.
       * - `end`: half-close. Nothing passes any more behind a FIN, and the other direction goes on.
       * - `close`: FIN to both sides. What they send afterwards is answered by a reset.
       * - `reset`: RST to both sides, once what has passed was read.
       */
      readonly do: 'split' | 'stall' | 'end' | 'close' | 'reset'
    }
  /** Nothing passes for so long. */
  | { readonly do: 'delay'; readonly ms: number }
  /** From here on so many bytes pass each time, and `ms` are in between; 0 is a read for each. */
  | { readonly do: 'throttle'; readonly bytes: number; readonly ms: number }
  /** These bits of the next byte are the other way round. */
  | { readonly do: 'corrupt'; readonly mask: number }
)

/** The faults of one connection: `up` goes to the server, `down` to the client. */
export interface Plan {
  readonly up?: readonly Fault[]
  readonly down?: readonly Fault[]
}

/** What is to happen to the connection with this number; the first is 0. */
export type Plans = (connection: number) => Plan

/** A rig that listens; `openRig` makes one. */
export class Rig {
  /** For connections from now on; may be replaced at any time. */
  plans: Plans
  /** Those that are open. */
  readonly connections = new Set<RiggedConnection>()
  /** How many were ever accepted. */
  accepted = 0
  /** How many faults have come to pass. */
  fired = 0
  readonly #server: Server

  /** @param port where it leads to, on 127.0.0.1 */
  constructor(port: number, plans: Plans) {
    this.plans = plans
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const server = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
      const connection = new RiggedConnection(client, server, this.plans(this.accepted++), {
        onFault: () => this.fired++,
        onClosed: () => this.connections.delete(connection),
      })
      this.connections.add(connection)
    })
  }

  /** Where clients connect to, on 127.0.0.1. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Resets all that are open; new ones are accepted. */
  sever(): void {
    for (const connection of this.connections) connection.reset()
  }

  /** Resets all, and accepts no more. */
  close(): void {
    this.sever()
    this.#server.close()
  }
}

/**
 * Opens a rig before whatever listens on 127.0.0.1 at this port. It is closed behind `t`, or by `close`.
 *
 * ```
 * const rig = await openRig(t, server.port, () => ({ down: [{ at: 10, do: 'reset' }] }))
 * await client.get(`http://127.0.0.1:${rig.port}/`)
 * ```
 */
export async function openRig(
  t: Pick<TestContext, 'after'>,
  port: number,
  plans: Plans = () => ({}),
): Promise<Rig> {
  const rig = new Rig(port, plans)
  await rig.listen()
  t.after(() => rig.close())
  return rig
}
