import type { TestContext } from 'node:test'

/** All that a client asks the environment for, besides .netrc. */
const ASKED =
  /^(https?_proxy|all_proxy|no_proxy|request_method|ssl_cert_(file|dir)|sslkeylogfile)$/i

const original = { ...process.env }

/** Until the test ends, the environment says this of proxies and certificates, and nothing else. */
export function setEnvironment(
  t: Pick<TestContext, 'after'>,
  variables: Readonly<Record<string, string>>,
): void {
  replace(variables)
  t.after(() => replace(original))
}

function replace(variables: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (ASKED.test(name)) delete process.env[name]
  for (const [name, value] of Object.entries(variables)) {
    if (ASKED.test(name)) process.env[name] = value
  }
}
