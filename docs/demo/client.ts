import { inspect } from 'node:util'
import type { RequestError } from '../../src/index.ts'
import { Client } from '../../src/index.ts'
import type { Servers } from './servers.ts'
import { failingStep, section, step } from './terminal.ts'

export async function showClient({ http, nobody }: Servers): Promise<void> {
  section(
    'The client',
    'A client has a pool of connections. Its verbs resolve when the body has been read.',
  )
  const client = new Client({ timeout: 2000, headers: { 'user-agent': 'hawser-demo' } })

  await step(
    () => client.get(`${http}/hello`),
    (r) => `${inspect(r)} ${r.text()}`,
  )
  await step(
    () => client.post(`${http}/echo`, { json: { knots: 12 } }),
    (r) => `${inspect(r)} ${r.text()}`,
  )

  section('When something goes wrong', 'An error says what failed, where, and after how long.')

  await failingStep(async () => (await client.get(`${http}/nowhere`)).raiseForStatus())
  await failingStep(
    () => client.get(`${http}/slow`, { timeout: { read: 200 } }),
    (error) => {
      const { code, phase, bytesSent, responseStarted, safeToRetry } = error as RequestError
      const facts = { code, phase, bytesSent, responseStarted, safeToRetry }
      return `${error.message}\n    ${inspect(facts, { breakLength: Infinity })}`
    },
  )
  await failingStep(() => client.get(nobody))
  await failingStep(
    () => client.get(`${http}/hello`, { headers: { cookie: 'a=b\r\nhost: evil' } }),
    (error) => `${error.message}. Bytes sent: ${(error as RequestError).bytesSent}.`,
  )
  await client.close()
}
