import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { formatTable } from '../format.ts'
import type { CallFrame } from './call-frames.ts'
import { fileOf, locationOf, nameOf } from './call-frames.ts'

export interface CpuProfile {
  nodes: ProfileNode[]
  samples: number[]
  /** Microseconds between each sample and the previous one. */
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
  /** Time of the function and of all functions that it called. */
  inclusive: number
  callers: Map<string, number>
  ticks: Map<number, number>
}

interface PrintOptions {
  requests: number
  top: number
  lines: boolean
}

/** Prints the functions with the most self time, then the files, then lines if requested. */
export function printCpu(profile: CpuProfile, { requests, top, lines }: PrintOptions): void {
  const functions = functionTimes(profile)
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
    locationOf(frame),
    topCallers(callers),
  ])
  const head = ['self', 'us/req', 'with callees', 'function', 'where', 'called by']
  console.log(formatTable(head, rows))

  const files = new Map<string, number>()
  for (const { frame, self } of busy) {
    const file = frame.url === '' ? nameOf(frame) : fileOf(frame.url)
    addTo(files, frame.url === '' && !file.startsWith('(') ? '(native)' : file, self)
  }
  const fileRows = largestEntries(files, 15).map(([file, time]) => [
    percent(time),
    perRequest(time),
    file,
  ])
  console.log(`\n${formatTable(['self', 'us/req', 'file'], fileRows)}`)
  console.log('\n(program) is native code outside of V8: system calls, libuv, crypto.')
  if (!lines) return
  console.log(
    '\nLines of inlined functions are listed under the function that V8 inlined them into, sometimes',
  )
  console.log('with line numbers of another file; --node-flags "--no-turbo-inlining" prevents it.')
  for (const entry of hottest.slice(0, 10)) printLines(entry, percent)
}

function functionTimes({ nodes, samples, timeDeltas }: CpuProfile): FunctionTime[] {
  const selfOf = new Map<number, number>()
  for (const [index, id] of samples.entries()) addTo(selfOf, id, timeDeltas[index] ?? 0)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const functions = new Map<string, FunctionTime>()

  // `ancestors` has the functions on the path from the root, so that recursive calls count once.
  const visit = (node: ProfileNode, caller: string, ancestors: Set<string>): number => {
    const key = `${node.callFrame.functionName} ${locationOf(node.callFrame)}`
    const entry = functions.get(key) ?? {
      frame: node.callFrame,
      self: 0,
      inclusive: 0,
      callers: new Map(),
      ticks: new Map(),
    }
    functions.set(key, entry)
    const self = selfOf.get(node.id) ?? 0
    const isOutermost = !ancestors.has(key)
    ancestors.add(key)
    let inclusive = self
    for (const id of node.children ?? []) {
      const child = byId.get(id)
      if (child) inclusive += visit(child, nameOf(node.callFrame), ancestors)
    }
    if (isOutermost) {
      ancestors.delete(key)
      entry.inclusive += inclusive
    }
    entry.self += self
    addTo(entry.callers, caller, self)
    for (const { line, ticks } of node.positionTicks ?? []) addTo(entry.ticks, line, ticks)
    return inclusive
  }
  const root = nodes[0]
  if (root) visit(root, '', new Set())
  return [...functions.values()]
}

function topCallers(callers: Map<string, number>): string {
  return largestEntries(callers, 2)
    .map(([name]) => name)
    .filter((name) => name !== '(root)')
    .join(', ')
}

function printLines(entry: FunctionTime, percent: (time: number) => string): void {
  const { frame, self, ticks } = entry
  if (!frame.url.startsWith('file:')) return
  const source = readFileSync(fileURLToPath(frame.url), 'utf8').split('\n')
  const all = sum([...ticks.values()])
  console.log(`\n${nameOf(frame)}  ${locationOf(frame)}`)
  for (const [line, hits] of largestEntries(ticks, 6)) {
    const text = source[line - 1]?.trim() ?? ''
    console.log(
      `  ${percent((self * hits) / all).padStart(6)}  ${String(line).padStart(4)}  ${text}`,
    )
  }
}

export function largestEntries<K>(map: Map<K, number>, top: number): [K, number][] {
  return [...map].toSorted((a, b) => b[1] - a[1]).slice(0, top)
}

export function addTo<K>(map: Map<K, number>, key: K, amount: number): void {
  map.set(key, (map.get(key) ?? 0) + amount)
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}
