import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { Dispatcher } from '../../src/dispatch/dispatcher.ts'
import { MockDispatcher } from '../../src/dispatch/in-process/mock-dispatcher.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../../src/engine.ts'
import { ClientClosed, ReadTimeout } from '../../src/engine.ts'
import { deferred, ORIGIN } from './send-to-app.ts'

/** Every app answers with eight chunks. */
const CHUNK = 65_536
const CHUNKS = 8

const makers: Record<string, () => Dispatcher> = {
  'a listener': () =>
    new AppDispatcher({
      app: (_, response) => {
        for (let i = 0; i < CHUNKS; i++) response.write(Buffer.alloc(CHUNK, i))
        response.end()
      },
    }),
  'a fetch app': () =>
    new AppDispatcher({
      app: (_: Request) => {
        let i = 0
        const body = new ReadableStream({
          pull: (to) => (i < CHUNKS ? to.enqueue(Buffer.alloc(CHUNK, i++)) : to.close()),
        })
        return new Response(body)
      },
    }),
  'a mock': () =>
    new MockDispatcher(() => ({
      content: Array.from({ length: CHUNKS }, (_, i) => Buffer.alloc(CHUNK, i)),
    })),
}

/** Records the events, and calls a function of the test in `onHead` and `onData`. */
class Recorder implements DispatchHandler {
  readonly events: string[] = []
  bytes = 0
  error: unknown
  control!: DispatchControl
  data: (chunk: Uint8Array) => boolean | undefined | void = () => {}
  head: () => void = () => {}
  readonly #ended = deferred()
  readonly ended = this.#ended.promise

  send(dispatcher: Dispatcher, request: Partial<DispatchRequest> = {}): this {
    this.control = dispatcher.dispatch({ origin: ORIGIN, path: '/', ...request }, this)
    this.events.push('returned')
    return this
  }

  onHead(): void {
    this.events.push('head')
    this.head()
  }

  onData(chunk: Uint8Array): boolean | undefined | void {
    this.bytes += chunk.length
    if (this.events.at(-1) !== 'data') this.events.push('data')
    return this.data(chunk)
  }

  onEnd(): void {
    this.#end('end')
  }

  onError(error: unknown): void {
    this.error = error
    this.#end('error')
  }

  #end(event: string): void {
    this.events.push(event)
    this.#ended.resolve()
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

for (const [name, make] of Object.entries(makers)) {
  describe(`dispatch to ${name}`, () => {
    test('head, data and end are delivered later, and once', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      const recorder = new Recorder().send(dispatcher)
      await recorder.ended
      recorder.control.abort()
      recorder.control.resume()
      await turns()
      assert.deepEqual(recorder.events, ['returned', 'head', 'data', 'end'])
      assert.equal(recorder.bytes, CHUNK * CHUNKS)
    })

    test('a pause lasts until resume, which delivers nothing itself', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      const recorder = new Recorder()
      recorder.data = () => false
      recorder.send(dispatcher)
      let seen = 0
      for (let i = 0; i < 200 && recorder.events.at(-1) !== 'end'; i++) {
        await turns()
        if (recorder.events.at(-1) === 'end') break
        assert.ok(recorder.bytes <= seen + CHUNK, 'more than one chunk arrived during a pause')
        seen = recorder.bytes
        recorder.control.resume()
        assert.equal(recorder.bytes, seen)
      }
      assert.equal(recorder.events.at(-1), 'end')
      assert.equal(recorder.bytes, CHUNK * CHUNKS)
    })

    test('resume inside onData overrides its result false', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      const recorder = new Recorder()
      recorder.data = () => {
        recorder.control.resume()
        return false
      }
      await recorder.send(dispatcher).ended
      assert.equal(recorder.bytes, CHUNK * CHUNKS)
    })

