/** The public interface of the client, `hawser`. */
export type { Backend } from './backends/backend.ts'
export type { PublicAddressesOptions } from './backends/public-addresses.ts'
export { publicAddressesOnly } from './backends/public-addresses.ts'
export type { BackendChoice } from './backends/select.ts'
export type { Auth, AuthInit, AuthResponse } from './client/auth/auth.ts'
export { BasicAuth } from './client/auth/basic.ts'
export { DigestAuth } from './client/auth/digest.ts'
export { NetrcAuth } from './client/auth/netrc-auth.ts'
// Code that is ported from HTTPX may use either name: all methods are asynchronous.
export { Client, Client as AsyncClient } from './client/client.ts'
export { type CookieScope, Cookies, type CookiesInit } from './client/cookies/cookies.ts'
export type { Link } from './client/links.ts'
export {
  delete,
  get,
  head,
  options,
  patch,
  post,
  put,
  request,
  stream,
} from './client/module-functions.ts'
export type {
  CallOptions,
  ClientOptions,
  EventHooks,
  OneCallOptions,
  RequestOptions,
  SendOptions,
  SharedOptions,
} from './client/options.ts'
export type { ParamsInit, ParamValue } from './client/params.ts'
export type { FollowRedirects } from './client/redirect.ts'
export { Request, type RequestInit } from './client/request.ts'
export { type JSONOptions, type JSONRecordOptions, Response } from './client/response.ts'
export type { StandardSchema } from './client/standard-schema.ts'
export { HTTPStatusError } from './client/status-error.ts'
export type {
  BodyOptions,
  ContentInit,
  FieldValue,
  FileInit,
  FilesInit,
  FileTuple,
  FormInit,
} from './content/body-options.ts'
export type { EventStreamOptions, ServerSentEvent } from './content/event-stream.ts'
export type { Progress } from './content/progress.ts'
export {
  AppDispatcher,
  type AppDispatcherOptions,
} from './dispatch/apps/app-dispatcher.ts'
export type { App, RequestListener } from './dispatch/apps/app-kind.ts'
export type { FetchHandler, FetchInfo } from './dispatch/apps/fetch-app.ts'
export type { Dispatcher } from './dispatch/dispatcher.ts'
export {
  MockDispatcher,
  type MockHandler,
  type MockRequest,
  type MockResponse,
} from './dispatch/in-process/mock-dispatcher.ts'
export type { ProxiesInit } from './dispatch/proxies/proxy-map.ts'
export * from './errors.ts'
export type { CloseReason } from './models/close-reasons.ts'
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
export type { ClientCertificate, Verify } from './models/tls-settings.ts'
export type { Lookup } from './pool/pool-options.ts'
