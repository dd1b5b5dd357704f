import type { Figures } from '../figures.ts'
import { duration } from '../format.ts'
import { contestantTable, facts, mainTable } from '../tables.ts'
import { verdicts } from '../verdicts.ts'
import type { Section } from './sections.ts'

/** The report as Markdown. Its charts are files beside it. */
export function pageOf(figures: Figures, sections: readonly Section[]): string {
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
    '\n## Targets\n',
    `${met} of ${judged.length} targets are met. "hawser" is \`pool.request\` where the row does not say more.\n`,
    mainTable(outcomes),
    '\n## All figures\n',
    contestantTable(outcomes),
    '',
  ].join('\n')
}
