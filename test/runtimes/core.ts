/**
 * The tests that run on every runtime: folders and files below test/. They are the tests of the
 * backends, and others that use sockets, TLS, streams, codings, timers, processes and servers.
 * Plain JavaScript behaves the same on every runtime.
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
  'fetch/body-used',
  'fetch/environment',
  'fetch/init',
  'fetch/network-errors',
  'fetch/permissions',
  'engine/process',
  'engine/proxies',
  'engine/tls',
  'engine/unannounced-close',
  'engine/unread',
  'engine/uploads',
]
