import { fileURLToPath } from 'node:url'

export interface CallFrame {
  functionName: string
  url: string
  /** The first line is 0. */
  lineNumber: number
}

/** Returns file and line of a function: dist/src/pool/pool.js:12, undici/lib/core/util.js:7. */
export function locationOf({ url, lineNumber }: CallFrame): string {
  return url === '' ? '' : `${fileOf(url)}:${lineNumber + 1}`
}

export function fileOf(url: string): string {
  if (url === '') return '(native)'
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  const modules = path.lastIndexOf('/node_modules/')
  if (modules !== -1) return path.slice(modules + '/node_modules/'.length)
  return path.replace(`${process.cwd()}/`, '')
}

export function nameOf({ functionName }: CallFrame): string {
  return functionName === '' ? '(anonymous)' : functionName
}
