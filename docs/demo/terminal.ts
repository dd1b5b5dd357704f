import { styleText } from 'node:util'

const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR

type Style = Parameters<typeof styleText>[0]

export function styled(style: Style, text: string): string {
  return coloured ? styleText(style, text) : text
}

export function say(text = ''): void {
  console.log(text)
}

/** A result, or a part of one. */
export function tell(text: string): void {
  say(`    ${text}`)
}

/** What happens meanwhile. */
export function note(text: string): void {
  say(styled('gray', `    · ${text}`))
}

let sections = 0

export function section(title: string, ...explanation: string[]): void {
  sections++
  say()
  say(styled(['bold', 'cyan'], `${sections}. ${title}`))
  for (const line of explanation) say(styled('gray', `   ${line}`))
}

/** Shows the source of `action`, runs it, and tells what came of it. */
export async function step<T>(
  action: () => T | Promise<T>,
  describe: (result: T) => string,
): Promise<void> {
  showSource(action)
  tell(styled('green', describe(await action())))
}

/** Shows the source of `action`, which has to fail, and tells how it did. */
export async function failingStep(
  action: () => Promise<unknown>,
  describe: (error: Error & { code?: unknown }) => string = (error) => error.message,
): Promise<void> {
  showSource(action)
  let error: unknown
  try {
    await action()
  } catch (thrown) {
    error = thrown
  }
  if (!(error instanceof Error)) throw new Error(`This was expected to fail: ${action}`)
  tell(`${styled('yellow', error.name)}: ${describe(error)}`)
}

/** What is shown is what runs: the compiled function itself, without what TypeScript's printer adds. */
function showSource(action: () => unknown): void {
  const source = String(action).replace(/^(async )?\(\) =>\s*/, '')
  const lines = source.replace(/;$/gm, '').split('\n')
  const indents = lines.slice(1).map((line) => /^ */.exec(line)![0].length)
  const outer = Math.min(...indents)
  const [first, ...rest] = lines.map((line, i) => {
    const indent = i === 0 ? 0 : (indents[i - 1]! - outer) / 2
    return ' '.repeat(indent) + line.trimStart()
  })
  say()
  say(`  ${styled('cyan', '>')} ${first}`)
  for (const line of rest) say(`    ${line}`)
}

/** Lines of columns that stand below each other; those from `numbers` on are set to the right. */
export function table(rows: readonly (readonly string[])[], numbers = Infinity): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const cell = (text: string, column: number) =>
    column < numbers ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
  return rows.map((row) => row.map(cell).join('   ').trimEnd())
}
