import { testExamples } from './examples.ts'

testExamples(
  'docs/guide/authentication.md',
  'docs/guide/cookies.md',
  'docs/guide/errors.md',
  'docs/guide/hooks.md',
  'docs/guide/redirects.md',
)
