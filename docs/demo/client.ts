import { inspect } from 'node:util'
import type { RequestError } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import type { Servers } from './servers.ts'
import { printSection, showFailingStep, showStep } from './terminal.ts'

export async function showClient({ http, unreachable }: Servers): Promise<void> {
  printSection(
    'The client',
    'A client has a connection pool. Its methods resolve when the body has been read.',
  )
  const client = new Client({ timeout: 2000, headers: { 'user-agent': 'hawser-demo' } })

  await showStep(
    () => client.get(`${http}/hello`),
    (r) => `${inspect(r)} ${r.text()}`,
  )
  await showStep(
    () => client.post(`${http}/echo`, { json: { knots: 12 } }),
    (r) => `${inspect(r)} ${r.text()}`,
  )

  printSection('Errors', 'An error tells what failed, for which URL, and after how much time.')

  await showFailingStep(async () => (await client.get(`${http}/nowhere`)).raiseForStatus())
  await showFailingStep(
    () => client.get(`${http}/slow`, { timeout: { read: 200 } }),
    (error) => {
      const { code, phase, bytesSent, responseStarted, safeToRetry } = error as RequestError
      const facts = { code, phase, bytesSent, responseStarted, safeToRetry }
      return `${error.message}\n    ${inspect(facts, { breakLength: Infinity })}`
    },
  )
  await showFailingStep(() => client.get(unreachable))
  await showFailingStep(
    () => client.get(`${http}/hello`, { headers: { cookie: 'a=b\r\nhost: evil' } }),
    (error) => `${error.message}. Bytes sent: ${(error as RequestError).bytesSent}.`,
  )
  await client.close()
}
