import type { Open } from './contestant.ts'

const hawser = () => import('./hawser-request.ts')
const undici = () => import('./undici-request.ts')

/** All contestants. Each is loaded in a separate worker process, so that none affects another. */
export const contestants = {
  'hawser-request': hawser,
  'hawser-dispatch': () => import('./hawser-dispatch.ts'),
  'hawser-client': () => import('./hawser-client.ts'),
  'hawser-client-cookies': () => import('./hawser-client-cookies.ts'),
  'hawser-fetch': () => import('./hawser-fetch.ts'),
  'hawser-tunnel': () => hawser().then(({ openTunnel: open }) => ({ open })),
  'hawser-forward': () => hawser().then(({ openForward: open }) => ({ open })),
  'hawser-uds': () => hawser().then(({ openUds: open }) => ({ open })),
  'undici-tunnel': () => undici().then(({ openTunnel: open }) => ({ open })),
  'undici-forward': () => undici().then(({ openForward: open }) => ({ open })),
  'undici-uds': () => undici().then(({ openUds: open }) => ({ open })),
  'undici-request': undici,
  'undici-dispatch': () => import('./undici-dispatch.ts'),
  'node-http': () => import('./node-http.ts'),
  fetch: () => import('./fetch.ts'),
  axios: () => import('./axios.ts'),
  got: () => import('./got.ts'),
  floor: () => import('./floor.ts'),
} satisfies Record<string, () => Promise<{ open: Open }>>

export type ContestantName = keyof typeof contestants

export const contestantNames = Object.keys(contestants) as ContestantName[]

export function isContestant(name: string): name is ContestantName {
  return Object.hasOwn(contestants, name)
}
