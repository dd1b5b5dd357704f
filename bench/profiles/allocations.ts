import { formatTable } from '../format.ts'
import type { CallFrame } from './call-frames.ts'
import { locationOf, nameOf } from './call-frames.ts'
import { addTo, largestEntries } from './cpu.ts'

interface AllocationNode {
  callFrame: CallFrame
  selfSize: number
  children: AllocationNode[]
}

/** Prints the bytes per request that each function allocated on V8's heap. */
export function printAllocations(
  recording: unknown,
  { requests, top }: { requests: number; top: number },
): void {
  const functions = new Map<string, { frame: CallFrame; bytes: number }>()
  const callers = new Map<string, Map<string, number>>()
  const visit = (node: AllocationNode, caller: string) => {
    const key = `${node.callFrame.functionName} ${locationOf(node.callFrame)}`
    const entry = functions.get(key) ?? { frame: node.callFrame, bytes: 0 }
    functions.set(key, entry)
    entry.bytes += node.selfSize
    const callersOf = callers.get(key) ?? new Map<string, number>()
    callers.set(key, callersOf)
    addTo(callersOf, caller, node.selfSize)
    for (const child of node.children) visit(child, nameOf(node.callFrame))
  }
  visit((recording as { head: AllocationNode }).head, '')

  const entries = [...functions].toSorted(([, a], [, b]) => b.bytes - a.bytes)
  const total = entries.reduce((bytes, [, entry]) => bytes + entry.bytes, 0)
  const rows = entries.slice(0, top).map(([key, { frame, bytes }]) => [
    `${((100 * bytes) / total).toFixed(1)}%`,
    (bytes / requests).toFixed(0),
    nameOf(frame),
    locationOf(frame),
    largestEntries(callers.get(key) ?? new Map<string, number>(), 2)
      .map(([name]) => name)
      .filter((name) => name !== '(root)')
      .join(', '),
  ])
  console.log(formatTable(['self', 'B/req', 'function', 'where', 'called by'], rows))
  console.log(`\n${(total / requests).toFixed(0)} bytes per request`)
}
