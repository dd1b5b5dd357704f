import { testExamples } from './examples.ts'

testExamples('README.md')
