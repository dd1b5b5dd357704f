export interface TestResult {
  /** The full name: `suite > test`. */
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** The reason of a failure. */
  readonly message: string
}

const TAG = /<(\/?)(testsuite|testcase|failure|error|skipped)((?:\s+[\w-]+="[^"]*")*)\s*(\/?)>/g

/**
 * Reads the tests of a JUnit report that Node, Bun or Deno has written. Node nests suites. Bun
 * nests them in a suite for the file. Deno writes full names, and lists each suite as a test, too.
 */
export function readReport(xml: string, writer: 'node' | 'bun' | 'deno'): TestResult[] {
  const suites: string[] = []
  const results: TestResult[] = []
  let open: { -readonly [key in keyof TestResult]: TestResult[key] } | null = null
  for (const [, closing, tag, text, empty] of xml.matchAll(TAG)) {
    if (tag === 'testsuite') {
      if (closing) suites.pop()
      else if (!empty) suites.push(attribute(text!, 'name'))
    } else if (tag === 'testcase') {
      if (closing) {
        open = null
        continue
      }
      const within = writer === 'node' ? suites : writer === 'bun' ? suites.slice(1) : []
      const name = [...within, attribute(text!, 'name')].join(' > ')
      open = { name, outcome: 'passed', message: '' }
      results.push(open)
      if (empty) open = null
    } else if (open !== null && !closing) {
      open.outcome = tag === 'skipped' ? 'skipped' : 'failed'
      open.message = attribute(text!, 'message')
    }
  }
  if (writer !== 'deno') return results
  return results.filter(({ name }) => !results.some((other) => other.name.startsWith(`${name} > `)))
}

function attribute(text: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? ''
  return value
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&#10;', '\n')
    .replaceAll('&amp;', '&')
}
