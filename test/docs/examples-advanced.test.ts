import { testExamples } from './examples.ts'

testExamples('docs/advanced.md')
