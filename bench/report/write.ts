import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Figures } from '../figures.ts'
import { figuresFromJsonLines, figuresToJsonLines } from '../figures.ts'
import type { LayerFigures } from '../layers/figures.ts'
import { layersFromJsonLines, layersToJsonLines } from '../layers/figures.ts'
import { pageOf } from './page.ts'
import { sectionsOf } from './sections.ts'
import { summaryOf, withSummary } from './summary.ts'

/** The folder of the report in the repository, and the page with the summary. */
export const published = { folder: 'docs/bench', readme: 'README.md' }

/** The file with the figures of bench:layers, in the folder of a report. */
const LAYERS = 'layers.jsonl'

/**
 * Creates the files of a report: the page, its charts and all figures. Maps file names to texts.
 */
export function filesOf(figures: Figures, layers: LayerFigures | null = null): Map<string, string> {
  // Figures are rounded when they are written. The report uses the rounded ones, so that `--from`
  // creates exactly the same report.
  const lines = figuresToJsonLines(figures)
  const rounded = figuresFromJsonLines(lines)
  const sections = sectionsOf(rounded)
  return new Map([
    ['README.md', pageOf(rounded, sections, layers)],
    ['figures.jsonl', lines],
    ...sections.map(({ file, svg }) => [file, svg] as const),
  ])
}

/**
 * Returns the text of README.md with a summary of the figures. Throws if its markers are missing.
 */
export function updateReadme(figures: Figures, readme: string): string {
  return withSummary(
    readme,
    summaryOf(figuresFromJsonLines(figuresToJsonLines(figures)), published.folder),
  )
}

/** Throws if README.md has no markers for the summary. Called before a measurement starts. */
export function checkReadme(): void {
  withSummary(readFileSync(published.readme, 'utf8'), '')
}

/**
 * Writes the report to a folder. Includes the figures of bench:layers if the folder has them.
 * Returns the path of the page.
 */
export function writeReport(folder: string, figures: Figures): string {
  mkdirSync(folder, { recursive: true })
  const files = filesOf(figures, layersIn(folder))
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  return join(folder, 'README.md')
}

/** Returns the figures of bench:layers in the folder of a report, or null. */
export function layersIn(folder: string): LayerFigures | null {
  const file = join(folder, LAYERS)
  return existsSync(file) ? layersFromJsonLines(readFileSync(file, 'utf8')) : null
}

/** Returns the figures of the report in the repository. Throws if there are none. */
export function publishedFigures(): Figures {
  return figuresFromJsonLines(readFileSync(join(published.folder, 'figures.jsonl'), 'utf8'))
}

/** Adds figures of bench:layers to the report in the repository. Returns the path of the page. */
export function publishLayers(layers: LayerFigures): string {
  const { folder } = published
  writeFileSync(join(folder, LAYERS), layersToJsonLines(layers))
  return writeReport(folder, publishedFigures())
}

/**
 * Writes the report in the repository and the summary in README.md. Returns the path of the page.
 */
export function publish(figures: Figures): string {
  const { folder, readme } = published
  const page = writeReport(folder, figures)
  writeFileSync(readme, updateReadme(figures, readFileSync(readme, 'utf8')))
  return page
}
