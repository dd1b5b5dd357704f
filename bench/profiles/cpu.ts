import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { table } from '../format.ts'
import type { CallFrame } from './places.ts'
import { fileOf, nameOf, placeOf } from './places.ts'

export interface CpuProfile {
  nodes: ProfileNode[]
  samples: number[]
  /** Microseconds before each sample. */
  timeDeltas: number[]
}

interface ProfileNode {
  id: number
  callFrame: CallFrame
  children?: number[]
  positionTicks?: { line: number; ticks: number }[]
}

interface FunctionTime {
  frame: CallFrame
  self: number
  /** With all that it called. */
  inclusive: number
  callers: Map<string, number>
  ticks: Map<number, number>
}

interface Shown {
  requests: number
  top: number
  lines: boolean
}

/** The functions with the most time of their own, then files, then lines if wanted. */
export function printCpu(profile: CpuProfile, { requests, top, lines }: Shown): void {
  const functions = timesOf(profile)
  const busy = functions.filter(({ frame }) => frame.functionName !== '(idle)')
  const total = sum(busy.map(({ self }) => self))
  const percent = (time: number) => `${((100 * time) / total).toFixed(1)}%`
  const perRequest = (time: number) => (time / requests).toFixed(2)

  const hottest = busy.toSorted((a, b) => b.self - a.self).slice(0, top)
  const rows = hottest.map(({ frame, self, inclusive, callers }) => [
    percent(self),
    perRequest(self),
    percent(inclusive),
    nameOf(frame),
    placeOf(frame),
    mostOf(callers),
  ])
  const head = ['self', 'us/req', 'with callees', 'function', 'where', 'called by']
  console.log(table(head, rows))

  const files = new Map<string, number>()
  for (const { frame, self } of busy) {
    const file = frame.url === '' ? nameOf(frame) : fileOf(frame.url)
    add(files, frame.url === '' && !file.startsWith('(') ? '(native)' : file, self)
  }
  const fileRows = largest(files, 15).map(([file, time]) => [percent(time), perRequest(time), file])
  console.log(`\n${table(['self', 'us/req', 'file'], fileRows)}`)
  console.log('\n(program) is native code outside of V8: system calls, libuv, crypto.')
  if (!lines) return
  console.log(
    '\nLines of inlined functions stand under the function that took them in, at times with',
  )
  console.log('another file\'s numbers; --node-flags "--no-turbo-inlining" keeps them apart.')
  for (const entry of hottest.slice(0, 10)) printLines(entry, percent)
}

function timesOf({ nodes, samples, timeDeltas }: CpuProfile): FunctionTime[] {
  const selfOf = new Map<number, number>()
  for (const [index, id] of samples.entries()) add(selfOf, id, timeDeltas[index] ?? 0)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const functions = new Map<string, FunctionTime>()

  // `above`: the functions on the way from the root, so that a recursive one counts once.
  const visit = (node: ProfileNode, caller: string, above: Set<string>): number => {
    const key = `${node.callFrame.functionName} ${placeOf(node.callFrame)}`
    const entry = functions.get(key) ?? {
      frame: node.callFrame,
      self: 0,
      inclusive: 0,
      callers: new Map(),
      ticks: new Map(),
    }
    functions.set(key, entry)
    const self = selfOf.get(node.id) ?? 0
    const outermost = !above.has(key)
    above.add(key)
    let all = self
    for (const id of node.children ?? []) {
      const child = byId.get(id)
      if (child) all += visit(child, nameOf(node.callFrame), above)
    }
    if (outermost) {
      above.delete(key)
      entry.inclusive += all
    }
    entry.self += self
    add(entry.callers, caller, self)
    for (const { line, ticks } of node.positionTicks ?? []) add(entry.ticks, line, ticks)
    return all
  }
  const root = nodes[0]
  if (root) visit(root, '', new Set())
  return [...functions.values()]
}

function mostOf(callers: Map<string, number>): string {
  return largest(callers, 2)
    .map(([name]) => name)
    .filter((name) => name !== '(root)')
    .join(', ')
}

function printLines(entry: FunctionTime, percent: (time: number) => string): void {
  const { frame, self, ticks } = entry
  if (!frame.url.startsWith('file:')) return
  const source = readFileSync(fileURLToPath(frame.url), 'utf8').split('\n')
  const all = sum([...ticks.values()])
  console.log(`\n${nameOf(frame)}  ${placeOf(frame)}`)
  for (const [line, hits] of largest(ticks, 6)) {
    const text = source[line - 1]?.trim() ?? ''
    console.log(
      `  ${percent((self * hits) / all).padStart(6)}  ${String(line).padStart(4)}  ${text}`,
    )
  }
}

export function largest<K>(map: Map<K, number>, top: number): [K, number][] {
  return [...map].toSorted((a, b) => b[1] - a[1]).slice(0, top)
}

export function add<K>(map: Map<K, number>, key: K, amount: number): void {
  map.set(key, (map.get(key) ?? 0) + amount)
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}
