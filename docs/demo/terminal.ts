import { styleText } from 'node:util'

const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR

type Style = Parameters<typeof styleText>[0]

/** Colours text for a terminal. Without a terminal, and with NO_COLOR, it returns the text. */
export function styled(style: Style, text: string): string {
  return coloured ? styleText(style, text) : text
}

export function printLine(text = ''): void {
  console.log(text)
}

/** Prints a line of a result. */
export function printResult(text: string): void {
  printLine(`    ${text}`)
}

/** Prints an event that happens during a step. */
export function printEvent(text: string): void {
  printLine(styled('gray', `    · ${text}`))
}

let sectionCount = 0

/** Prints a numbered heading and an explanation. */
export function printSection(title: string, ...explanation: string[]): void {
  sectionCount++
  printLine()
  printLine(styled(['bold', 'cyan'], `${sectionCount}. ${title}`))
  for (const line of explanation) printLine(styled('gray', `   ${line}`))
}

/** Prints the source of `action`, runs it, and prints its result. */
export async function showStep<T>(
  action: () => T | Promise<T>,
  describe: (result: T) => string,
): Promise<void> {
  printSource(action)
  printResult(styled('green', describe(await action())))
}

/** Prints the source of `action`, which must fail, runs it, and prints the error. */
export async function showFailingStep(
  action: () => Promise<unknown>,
  describe: (error: Error & { code?: unknown }) => string = (error) => error.message,
): Promise<void> {
  printSource(action)
  let error: unknown
  try {
    await action()
  } catch (thrown) {
    error = thrown
  }
  if (!(error instanceof Error)) throw new Error(`Expected this to fail: ${action}`)
  printResult(`${styled('yellow', error.name)}: ${describe(error)}`)
}

/**
 * Prints the source of the compiled function, without the semicolons and indentation of the
 * compiler.
 */
function printSource(action: () => unknown): void {
  const source = String(action).replace(/^(async )?\(\) =>\s*/, '')
  const lines = source.replace(/;$/gm, '').split('\n')
  const indents = lines.slice(1).map((line) => /^ */.exec(line)![0].length)
  const outer = Math.min(...indents)
  const [first, ...rest] = lines.map((line, i) => {
    const indent = i === 0 ? 0 : (indents[i - 1]! - outer) / 2
    return ' '.repeat(indent) + line.trimStart()
  })
  printLine()
  printLine(`  ${styled('cyan', '>')} ${first}`)
  for (const line of rest) printLine(`    ${line}`)
}

/** Formats rows as lines with aligned columns. Columns from `firstNumber` on are right-aligned. */
export function formatTable(
  rows: readonly (readonly string[])[],
  firstNumber = Infinity,
): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const cell = (text: string, column: number) =>
    column < firstNumber ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
  return rows.map((row) => row.map(cell).join('   ').trimEnd())
}
