import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Client, InvalidURL, UnsupportedProtocol } from '../../../src/index.ts'
import { textOfWords } from '../hostile-text.ts'
import { target } from '../target.ts'

/** Any URL without a scheme stays on the origin of the base URL. */
export const baseUrl = target({
  name: 'base-url',
  inputs: fc.record({
    base: fc.constantFrom('http://h.test', 'http://h.test/api', 'http://h.test:81/api/?a=1'),
    url: textOfWords([
      '/',
      '//',
      '\\',
      'evil.test',
      '@',
      ':',
      '?',
      '#',
      '..',
      'http:',
      'u:p',
      ' ',
      '%2f',
    ]),
  }),
  async check({ base, url }) {
    const client = new Client({ trustEnv: false, baseUrl: base })
    const isAbsolute = /^[\0-\x20]*[a-z][a-z\d+.-]*:/i.test(url)
    try {
      const { url: built } = client.buildRequest('GET', url)
      const { origin } = new URL(base)
      if (!isAbsolute) {
        assert.equal(built.origin, origin)
        assert.equal(built.username, '')
      } else assert.ok(['http:', 'https:'].includes(built.protocol))
    } catch (error) {
      const isKnown = error instanceof InvalidURL || error instanceof UnsupportedProtocol
      assert.ok(isKnown, String(error))
      assert.ok(isAbsolute || /[\r\n\t\0]/.test(url), 'a relative URL is rejected')
    } finally {
      await client.close()
    }
  },
})
