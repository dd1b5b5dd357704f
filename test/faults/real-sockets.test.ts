// Injects faults at a few bytes of each route. `npm run test:faults` tries more bytes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realRoutes } from './real-routes.ts'
import { tryRoute } from './real-sockets.ts'

for (const route of realRoutes) {
  test(`real sockets, ${route.name}`, async () => {
    const { failures } = await tryRoute(route, 2)
    assert.deepEqual(failures, [])
  })
}
