/**
 * What runs on every runtime: folders and files below test/. The backends, and of what stands on them
 * the tests that go through sockets, TLS, streams, codings, timers, processes and servers; what is
 * JavaScript alone is the same everywhere.
 */
export const CORE: readonly string[] = [
  'backends',
  'client/apps',
  'client/auth-rounds',
  'client/call-progress',
  'client/cancel',
  'client/client',
  'client/cookies-sent',
  'client/decoded-responses',
  'client/event-hooks',
  'client/module-functions',
  'content/multipart',
  'client/proxies',
  'client/read-responses',
  'client/retries',
  'client/streamed-responses',
  'client/timeouts-and-limits',
  'client/total-timeout',
  'client/verify',
  'dispatch/app-fetch',
  'dispatch/app-frameworks',
  'dispatch/app-listener',
  'engine/process',
  'engine/proxies',
  'engine/tls',
]
