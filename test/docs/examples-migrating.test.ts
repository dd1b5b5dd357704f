import { testExamples } from './examples.ts'

testExamples('docs/migrating.md')
