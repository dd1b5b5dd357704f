import assert from 'node:assert/strict'
import fc from 'fast-check'
import { HawserError } from '../../../src/index.ts'
import { reply, Web } from '../../client/scripted-web.ts'
import { latin1Text, textOfWords } from '../hostile-text.ts'
import { target } from '../target.ts'

const ORIGINS = ['http://a.test', 'https://a.test', 'http://a.test:81', 'https://b.test'] as const
const STATUSES = [301, 302, 303, 307, 308] as const

const location = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ORIGINS, '/x', '?q', '#f', '//b.test/y') },
  {
    weight: 1,
    arbitrary: textOfWords([
      'http:',
      'https:',
      '//',
      'a.test',
      'u:p@',
      '/',
      '\\',
      '@',
      ':81',
      '..',
      '#',
      '[',
    ]),
  },
  { weight: 1, arbitrary: latin1Text },
)
const SECRETS = ['authorization', 'cookie'] as const

/** Secrets are sent only to the origins that they were given for, wherever redirects lead. */
export const redirects = target({
  name: 'redirects',
  inputs: fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
    secret: fc.constantFrom(...SECRETS, 'auth'),
    hops: fc.array(fc.record({ status: fc.constantFrom(...STATUSES), location }), { maxLength: 5 }),
  }),
  async check({ method, secret, hops }) {
    const start = ORIGINS[0]
    const web = new Web((_, count) => {
      const hop = hops[count - 1]
      // A line break would end the field.
      const field = hop && `Location: ${hop.location.replaceAll(/[\r\n\0]/g, '')}`
      return hop ? reply(hop.status, [field!]) : reply(200)
    })
    const client = web.client()
    const body = method === 'POST' || method === 'PUT' ? { content: 'content' } : {}
    const given =
      secret === 'auth' ? { auth: ['u', 'p'] as const } : { headers: { [secret]: 'secret' } }
    try {
      const response = await web.during(client.request(method, start, { ...body, ...given }))
      assert.ok(['http:', 'https:'].includes(response.url.protocol))
      assert.equal(response.url.username, '')
    } catch (error) {
      assert.ok(error instanceof HawserError, String(error))
    } finally {
      await client.close()
    }
    const name = secret === 'auth' ? 'authorization' : secret
    let isAllowed = true
    let hadContent = true
    for (const [i, sent] of web.sent.entries()) {
      const before = web.sent[i - 1]
      if (before !== undefined) {
        isAllowed &&= isSafe(before.origin, sent.origin)
        const status = hops[i - 1]!.status
        hadContent &&= keepsMethod(before.method, status)
        const becomesGet = before.method !== 'HEAD' && !keepsMethod(before.method, status)
        assert.equal(sent.method, becomesGet ? 'GET' : before.method)
      }
      assert.equal(sent.headers.has(name), isAllowed, `${name} to ${sent.origin}, request ${i + 1}`)
      assert.equal(sent.content, hadContent ? (body.content ?? '') : '')
    }
  },
})

function keepsMethod(method: string, status: (typeof STATUSES)[number]): boolean {
  if (status === 303) return false
  return status > 303 || method !== 'POST'
}

/** Whether both are the same origin, or the redirect is from http to https on the default ports. */
function isSafe(from: string, to: string): boolean {
  return from === to || (from.replace(/^http:/, 'https:') === to && !/:\d+$/.test(from))
}
