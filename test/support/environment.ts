import type { TestContext } from 'node:test'

/** The environment variables that a client reads, except for .netrc. */
const READ_BY_CLIENT =
  /^(https?_proxy|all_proxy|no_proxy|request_method|ssl_cert_(file|dir)|sslkeylogfile)$/i

const original = { ...process.env }

/** Replaces the variables for proxies and certificates until the test ends. */
export function setEnvironment(
  t: Pick<TestContext, 'after'>,
  variables: Readonly<Record<string, string>>,
): void {
  replace(variables)
  t.after(() => replace(original))
}

function replace(variables: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env))
    if (READ_BY_CLIENT.test(name)) delete process.env[name]
  for (const [name, value] of Object.entries(variables)) {
    if (READ_BY_CLIENT.test(name)) process.env[name] = value
  }
}
