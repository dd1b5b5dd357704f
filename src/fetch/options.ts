import type { ClientOptions } from '../client/options.ts'
import { checkOptions } from '../models/options.ts'

const NAMES = [
  'headers',
  'timeout',
  'maxRedirects',
  'proxies',
  'verify',
  'cert',
  'trustEnv',
  'uds',
  'backend',
  'poolLimits',
  'lookup',
  'localAddress',
  'onConnect',
  'trace',
] as const

/** The options of a `Client` that mean something to a `fetch`. */
export type FetchOptions = Pick<ClientOptions, (typeof NAMES)[number]>

/** Throws `TypeError` for one that is not among them. */
export function checkFetchOptions(options: FetchOptions): void {
  checkOptions('createFetch', options, NAMES)
}
