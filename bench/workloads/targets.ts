import type { ContestantName } from '../contestants/index.ts'
import type { Target, Workload } from './workload.ts'
import { compareRequest, KiB, MiB, workload } from './workload.ts'

const timesFaster = (factor: number): Target[] => [
  { metric: 'speed', atLeast: factor },
  { metric: 'efficiency', atLeast: factor },
]

const get65b = { path: '/65b', responseBytes: 65 }

/** The contestants of the workloads that the report compares in a bar chart. */
const allClients: ContestantName[] = [
  'hawser-dispatch',
  'hawser-client',
  'hawser-fetch',
  'undici-dispatch',
  'node-http',
  'fetch',
  'axios',
  'got',
  'floor',
]

/** The workloads with a target, in the order of the table. `--only` takes their names. */
export const targetWorkloads: readonly Workload[] = [
  workload({
    name: 'get-65b',
    title: 'GET 65 B',
    ...get65b,
    comparisons: compareRequest(timesFaster(2.3)),
    floorTarget: 0.72,
    extras: allClients,
  }),
  workload({
    name: 'get-13-headers',
    title: 'GET 17 B, 13 headers',
    path: '/13-headers',
    responseBytes: 17,
    comparisons: compareRequest(timesFaster(2.6)),
    floorTarget: 0.66,
  }),
  workload({
    name: 'get-64k',
    title: 'GET 64 KB',
    path: '/64k',
    responseBytes: 64 * KiB,
    comparisons: compareRequest(timesFaster(1.8)),
    extras: ['hawser-dispatch', 'floor'],
  }),
  workload({
    name: 'get-1mb',
    title: 'GET 1 MB, 16 connections',
    path: '/1mb',
    responseBytes: MiB,
    connections: 16,
    comparisons: compareRequest([
      { metric: 'speed', atLeast: 3 },
      { metric: 'efficiency', atLeast: 3.5 },
    ]),
    extras: allClients,
  }),
  workload({
    name: 'stream-100mb',
    title: 'GET 100 MB as a stream',
    path: '/100mb',
    responseBytes: 100 * MiB,
    reading: 'stream',
    sliceSeconds: 3,
    maxRounds: 3,
    comparisons: [
      {
        label: 'borrowed chunks',
        subject: 'hawser-dispatch',
        rival: 'undici-request',
        targets: [
          { metric: 'cpu', atMost: 0.6 },
          { metric: 'peakMiB', atMost: 100 },
        ],
      },
      {
        label: 'copied chunks',
        subject: 'hawser-request',
        rival: 'undici-request',
        targets: [
          { metric: 'cpu', atMost: 0.75 },
          { metric: 'peakMiB', atMost: 100 },
        ],
      },
      {
        label: 'client.stream()',
        subject: 'hawser-client',
        rival: 'undici-request',
        targets: [{ metric: 'peakMiB', atMost: 100 }],
      },
    ],
  }),
  workload({
    name: 'post-1k',
    title: 'POST 1 KB',
    method: 'POST',
    path: '/post',
    requestBytes: KiB,
    responseBytes: 17,
    comparisons: compareRequest(timesFaster(2.4)),
    extras: ['hawser-dispatch', 'floor'],
  }),
  workload({
    name: 'post-1mb',
    title: 'POST 1 MB',
    method: 'POST',
    path: '/post',
    requestBytes: MiB,
    responseBytes: 17,
    comparisons: compareRequest([
      { metric: 'speed', atLeast: 1.25 },
      { metric: 'cpu', atMost: 0.7 },
    ]),
  }),
  workload({
    name: 'tls-get-65b',
    title: 'GET 65 B over TLS',
    ...get65b,
    tls: true,
    comparisons: compareRequest(timesFaster(2.1)),
    floorTarget: 0.7,
  }),
  workload({
    name: 'tls-get-1mb',
    title: 'GET 1 MB over TLS',
    path: '/1mb',
    responseBytes: MiB,
    tls: true,
    comparisons: compareRequest([
      { metric: 'speed', atLeast: 1.6 },
      { metric: 'efficiency', atLeast: 1.8 },
    ]),
  }),
  workload({
    name: 'connections-1000',
    title: 'GET 65 B, 1,000 connections',
    ...get65b,
    connections: 1000,
    // A short slice would contain only a few requests per connection.
    requests: 20_000,
    sliceSeconds: 1,
    comparisons: compareRequest(timesFaster(3)),
  }),
  workload({
    name: 'queue-40000',
    title: '40,000 requests queued at once',
    ...get65b,
    concurrency: 40_000,
    requests: 40_000,
    sliceSeconds: 2,
    comparisons: compareRequest(timesFaster(2.2)),
  }),
  workload({
    name: 'one-at-a-time',
    title: 'GET 65 B, one at a time',
    ...get65b,
    concurrency: 1,
    comparisons: compareRequest(timesFaster(1.2)),
    extras: ['hawser-dispatch', 'floor'],
  }),
  workload({
    name: 'gaps-5ms',
    title: 'GET 65 B, one every 5 ms',
    ...get65b,
    concurrency: 1,
    measure: 'latency',
    comparisons: compareRequest([{ metric: 'latency', atLeast: 1 }]),
  }),
  workload({
    name: 'idle-memory',
    title: 'memory per idle connection, 1,000 connections',
    ...get65b,
    connections: 1000,
    measure: 'idle-memory',
    maxRounds: 3,
    comparisons: compareRequest([
      { metric: 'heap', atMost: 0.5 },
      { metric: 'rss', atMost: 0.65 },
    ]),
    extras: ['hawser-client', 'hawser-fetch', 'node-http', 'fetch', 'axios', 'got', 'floor'],
  }),
  workload({
    name: 'client-get-65b',
    title: 'client.get() + bytes(), 65 B',
    ...get65b,
    comparisons: [
      { subject: 'hawser-client', rival: 'undici-request', targets: timesFaster(1.6) },
      {
        label: 'compared with axios',
        subject: 'hawser-client',
        rival: 'axios',
        targets: timesFaster(10),
      },
      {
        label: 'compared with got',
        subject: 'hawser-client',
        rival: 'got',
        targets: timesFaster(10),
      },
    ],
  }),
  workload({
    name: 'client-cookies-65b',
    title: 'client.get() + bytes(), 65 B, 5 cookies',
    ...get65b,
    comparisons: [
      { subject: 'hawser-client-cookies', rival: 'undici-request', targets: timesFaster(1.1) },
    ],
  }),
  workload({
    name: 'client-get-1mb',
    title: 'client.get() + bytes(), 1 MB, 16 connections',
    path: '/1mb',
    responseBytes: MiB,
    connections: 16,
    comparisons: [{ subject: 'hawser-client', rival: 'undici-request', targets: timesFaster(2.8) }],
  }),
  workload({
    name: 'fetch-65b',
    title: 'fetch() + arrayBuffer(), 65 B',
    ...get65b,
    comparisons: [{ subject: 'hawser-fetch', rival: 'fetch', targets: timesFaster(3) }],
  }),
  workload({
    name: 'fetch-1mb',
    title: 'fetch() + arrayBuffer(), 1 MB, 16 connections',
    path: '/1mb',
    responseBytes: MiB,
    connections: 16,
    comparisons: [{ subject: 'hawser-fetch', rival: 'fetch', targets: [] }],
  }),
  workload({
    name: 'tunnel-65b',
    title: 'GET 65 B over TLS through a tunnel',
    ...get65b,
    tls: true,
    comparisons: [
      { subject: 'hawser-tunnel', rival: 'undici-tunnel', targets: timesFaster(1.6) },
      {
        label: 'compared with no proxy',
        subject: 'hawser-tunnel',
        rival: 'hawser-request',
        targets: timesFaster(0.7),
      },
    ],
  }),
  workload({
    name: 'forward-65b',
    title: 'GET 65 B through a forward proxy',
    ...get65b,
    comparisons: [
      { subject: 'hawser-forward', rival: 'undici-forward', targets: timesFaster(1.8) },
    ],
  }),
  workload({
    name: 'uds-65b',
    title: 'GET 65 B over a Unix socket',
    ...get65b,
    comparisons: [{ subject: 'hawser-uds', rival: 'undici-uds', targets: timesFaster(2) }],
  }),
]
