import type { Figures } from '../figures.ts'
import { duration } from '../format.ts'
import type { LayerFigures } from '../layers/figures.ts'
import { conditions, layerTable } from '../layers/table.ts'
import { contestantTable, facts, mainTable } from '../tables.ts'
import { verdicts } from '../verdicts.ts'
import type { Section } from './sections.ts'

/**
 * The report as Markdown. Its charts are files beside it.
 *
 * @param layers figures of bench:layers, which become a section; null for none
 */
export function pageOf(
  figures: Figures,
  sections: readonly Section[],
  layers: LayerFigures | null = null,
): string {
  const { machine, pace, seconds, outcomes } = figures
  const judged = outcomes.flatMap(verdicts)
  const met = judged.filter((verdict) => verdict.met).length
  return [
    `# Hawser bench, ${machine.date} UTC`,
    '',
    ...facts(machine, pace),
    `- it took ${duration(seconds)}; \`figures.jsonl\` has every sample`,
    '',
    'Figures are medians of the rounds, with the lowest and the highest in brackets. A ratio is taken within',
    'each round, so it need not be the quotient of two medians. `npm run bench` makes this page.',
    ...sections.flatMap(({ title, words, file, table }) => [
      `\n## ${title}\n`,
      `${words}\n`,
      `![${title}](${file})\n`,
      table,
    ]),
    ...(layers === null ? [] : layersOf(layers)),
    '\n## Targets\n',
    `${met} of ${judged.length} targets are met. "hawser" is \`pool.request\` where the row does not say more.\n`,
    mainTable(outcomes),
    '\n## All figures\n',
    contestantTable(outcomes),
    '',
  ].join('\n')
}

function layersOf(layers: LayerFigures): string[] {
  return [
    '\n## CPU of each layer, without a kernel\n',
    'The sockets answer from memory, so these figures do not contain the cost of the network. 50 requests are in flight at',
    'a time, and a response has 65 bytes if its row does not name another size. `npm run bench:layers` measures them.\n',
    `${conditions(layers)}\n`,
    layerTable(layers),
  ]
}
