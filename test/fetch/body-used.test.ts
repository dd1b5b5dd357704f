// `bodyUsed` does not rely on the runtime to tell whether a stream was read.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, mock, test } from 'node:test'
import { createFetch } from '../../src/fetch/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'

async function respond() {
  const backend = new ScriptedBackend()
  const fetch = createFetch({ trustEnv: false, backend })
  const response = fetch('http://h.test/')
  await settle()
  backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  return response
}

const reads: Record<string, (response: Response) => unknown> = {
  'text()': (response) => response.text(),
  'blob()': (response) => response.blob(),
  'reading one chunk': (response) => response.body?.getReader().read(),
  'an iterator': async (response) => {
    for await (const _ of response.body as AsyncIterable<Uint8Array>);
  },
  'cancel()': (response) => response.body?.cancel(),
}

describe('94 bodyUsed', () => {
  for (const [name, read] of Object.entries(reads)) {
    test(`is true after ${name}`, async () => {
      const response = await respond()
      assert.equal(response.bodyUsed, false)
      await read(response)
      assert.equal(response.bodyUsed, true)
    })

    for (const [kind, usesClone] of [
      ['the response', false],
      ['its clone', true],
    ] as const) {
      test(`is true after clone() and ${name} of ${kind}, and false of the other`, async (t) => {
        // The stream of Deno does not tell it.
        const disturbed = mock.method(Readable, 'isDisturbed', () => false)
        t.after(() => disturbed.mock.restore())
        const response = await respond()
        const clone = response.clone()
        const [used, unused] = usesClone ? [clone, response] : [response, clone]
        assert.ok(used.body && unused.body)
        assert.deepEqual([used.bodyUsed, unused.bodyUsed], [false, false])
        const done = read(used)
        if (name !== 'cancel()') await done
        await settle()
        assert.deepEqual([used.bodyUsed, unused.bodyUsed], [true, false])
        assert.equal(await unused.text(), 'ok')
        assert.equal(unused.bodyUsed, true)
        await done
      })
    }
  }

  test('a clone of a clone is separate', async () => {
    const response = await respond()
    const clone = response.clone()
    const third = clone.clone()
    assert.equal(await clone.text(), 'ok')
    assert.deepEqual([response.bodyUsed, clone.bodyUsed, third.bodyUsed], [false, true, false])
    assert.equal(await third.text(), 'ok')
    assert.equal(await response.text(), 'ok')
  })
})
