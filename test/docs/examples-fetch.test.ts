import { testExamples } from './examples.ts'

testExamples('docs/fetch.md')
