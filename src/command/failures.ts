import type { Response } from '../client/response.ts'
import { redactUrl } from '../errors.ts'

/** What the command itself finds wrong; `hint` says what to do about it. */
class Failure extends Error {
  readonly hint: string | null

  constructor(message: string, hint: string | null = null) {
    super(message)
    this.hint = hint
  }
}

/** It was called wrongly. */
export class UsageError extends Failure {}

/** A file cannot be written. */
export class FileError extends Failure {}

/** The answer is there, and its status says no. */
export class ReportedStatus extends Failure {
  readonly status: number

  constructor({ status, statusText, url }: Pick<Response, 'status' | 'statusText' | 'url'>) {
    super(`${[status, statusText].join(' ').trimEnd()} from ${redactUrl(url)}`)
    this.status = status
  }
}

/** What the system's error `ENOENT` and its like mean. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return REASONS.get(code ?? '') ?? message
}

const REASONS = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is no folder'],
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the disk is read-only'],
])
