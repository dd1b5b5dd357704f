import { withoutPrototype } from '../models/options.ts'
import type { ConnectTarget } from './backend.ts'

/** A failed attempt, said as Node says it. */
export function connectFailure(error: Error, target: ConnectTarget): Error {
  const { address, port, path } = withoutPrototype(target)
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) return error
  const where = path ?? `${address}:${port}`
  return Object.assign(new Error(`connect ${code} ${where}`, { cause: error }), {
    code,
    syscall: 'connect',
  })
}

/** The peer takes no more. */
export function writeFailure(cause?: unknown): Error {
  return Object.assign(new Error('write EPIPE', { cause }), { code: 'EPIPE', syscall: 'write' })
}
