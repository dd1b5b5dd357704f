import type { ContestantName } from '../contestants/index.ts'

/** SVG paths of the marks on lines, so that contestants differ by more than their colour. */
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

interface ContestantStyle {
  label: string
  /** Colours on a white and on a black background. */
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

function createStyle(
  label: string,
  [light, dark]: Colour,
  mark: ContestantStyle['mark'] = 'circle',
): ContestantStyle {
  return { label, light, dark, mark }
}

/** The label, colours and mark of each contestant in charts and tables. */
export const contestantStyles: Record<ContestantName, ContestantStyle> = {
  'hawser-request': createStyle('hawser pool.request', blue),
  'hawser-dispatch': createStyle('hawser pool.dispatch', paleBlue),
  'hawser-client': createStyle('hawser client.get', paleBlue, 'square'),
  'hawser-client-cookies': createStyle('hawser client, cookies', paleBlue),
  'hawser-fetch': createStyle('hawser/fetch', teal, 'triangle'),
  'hawser-tunnel': createStyle('hawser, tunnel', blue),
  'hawser-forward': createStyle('hawser, forward proxy', blue),
  'hawser-uds': createStyle('hawser, Unix socket', blue),
  'undici-request': createStyle('undici request', orange, 'diamond'),
  'undici-dispatch': createStyle('undici dispatch', paleOrange),
  'undici-tunnel': createStyle('undici, tunnel', orange),
  'undici-forward': createStyle('undici, forward proxy', orange),
  'undici-uds': createStyle('undici, Unix socket', orange),
  'node-http': createStyle('node:http', green, 'wedge'),
  fetch: createStyle('Node.js fetch', purple, 'cross'),
  axios: createStyle('axios', pink, 'bar'),
  got: createStyle('got', gold, 'hourglass'),
  floor: createStyle('bare sockets', grey, 'ring'),
}

/** The order of contestants in legends. */
export const contestantOrder = Object.keys(contestantStyles) as ContestantName[]

export const labelOf = (name: ContestantName) => contestantStyles[name].label

/** Returns the mark of a contestant: path data around the point 0, 0. */
export const markOf = (name: ContestantName) => marks[contestantStyles[name].mark]
