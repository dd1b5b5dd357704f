import { testExamples } from './examples.ts'

testExamples('docs/quickstart.md')
