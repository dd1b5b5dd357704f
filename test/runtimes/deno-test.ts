// Replaces `node:test` on Deno (see deno-imports.json), where a test that does not end would never
// fail. Here it fails after a time limit.
import * as real from 'node:test'

type Body = (context: real.TestContext) => unknown

/** In ms. */
const TEST_LIMIT = 10_000

/**
 * Adds the time limit. Also calls `t.after` functions after the test: Deno does so only after the
 * suite.
 */
function limited(body: Body): (context: real.TestContext) => Promise<void> {
  return async (context) => {
    const after: (() => unknown)[] = []
    Reflect.set(context, 'after', (call: () => unknown) => void after.push(call))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${TEST_LIMIT} ms`)), TEST_LIMIT)
    })
    try {
      await Promise.race([body(context), late])
    } finally {
      clearTimeout(timer)
      for (const call of after) await call()
    }
  }
}

/** The known failures that hang (`known.ts`), as patterns of full test names. */
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
