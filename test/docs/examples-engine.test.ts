import { testExamples } from './examples.ts'

testExamples('docs/engine.md')
