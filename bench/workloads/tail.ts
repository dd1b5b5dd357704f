import { requestTo, workload } from './workload.ts'

/** Requests that come at random instants, as they do at a server. */
export const tail = workload({
  name: 'tail-latency',
  title: 'GET 65 B, 1,000 a second at random',
  path: '/65b',
  responseBytes: 65,
  measure: 'tail',
  perSecond: 1000,
  // More than are ever needed: nobody is to wait for a connection that it may not open.
  connections: 500,
  lanes: 50,
  comparisons: [
    ...requestTo([]),
    { label: 'fetch', subject: 'hawser-fetch', rival: 'fetch', targets: [] },
  ],
  extras: ['hawser-client', 'node-http', 'axios'],
})
