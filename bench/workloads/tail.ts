import { compareRequest, workload } from './workload.ts'

/** Requests at random instants, as a server receives them. */
export const tailWorkload = workload({
  name: 'tail-latency',
  title: 'GET 65 B, 1,000 per second at random instants',
  path: '/65b',
  responseBytes: 65,
  measure: 'tail',
  perSecond: 1000,
  // More than are ever in use, so that no request waits for a free connection.
  connections: 500,
  concurrency: 50,
  comparisons: [
    ...compareRequest([]),
    { label: 'fetch', subject: 'hawser-fetch', rival: 'fetch', targets: [] },
  ],
  extras: ['hawser-client', 'node-http', 'axios'],
})
