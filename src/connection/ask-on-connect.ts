import type { Address } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import { isThenable } from '../models/value-kind.ts'

/** Why `onConnect` refused an address: what it threw, of any type. */
export interface Refusal {
  readonly cause: unknown
}

/**
 * Asks `onConnect` whether a connection to an address may be opened. Returns null if it may, at
 * once or later. An error of any kind refuses the address. The promise never rejects, and may stay
 * pending: the caller has a deadline.
 *
 * @param peer the origin or the proxy to which the address belongs
 */
export function askOnConnect(
  { onConnect, proxy }: Route,
  { host, port, key }: Origin,
  { address, family }: Address,
): Refusal | null | Promise<Refusal | null> {
  if (onConnect === null) return null
  const through = key === proxy?.origin.key ? 'proxy' : 'direct'
  try {
    const result = onConnect({ address, family, port, host, through })
    if (!isThenable(result)) return null
    return Promise.resolve(result).then(
      () => null,
      (cause: unknown) => ({ cause }),
    )
  } catch (cause) {
    return { cause }
  }
}
