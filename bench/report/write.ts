import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Figures } from '../figures.ts'
import { toLines } from '../figures.ts'
import { pageOf } from './page.ts'
import { sectionsOf } from './sections.ts'

/** Writes the page, its charts and all figures into a folder. Returns the page's path. */
export function writeReport(folder: string, figures: Figures): string {
  const sections = sectionsOf(figures)
  const page = join(folder, 'README.md')
  mkdirSync(folder, { recursive: true })
  for (const { file, svg } of sections) writeFileSync(join(folder, file), svg)
  writeFileSync(page, pageOf(figures, sections))
  writeFileSync(join(folder, 'figures.jsonl'), toLines(figures))
  return page
}
