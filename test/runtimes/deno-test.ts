// Takes the place of `node:test` on Deno (deno-imports.json): the same, but a test that does not
// end fails, which there it would never do.
import * as real from 'node:test'

type Body = (context: real.TestContext) => unknown

const LIMIT = 10_000

/** Deno also calls what `t.after` was given after the whole suite, and not after the test. */
function limited(body: Body): (context: real.TestContext) => Promise<void> {
  return async (context) => {
    const after: (() => unknown)[] = []
    Reflect.set(context, 'after', (call: () => unknown) => void after.push(call))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${LIMIT} ms`)), LIMIT)
    })
    try {
      await Promise.race([body(context), late])
    } finally {
      clearTimeout(timer)
      for (const call of after) await call()
    }
  }
}

/** What does not end on Deno (`known.ts`): patterns of whole names. */
const skipped = (JSON.parse(process.env.HAWSER_SKIP ?? '[]') as string[]).map((p) => new RegExp(p))
const suites: string[] = []

export function describe(name: string, define: () => void): void {
  void real.describe(name, () => {
    suites.push(name)
    define()
    suites.pop()
  })
}

export function test(name: string, ...rest: [Body] | [real.TestOptions, Body]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest
  const fullName = [...suites, name].join(' > ')
  const skip = options.skip || skipped.some((pattern) => pattern.test(fullName))
  void real.test(name, { ...options, skip }, limited(body))
}

export const { after, afterEach, before, beforeEach, mock } = real
