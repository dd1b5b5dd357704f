import { roundNumber } from '../figures.ts'
import type { Computer } from '../machine.ts'
import type { Sample } from '../statistics.ts'

/** The results of one run. */
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
  /** One sample for each round. */
  readonly samples: Sample[]
  /** The samples of the other checkout. Absent if it does not have the row. */
  readonly otherSamples?: Sample[]
}

/** Formats figures as JSON lines: first the computer, then one line for each row. */
export function layersToJsonLines({ rows, ...head }: LayerFigures): string {
  return `${[head, ...rows].map((line) => JSON.stringify(line, roundNumber)).join('\n')}\n`
}

/** Parses the output of `layersToJsonLines`. */
export function layersFromJsonLines(text: string): LayerFigures {
  const [head, ...rows] = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  return { ...head, rows }
}
