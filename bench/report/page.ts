import type { Figures } from '../figures.ts'
import { formatDuration } from '../format.ts'
import type { LayerFigures } from '../layers/figures.ts'
import { conditions, layerTable } from '../layers/table.ts'
import { contestantTable, setupLines, targetTable } from '../tables.ts'
import { verdictsOf } from '../verdicts.ts'
import type { Section } from './sections.ts'

/**
 * Formats the report as Markdown. It refers to charts in the same folder.
 *
 * @param layers figures of bench:layers; null omits their section
 */
export function pageOf(
  figures: Figures,
  sections: readonly Section[],
  layers: LayerFigures | null = null,
): string {
  const { machine, pace, seconds, outcomes } = figures
  const verdicts = outcomes.flatMap(verdictsOf)
  const metCount = verdicts.filter(({ met }) => met).length
  return [
    `# Hawser benchmark, ${machine.date} UTC`,
    '',
    ...setupLines(machine, pace),
    `- duration: ${formatDuration(seconds)}; \`figures.jsonl\` contains every sample`,
    '',
    'Figures are medians of the rounds, with the lowest and the highest in brackets. Ratios are computed within each',
    'round, so a median ratio can differ from the ratio of two medians. `npm run bench` creates this page.',
    ...sections.flatMap(({ title, description, file, table }) => [
      `\n## ${title}\n`,
      `${description}\n`,
      `![${title}](${file})\n`,
      table,
    ]),
    ...(layers === null ? [] : layerSection(layers)),
    '\n## Targets\n',
    `${metCount} of ${verdicts.length} targets are met. The column "Hawser" shows \`pool.request\`, unless the row names another call.\n`,
    targetTable(outcomes),
    '\n## All figures\n',
    contestantTable(outcomes),
    '',
  ].join('\n')
}

function layerSection(layers: LayerFigures): string[] {
  return [
    '\n## CPU of each layer, without a kernel\n',
    'The sockets answer from memory, so these figures do not contain the cost of the network. 50 requests are in flight at',
    'a time. Responses have 65 bytes, unless the row names another size. `npm run bench:layers` measures these figures.\n',
    `${conditions(layers)}\n`,
    layerTable(layers),
  ]
}
