import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Figures } from '../figures.ts'
import { fromLines, toLines } from '../figures.ts'
import type { LayerFigures } from '../layers/figures.ts'
import { layersFromLines, layersToLines } from '../layers/figures.ts'
import { pageOf } from './page.ts'
import { sectionsOf } from './sections.ts'
import { summaryOf, withSummary } from './summary.ts'

/** Where the repository has its report, and what quotes it. */
export const published = { folder: 'docs/bench', readme: 'README.md' }

/** The figures of bench:layers, in the folder of a report. */
const LAYERS = 'layers.jsonl'

/** The page, its charts and all figures: name of the file -> its text. */
export function filesOf(figures: Figures, layers: LayerFigures | null = null): Map<string, string> {
  // The lines are rounded, and the same report is to come out of them again.
  const lines = toLines(figures)
  const kept = fromLines(lines)
  const sections = sectionsOf(kept)
  return new Map([
    ['README.md', pageOf(kept, sections, layers)],
    ['figures.jsonl', lines],
    ...sections.map(({ file, svg }) => [file, svg] as const),
  ])
}

/** The text of the README with these figures in it. Throws when there is no place for them. */
export function quoted(figures: Figures, readme: string): string {
  return withSummary(readme, summaryOf(fromLines(toLines(figures)), published.folder))
}

/** Throws when the README has no place for figures: to be asked before they are taken. */
export function checkPlace(): void {
  withSummary(readFileSync(published.readme, 'utf8'), '')
}

/** Writes the report into a folder, with the figures of bench:layers found there. Returns the path of its page. */
export function writeReport(folder: string, figures: Figures): string {
  mkdirSync(folder, { recursive: true })
  const files = filesOf(figures, layersIn(folder))
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  return join(folder, 'README.md')
}

/** Returns the figures of bench:layers in the folder of a report, null if there are none. */
export function layersIn(folder: string): LayerFigures | null {
  const file = join(folder, LAYERS)
  return existsSync(file) ? layersFromLines(readFileSync(file, 'utf8')) : null
}

/** Returns the figures that the repository shows. Throws if there are none. */
export function publishedFigures(): Figures {
  return fromLines(readFileSync(join(published.folder, 'figures.jsonl'), 'utf8'))
}

/** Writes the figures of bench:layers into the report that the repository shows. Returns the path of its page. */
export function publishLayers(layers: LayerFigures): string {
  const { folder } = published
  writeFileSync(join(folder, LAYERS), layersToLines(layers))
  return writeReport(folder, publishedFigures())
}

/** Writes the report where the repository shows it, and quotes it. Returns the path of its page. */
export function publish(figures: Figures): string {
  const { folder, readme } = published
  const page = writeReport(folder, figures)
  writeFileSync(readme, quoted(figures, readFileSync(readme, 'utf8')))
  return page
}
