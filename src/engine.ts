/** The public interface `hawser/engine`: a connection pool for HTTP/1.1. */
export type {
  Address,
  Backend,
  BackendSocket,
  Clock,
  ConnectTarget,
  SocketHandler,
  Timer,
  TlsSessionStore,
  TlsTarget,
} from './backends/backend.ts'
export { nodeBackend } from './backends/node.ts'
export type { PublicAddressesOptions } from './backends/public-addresses.ts'
export { publicAddressesOnly } from './backends/public-addresses.ts'
export type { BackendChoice } from './backends/select.ts'
export * from './errors.ts'
export { type CloseReason, closeReasons } from './models/close-reasons.ts'
export type {
  ConnectionClose,
  ConnectionOpen,
  Durations,
  EventInfos,
  EventName,
  RequestEnd,
  RequestStart,
  Trace,
} from './models/events.ts'
export { Headers, type HeadersInit, type HeaderValue } from './models/headers.ts'
export type { PoolLimits } from './models/limits.ts'
export { HTTPProxy, type HTTPProxyOptions, type ProxyMode } from './models/proxy.ts'
export type {
  Body,
  DispatchControl,
  DispatchHandler,
  DispatchRequest,
  Head,
} from './models/request.ts'
export type { ConnectFacts, OnConnect } from './models/route.ts'
export { Timeout, type TimeoutFields, type TimeoutInit } from './models/timeout.ts'
export { ConnectionPool } from './pool/pool.ts'
export type { Lookup, PoolOptions } from './pool/pool-options.ts'
export type { Response } from './pool/response.ts'
export type { PoolStats } from './pool/scheduler.ts'
export { type MessageSink, ResponseParser } from './protocol/response-parser.ts'
