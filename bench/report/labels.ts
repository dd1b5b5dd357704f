import type { ContestantName } from '../contestants/index.ts'

/** What stands at the points of a line, so that no two have to be told apart by colour alone. */
const marks = {
  circle: 'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z',
  square: 'M-3.5 -3.5h7v7h-7z',
  triangle: 'M0 -4.5l4.5 8h-9z',
  diamond: 'M0 -5l5 5l-5 5l-5 -5z',
  wedge: 'M0 4.5l4.5 -8h-9z',
  cross: 'M-4 -1.3h2.7v-2.7h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7z',
  bar: 'M-5 -2h10v4h-10z',
  hourglass: 'M-4.5 -4.5h9l-9 9h9z',
  ring: 'M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0zM-2 0a2 2 0 1 1 4 0a2 2 0 1 1 -4 0z',
}

interface Look {
  label: string
  /** On white paper, and on black. */
  light: string
  dark: string
  mark: keyof typeof marks
}

type Colour = readonly [light: string, dark: string]

const blue: Colour = ['#0a5fb5', '#58a6ff']
const paleBlue: Colour = ['#2b7fd4', '#8fc1ff']
const teal: Colour = ['#0b8a8a', '#39c5cf']
const orange: Colour = ['#c2570c', '#f0883e']
const paleOrange: Colour = ['#d9772b', '#d9772b']
const green: Colour = ['#2c8a4b', '#56d364']
const purple: Colour = ['#8250df', '#bc8cff']
const pink: Colour = ['#b83280', '#f778ba']
const gold: Colour = ['#8a6a1d', '#d6b656']
const grey: Colour = ['#8c959f', '#8b949e']

function look(label: string, [light, dark]: Colour, mark: Look['mark'] = 'circle'): Look {
  return { label, light, dark, mark }
}

/** How people read who takes part. */
export const looks: Record<ContestantName, Look> = {
  'hawser-request': look('hawser pool.request', blue),
  'hawser-dispatch': look('hawser pool.dispatch', paleBlue),
  'hawser-client': look('hawser client.get', paleBlue, 'square'),
  'hawser-client-cookies': look('hawser client, cookies', paleBlue),
  'hawser-fetch': look('hawser/fetch', teal, 'triangle'),
  'hawser-tunnel': look('hawser, tunnel', blue),
  'hawser-forward': look('hawser, forwarded', blue),
  'hawser-uds': look('hawser, unix socket', blue),
  'undici-request': look('undici request', orange, 'diamond'),
  'undici-dispatch': look('undici dispatch', paleOrange),
  'undici-tunnel': look('undici, tunnel', orange),
  'undici-forward': look('undici, forwarded', orange),
  'undici-uds': look('undici, unix socket', orange),
  'node-http': look('node:http', green, 'wedge'),
  fetch: look('fetch of Node', purple, 'cross'),
  axios: look('axios', pink, 'bar'),
  got: look('got', gold, 'hourglass'),
  floor: look('bare sockets', grey, 'ring'),
}

/** In which they are named. */
export const inOrder = Object.keys(looks) as ContestantName[]

export const labelOf = (name: ContestantName) => looks[name].label

/** Its mark as the data of a path around 0, 0. */
export const markOf = (name: ContestantName) => marks[looks[name].mark]
