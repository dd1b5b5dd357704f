import { testExamples } from './examples.ts'

testExamples('docs/architecture.md')
