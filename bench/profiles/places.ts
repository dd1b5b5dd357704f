import { fileURLToPath } from 'node:url'

export interface CallFrame {
  functionName: string
  url: string
  /** Counted from 0. */
  lineNumber: number
}

/** Where a function stands, as short as can be: dist/src/pool/pool.js:12, undici/lib/core/util.js:7. */
export function placeOf({ url, lineNumber }: CallFrame): string {
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
