// A part of it: `npm run test:faults` does it at more bytes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tryRoute } from './real.ts'
import { realRoutes } from './real-routes.ts'

for (const route of realRoutes) {
  test(`real sockets, ${route.name}`, async () => {
    const { lost } = await tryRoute(route, 2)
    assert.deepEqual(lost, [])
  })
}
