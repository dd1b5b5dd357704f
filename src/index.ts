/** The client's public face, `hawser`. */
export {
  Client,
  Client as AsyncClient,
  type ClientOptions,
  type RequestOptions,
} from './client/client.ts'
export { Response } from './client/response.ts'
export * from './errors.ts'
export { Headers, type HeadersInit } from './models/headers.ts'
export type { PoolLimits } from './models/limits.ts'
export { Timeout, type TimeoutFields, type TimeoutInit } from './models/timeout.ts'
