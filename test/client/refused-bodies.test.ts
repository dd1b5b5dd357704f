// The body of a call that is refused before it starts is closed.
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import type { RequestOptions } from '../../src/index.ts'
import * as hawser from '../../src/index.ts'
import { openClient, settle } from './clients.ts'

const TARGET = 'http://h.test/'
const options = (value: object) => value as unknown as RequestOptions

describe('the body is closed, and its later error is handled, if the call is refused for', () => {
  const cases: [name: string, url: string, options: (stream: Readable) => object][] = [
    ['the URL', 'http://[', (content) => ({ content })],
    ['a header', TARGET, (content) => ({ content, headers: { 'a b': 'c' } })],
    ['the timeout', TARGET, (content) => ({ content, timeout: -1 })],
    ['an unknown option', TARGET, (content) => ({ content, foo: 1 })],
    ['an option of the client', TARGET, (content) => ({ content, verify: false })],
    ['two bodies', TARGET, (content) => ({ content, json: 1 })],
    ['onUploadProgress', TARGET, (content) => ({ content, onUploadProgress: 7 })],
    ['a file after it', TARGET, (a) => ({ files: { a, b: 5 } })],
    ['a file before it', TARGET, (b) => ({ files: { a: 5, b } })],
    ['a tuple', TARGET, (b) => ({ files: { b: ['name', b, 7] } })],
    ['a file in a list', TARGET, (a) => ({ files: { a: [['x', a], 5] } })],
    ['a content type', TARGET, (a) => ({ files: { a: ['name', a, 'a\nb'] } })],
    ['files in pairs', TARGET, (a) => ({ files: [['a', a], 5] })],
    [
      'files in an iterator',
      TARGET,
      (a) => ({ files: [...[['a', a] as const, ['b', 5] as const]].values() }),
    ],
    ['a stream as files', TARGET, (files) => ({ files })],
    ['a file in data', TARGET, (a) => ({ data: { a } })],
  ]
  for (const [name, url, given] of cases) {
    test(name, async (t) => {
      for (const make of [() => createReadStream('/nope/nope'), () => new Readable()]) {
        const [posted, postedByModule, built] = [make(), make(), make()]
        const client = openClient(t)
        await assert.rejects(client.post(url, options(given(posted))))
        await assert.rejects(hawser.post(url, options({ ...given(postedByModule), trustEnv: 7 })))
        assert.throws(() => client.buildRequest('POST', url, options(given(built))))
        for (const stream of [posted, postedByModule, built]) assert.equal(stream.destroyed, true)
      }
      await settle() // Opening the missing file has failed now.
    })
  }

  test('an option of send', async (t) => {
    const content = createReadStream('/nope/nope')
    const client = openClient(t)
    const request = client.buildRequest('POST', TARGET, { content })
    await assert.rejects(client.send(request, options({ foo: 1 })), TypeError)
    assert.equal(content.destroyed, true)
  })
})

test('options that are not an object are a TypeError', async (t) => {
  const client = openClient(t)
  for (const invalid of [null, 7]) {
    await assert.rejects(client.get(TARGET, invalid as unknown as RequestOptions), TypeError)
  }
})
