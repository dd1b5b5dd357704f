import { testExamples } from './examples.ts'

testExamples(
  'docs/guide/getting-started.md',
  'docs/guide/clients.md',
  'docs/guide/requests.md',
  'docs/guide/responses.md',
  'docs/guide/apps.md',
)