    const boom = new Error('boom')
    const interferences: [what: string, (recorder: Recorder) => void, error: unknown][] = [
      [
        'onHead throws',
        (recorder) => {
          recorder.head = () => {
            throw boom
          }
        },
        boom,
      ], // prettier-ignore
      [
        'onData throws',
        (recorder) => {
          recorder.data = () => {
            throw boom
          }
        },
        boom,
      ], // prettier-ignore
      [
        'abort in onHead',
        (recorder) => {
          recorder.head = () => recorder.control.abort(boom)
        },
        boom,
      ], // prettier-ignore
      [
        'abort in onData',
        (recorder) => {
          recorder.data = () => recorder.control.abort(boom)
        },
        boom,
      ], // prettier-ignore
    ]
    for (const [what, interfere, error] of interferences) {
      test(what, async (t) => {
        const dispatcher = make()
        t.after(() => dispatcher.close())
        const recorder = new Recorder()
        interfere(recorder)
        await recorder.send(dispatcher).ended
        await turns()
        assert.equal(recorder.error, error)
        assert.equal(recorder.events.filter((event) => event === 'error').length, 1)
        assert.equal(recorder.events.at(-1), 'error')
        assert.ok(recorder.bytes <= CHUNK)
      })
    }

    test('an immediate abort, and a signal that is already aborted', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      const recorder = new Recorder().send(dispatcher)
      recorder.control.abort()
      await recorder.ended
      assert.deepEqual(recorder.events, ['returned', 'error'])
      assert.equal((recorder.error as Error).name, 'AbortError')
      const signal = AbortSignal.abort(boom)
      const second = new Recorder().send(dispatcher, { signal })
      await second.ended
      assert.deepEqual(second.events, ['returned', 'error'])
      assert.equal(second.error, boom)
    })

    test('an invalid request is reported later', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      for (const request of [{ path: 'a b' }, { method: 'A B' }, { signal: 1 as never }]) {
        const recorder = new Recorder().send(dispatcher, request)
        await recorder.ended
        assert.deepEqual(recorder.events, ['returned', 'error'])
      }
    })

    test('a closed dispatcher refuses requests', async () => {
      const dispatcher = make()
      await dispatcher.close()
      const recorder = new Recorder().send(dispatcher)
      await recorder.ended
      assert.ok(recorder.error instanceof ClientClosed)
    })

    test('with copy, chunks can be kept', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      const recorder = new Recorder()
      const kept: Uint8Array[] = []
      recorder.data = (chunk) => void kept.push(chunk)
      await recorder.send(dispatcher, { copy: true }).ended
      const all = Buffer.concat(kept)
      for (let i = 0; i < CHUNKS; i++) assert.equal(all[i * CHUNK], i)
    })

    test('handlers run in the async context of the call', async (t) => {
      const dispatcher = make()
      t.after(() => dispatcher.close())
      const context = new AsyncLocalStorage<string>()
      const seen: unknown[] = []
      for (const store of ['a', 'b']) {
        const recorder = new Recorder()
        recorder.head = () => seen.push(context.getStore())
        context.run(store, () => recorder.send(dispatcher))
        await recorder.ended
      }
      assert.deepEqual(seen, ['a', 'b'])
    })
  })
}

/** Apps that read the whole content of a request before they answer. */
const readers: Record<string, () => Dispatcher> = {
  'a listener': () =>
    new AppDispatcher({
      app: (request, response) => {
        request.resume().on('end', () => response.end())
      },
    }),
  'a fetch app': () =>
    new AppDispatcher({
      app: async (request: Request) => new Response(await request.text()),
    }),
  'a mock': () => new MockDispatcher(() => ({})),
}

for (const [name, create] of Object.entries(readers)) {
  test(`84 ${name}: content that yields no data is a read timeout, as over a connection`, async () => {
    const dispatcher = create()
    let closed = false
    const body: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<string>>(() => {}),
        return: () => {
          closed = true
          return Promise.resolve({ value: undefined, done: true })
        },
      }),
    }
    const request = { method: 'POST', body, timeouts: { read: 20 } }
    const call = new Recorder().send(dispatcher, request)
    await call.ended
    assert.ok(call.error instanceof ReadTimeout, String(call.error))
    assert.match(
      call.error.message,
      /^No response received for 20 ms, and the request body yielded no data \(POST /,
    )
    assert.equal(closed, true)
    await dispatcher.close()
  })
}
