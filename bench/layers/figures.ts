import { shortened } from '../figures.ts'
import type { Computer } from '../machine.ts'
import type { Sample } from '../statistics.ts'

/** The figures of one run. */
export interface LayerFigures {
  readonly computer: Computer
  /** The version of Node that ran the workers. */
  readonly node: string
  readonly rounds: number
  readonly rows: readonly LayerRow[]
}

export interface LayerRow {
  readonly name: string
  readonly title: string
  /** One for each round. */
  readonly samples: Sample[]
  /** Those of the other checkout; none if it does not have the row. */
  readonly others?: Sample[]
}

/** JSON lines: first the computer, then one line for each row. */
export function layersToLines({ rows, ...head }: LayerFigures): string {
  return `${[head, ...rows].map((line) => JSON.stringify(line, shortened)).join('\n')}\n`
}

export function layersFromLines(text: string): LayerFigures {
  const [head, ...rows] = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  return { ...head, rows }
}
