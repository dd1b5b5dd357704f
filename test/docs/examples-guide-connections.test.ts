import { testExamples } from './examples.ts'

testExamples(
  'docs/guide/proxies.md',
  'docs/guide/timeouts.md',
  'docs/guide/tls.md',
  'docs/guide/unix-sockets.md',
)
