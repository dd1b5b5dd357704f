// A call that is refused before it begins: what it was given to send is closed all the same.
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import type { RequestOptions } from '../../src/index.ts'
import * as hawser from '../../src/index.ts'
import { openClient, settle } from './clients.ts'

const URL_OF = 'http://h.test/'
const options = (value: object) => value as unknown as RequestOptions

describe('closed, and its failure ends no process, when refused for', () => {
  const cases: [name: string, url: string, options: (stream: Readable) => object][] = [
    ['the URL', 'http://[', (content) => ({ content })],
    ['a header', URL_OF, (content) => ({ content, headers: { 'a b': 'c' } })],
    ['the timeout', URL_OF, (content) => ({ content, timeout: -1 })],
    ['an unknown option', URL_OF, (content) => ({ content, foo: 1 })],
    ['an option of the client', URL_OF, (content) => ({ content, verify: false })],
    ['two bodies', URL_OF, (content) => ({ content, json: 1 })],
    ['onUploadProgress', URL_OF, (content) => ({ content, onUploadProgress: 7 })],
    ['a file behind it', URL_OF, (a) => ({ files: { a, b: 5 } })],
    ['a file before it', URL_OF, (b) => ({ files: { a: 5, b } })],
    ['a tuple', URL_OF, (b) => ({ files: { b: ['name', b, 7] } })],
    ['a file in a list', URL_OF, (a) => ({ files: { a: [['x', a], 5] } })],
    ['a content type', URL_OF, (a) => ({ files: { a: ['name', a, 'a\nb'] } })],
    ['files in pairs', URL_OF, (a) => ({ files: [['a', a], 5] })],
    [
      'files of a generator',
      URL_OF,
      (a) => ({ files: [...[['a', a] as const, ['b', 5] as const]].values() }),
    ],
    ['a stream in the place of files', URL_OF, (files) => ({ files })],
    ['a file in data', URL_OF, (a) => ({ data: { a } })],
  ]
  for (const [name, url, given] of cases) {
    test(name, async (t) => {
      for (const make of [() => createReadStream('/nope/nope'), () => new Readable()]) {
        const [ofClient, ofModule, built] = [make(), make(), make()]
        const client = openClient(t)
        await assert.rejects(client.post(url, options(given(ofClient))))
        await assert.rejects(hawser.post(url, options({ ...given(ofModule), trustEnv: 7 })))
        assert.throws(() => client.buildRequest('POST', url, options(given(built))))
        for (const stream of [ofClient, ofModule, built]) assert.equal(stream.destroyed, true)
      }
      await settle() // the file that is not there has been looked for
    })
  }

  test('an option of send', async (t) => {
    const content = createReadStream('/nope/nope')
    const client = openClient(t)
    const request = client.buildRequest('POST', URL_OF, { content })
    await assert.rejects(client.send(request, options({ foo: 1 })), TypeError)
    assert.equal(content.destroyed, true)
  })
})

test('options that are none are refused for that', async (t) => {
  const client = openClient(t)
  for (const none of [null, 7]) {
    await assert.rejects(client.get(URL_OF, none as unknown as RequestOptions), TypeError)
  }
})
