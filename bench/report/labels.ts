import type { ContestantName } from '../contestants/index.ts'

interface Look {
  label: string
  /** Its colour on white paper, and on black. */
  light: string
  dark: string
}

/** How people read who takes part. Hawser's are blue, undici's orange. */
export const looks: Record<ContestantName, Look> = {
  'hawser-request': { label: 'hawser pool.request', light: '#0a5fb5', dark: '#58a6ff' },
  'hawser-dispatch': { label: 'hawser pool.dispatch', light: '#2b7fd4', dark: '#388bfd' },
  'hawser-client': { label: 'hawser client.get', light: '#2b7fd4', dark: '#79b8ff' },
  'hawser-client-cookies': { label: 'hawser client, cookies', light: '#2b7fd4', dark: '#79b8ff' },
  'hawser-fetch': { label: 'hawser/fetch', light: '#0b8a8a', dark: '#39c5cf' },
  'hawser-tunnel': { label: 'hawser, tunnel', light: '#0a5fb5', dark: '#58a6ff' },
  'hawser-forward': { label: 'hawser, forwarded', light: '#0a5fb5', dark: '#58a6ff' },
  'hawser-uds': { label: 'hawser, unix socket', light: '#0a5fb5', dark: '#58a6ff' },
  'undici-request': { label: 'undici request', light: '#c2570c', dark: '#f0883e' },
  'undici-dispatch': { label: 'undici dispatch', light: '#d9772b', dark: '#d9772b' },
  'undici-tunnel': { label: 'undici, tunnel', light: '#c2570c', dark: '#f0883e' },
  'undici-forward': { label: 'undici, forwarded', light: '#c2570c', dark: '#f0883e' },
  'undici-uds': { label: 'undici, unix socket', light: '#c2570c', dark: '#f0883e' },
  'node-http': { label: 'node:http', light: '#2c8a4b', dark: '#56d364' },
  fetch: { label: 'fetch of Node', light: '#8250df', dark: '#bc8cff' },
  axios: { label: 'axios', light: '#b83280', dark: '#f778ba' },
  got: { label: 'got', light: '#8a6a1d', dark: '#d6b656' },
  floor: { label: 'bare sockets', light: '#8c959f', dark: '#8b949e' },
}

export const labelOf = (name: ContestantName) => looks[name].label
