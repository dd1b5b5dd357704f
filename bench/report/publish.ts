import { readFileSync, writeFileSync } from 'node:fs'
import type { Figures } from '../figures.ts'
import { summaryOf, withSummary } from './summary.ts'
import { writeReport } from './write.ts'

const folder = 'docs/bench'
const readme = 'README.md'

/** Puts the report where the repository shows it, and quotes it in the README. Returns its page. */
export function publish(figures: Figures): string {
  const text = withSummary(readFileSync(readme, 'utf8'), summaryOf(figures, folder))
  const page = writeReport(folder, figures)
  writeFileSync(readme, text)
  return page
}
