// Takes the place of `node:test` on Deno (deno-imports.json): the same, but a test that does not
// end fails, which there it would never do.
import * as real from 'node:test'

type Body = (context: real.TestContext) => unknown

const LIMIT = 10_000

function limited(body: Body): (context: real.TestContext) => Promise<void> {
  return async (context) => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${LIMIT} ms`)), LIMIT)
    })
    try {
      await Promise.race([body(context), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

export function test(name: string, ...rest: [Body] | [real.TestOptions, Body]): void {
  if (rest.length === 1) void real.test(name, limited(rest[0]))
  else void real.test(name, rest[0], limited(rest[1]))
}

export const { after, before, describe, mock } = real
