// Scenarios that libraries have in common. Each returns a `Scenario`.
import assert from 'node:assert/strict'
import type { Scenario, Served, World } from './library.ts'
import { abortOnArrival, afterReset, json, never, Parts, readParts } from './library.ts'

export const CONTENT = 'content of a file'

/** The library delivers each part of a body as it arrives. */
export function streamsBody(
  open: (world: World, url: string) => Promise<ReadableStream<Uint8Array> | null>,
): Scenario {
  return async (world) => {
    const parts = new Parts('text/plain', ['one ', 'two ', 'three'])
    const { origin } = await world.serve(parts.answer)
    const body = await open(world, `${origin}/`)
    const chunks = await readParts(body as AsyncIterable<Uint8Array>, parts)
    assert.equal(Buffer.concat(chunks).toString(), 'one two three')
    assert.equal(chunks.length, 3)
  }
}

/**
 * The library repeats a request whose connection was closed without a response: it recognises the
 * network error.
 *
 * @param value the JSON of the second response
 */
export function retries(
  call: (world: World, url: string, served: Served) => Promise<unknown>,
  value: unknown = { ok: true },
): Scenario {
  return async (world) => {
    const served = await world.serve(afterReset((response) => json(response, value)))
    await call(world, `${served.origin}/`, served)
    assert.equal(served.received.length, 2)
  }
}

/** The library repeats a request after a 503, because it does not repeat it after other errors. */
export function retriesUnavailable(
  call: (world: World, url: string) => Promise<unknown>,
  value: unknown = { ok: true },
): Scenario {
  const unavailable = { object: 'error', status: 503, code: 'service_unavailable', message: '' }
  return async (world) => {
    const served = await world.serve((response, _, count) => {
      if (count === 1) response.setHeader('retry-after', '0')
      if (count === 1) json(response, unavailable, 503)
      else json(response, value)
    })
    await call(world, `${served.origin}/`)
    assert.equal(served.received.length, 2)
  }
}

/** The library passes an abort on: the call fails, and its connection is closed. */
export function aborts(
  call: (world: World, url: string, signal: AbortSignal) => Promise<unknown>,
): Scenario {
  return async (world) => {
    const served = await world.serve(never)
    await abortOnArrival(served, (signal) => call(world, `${served.origin}/`, signal))
  }
}

/**
 * The library sends a file: as multipart/form-data, or as it is.
 *
 * @param value the JSON of the response
 */
export function uploads(
  call: (world: World, url: string, served: Served) => Promise<unknown>,
  value: unknown = { ok: true },
): Scenario {
  return async (world) => {
    const served = await world.serve(async (response, { body }) => {
      await body
      json(response, value)
    })
    await call(world, `${served.origin}/`, served)
    const sent = await Promise.all(served.received.map(({ body }) => body))
    assert.ok(
      sent.some((body) => body.includes(CONTENT)),
      'the server did not receive the file',
    )
  }
}

/** A form with a file. */
export function form(): FormData {
  const data = new FormData()
  data.append('field', 'value')
  data.append('file', new Blob([CONTENT], { type: 'text/plain' }), 'file.txt')
  return data
}

/** The content as a stream of bytes. */
export function byteStream(): ReadableStream<Uint8Array> {
  return new Blob([CONTENT]).stream() as ReadableStream<Uint8Array>
}

/** The parts of a stream of server-sent events. */
export function events(...data: readonly unknown[]): string[] {
  return data.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`)
}
