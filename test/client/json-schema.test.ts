// The option `schema` of json() and iterJSON().
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Response, StandardSchema } from '../../src/index.ts'
import { DecodingError, ResponseNotRead } from '../../src/index.ts'
import { states } from './clients.ts'
import { gather, openStream, URL } from './record-streams.ts'
import { reply, Web } from './scripted-web.ts'

type Result = Awaited<ReturnType<StandardSchema<number>['~standard']['validate']>>

function schemaOf<Output>(
  validate: StandardSchema<Output>['~standard']['validate'],
): StandardSchema<Output> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

/** Converts text to a number. */
const toNumber = schemaOf<number>((value): Result => {
  const issues: { message: string; path?: (PropertyKey | { key: PropertyKey })[] }[] = []
  if (typeof value !== 'string') issues.push({ message: 'Expected text' })
  else if (value === '')
    issues.push({ message: 'Empty', path: ['list', { key: 3 }, 'name'] }, { message: 'Again' })
  return issues.length > 0 ? { issues } : { value: Number(value) }
})

async function read(body: string): Promise<Response> {
  const web = new Web(() => reply(200, [], body))
  const client = web.client()
  const response = await web.during(client.get(URL))
  await client.close()
  return response
}

describe('json({ schema })', () => {
  test('returns the value that the schema returns', async () => {
    const value: number = (await read('"7"')).json({ schema: toNumber })
    assert.equal(value, 7)
  })

  test('accepts a schema that is a function, and an undefined one', async () => {
    const schema: StandardSchema<number> = Object.assign(() => {}, toNumber)
    const response = await read('"7"')
    assert.equal(response.json({ schema }), 7)
    assert.equal(response.json({ schema: undefined }), '7')
    assert.equal(response.json({}), '7')
  })

  test('a mismatch is a DecodingError with the issues', async () => {
    const response = await read('7')
    assert.throws(
      () => response.json({ schema: toNumber }),
      (error) => {
        assert.ok(error instanceof DecodingError)
        assert.equal(
          error.message,
          `The JSON of the response does not match the schema: Expected text (GET ${URL})`,
        )
        assert.deepEqual(error.issues, [{ message: 'Expected text' }])
        assert.equal(error.request, response.request)
        return true
      },
    )
    assert.equal(response.json(), 7)
  })

  test('the message shows the path of the first issue', async () => {
    const response = await read('""')
    assert.throws(() => response.json({ schema: toNumber }), {
      message: `The JSON of the response does not match the schema: list.3.name: Empty (and 1 more) (GET ${URL})`,
    })
  })

  test('issues without an entry are a mismatch, too', async () => {
    const response = await read('1')
    const schema = schemaOf(() => ({ issues: [] }))
    assert.throws(() => response.json({ schema }), DecodingError)
  })

  test('an asynchronous schema is a TypeError, whatever becomes of its promise', async () => {
    const response = await read('1')
    for (const pending of [
      async () => ({ value: 1 }),
      async () => {
        throw new Error('rejected later')
      },
    ]) {
      assert.throws(() => response.json({ schema: schemaOf<number>(pending) }), {
        name: 'TypeError',
        message: 'schema must be synchronous: its validate() returned a promise',
      })
    }
  })

  test('an error that the schema throws is passed on', async () => {
    const thrown = new Error('from the schema')
    const schema = schemaOf((): Result => {
      throw thrown
    })
    const response = await read('1')
    assert.throws(
      () => response.json({ schema }),
      (error) => error === thrown,
    )
  })

  test('what is no Standard Schema is a TypeError', async () => {
    const response = await read('1')
    for (const schema of [null, {}, 'text', { '~standard': { version: 2 } }]) {
      assert.throws(() => response.json({ schema: schema as never }), {
        name: 'TypeError',
        message: 'schema must be a Standard Schema, such as those of Zod, Valibot and ArkType',
      })
    }
    assert.throws(() => response.json({ scheme: toNumber } as never), {
      message: 'json.scheme is not an option; the options are schema',
    })
  })

  test('a body that is not JSON is a SyntaxError, one that was not read is ResponseNotRead', async (t) => {
    const response = await read('{')
    assert.throws(() => response.json({ schema: toNumber }), SyntaxError)
    const streamed = await openStream(t, null)
    assert.throws(() => streamed.response.json({ schema: toNumber }), ResponseNotRead)
  })
})

describe('iterJSON({ schema })', () => {
  test('yields the values that the schema returns; a mismatch has the index of its record', async (t) => {
    const { response, socket, client } = await openStream(t, null)
    socket.receive('"1"\n"2"\n3\n"4"\n')
    const { items, error } = await gather(response.iterJSON({ schema: toNumber }))
    const numbers: number[] = items
    assert.deepEqual(numbers, [1, 2])
    assert.ok(error instanceof DecodingError)
    assert.equal(
      error.message,
      `The record at index 2 does not match the schema: Expected text (GET ${URL})`,
    )
    assert.deepEqual(error.issues, [{ message: 'Expected text' }])
    assert.equal(states(client), '0 active, 0 idle')
  })

  test('an asynchronous schema is a TypeError, and closes the response', async (t) => {
    const { response, socket, client } = await openStream(t, null)
    socket.receive('1\n')
    const schema = schemaOf(async () => ({ value: 1 }))
    await assert.rejects(response.iterJSON({ schema }).next(), TypeError)
    assert.equal(states(client), '0 active, 0 idle')
  })
})
