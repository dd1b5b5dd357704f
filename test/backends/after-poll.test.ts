import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { addressOf } from './local-link.ts'
import { Recorder } from './recorder.ts'
import { socketBackends } from './socket-backends.ts'

for (const backend of socketBackends) {
  test(`40 ${backend.name}: the end behind a response is seen before afterPoll calls back`, async (t) => {
    const accepted: Socket[] = []
    const server = createServer((socket) => {
      accepted.push(socket)
      socket.on('error', () => {}).write('response')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      for (const socket of accepted) socket.destroy()
      server.close()
    })
    for (let i = 0; i < 20; i++) {
      const recorder = new Recorder()
      const polled = new Promise<readonly string[]>((resolve) => {
        recorder.on = (event) => {
          if (recorder.text !== 'response' || event === 'end') return
          recorder.on = () => {}
          accepted.at(-1)?.destroy() // sends FIN while the read is being delivered
          backend.clock.afterPoll(
            () => resolve([...recorder.events]),
            () => {},
          )
        }
      })
      const socket = recorder.listen((handler) => backend.connect(addressOf(server), handler))
      const events = await polled
      socket.destroy()
      assert.equal(events.at(-1), 'end', `attempt ${i}`)
      await recorder.untilEvent('close')
    }
  })
}

for (const { name, clock } of socketBackends) {
  test(`${name}: afterPoll calls back once, after the poll has begun, and later than it returns`, async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      clock.afterPoll(
        () => {
          order.push('end')
          resolve()
        },
        () => order.push('begin'),
      )
      order.push('returned')
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(
      order.filter((what) => what !== 'returned'),
      ['begin', 'end'],
    )
    assert.ok(order.indexOf('returned') < order.indexOf('end'))
  })
}
