import { createHash } from 'node:crypto'
import { accessSync, constants, createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { CallOptions, ClientOptions } from '../client/options.ts'
import type { BodyOptions } from '../content/body-options.ts'
import type { Arguments, Pair } from './arguments.ts'
import { systemReason, UsageError } from './command-errors.ts'

/** The request that was asked for. */
export interface Wanted {
  readonly method: string
  readonly url: string
  readonly client: ClientOptions
  readonly call: CallOptions
  /** The URL and its params: the same for the same, and no secret of them can be read from it. */
  readonly fingerprint: string
  /** Whether the whole of it is wanted: no Range was given. */
  readonly isWhole: boolean
  /** Its content, made anew for each request. */
  body(): BodyOptions
}

const KINDS = ['json', 'content', 'data', 'files'] as const

/** Throws `UsageError`. */
export function wantedRequest(given: Arguments, stdin: () => Readable): Wanted {
  const kinds = KINDS.filter((kind) => given[kind] !== null && given[kind].length > 0)
  if (kinds.length > 1 && kinds.join() !== 'data,files') {
    throw new UsageError(
      `--${kinds[0]} and --${kinds[1]} are two bodies`,
      'A request has one body; --data and --files make one form.',
    )
  }
  const { headers, params, cookies, auth, timeout, proxy, verify } = given
  return {
    method: given.method ?? (kinds.length > 0 ? 'POST' : 'GET'),
    url: given.url,
    client: {
      verify,
      ...(proxy === null ? {} : { proxies: proxy }),
      ...(auth === null ? {} : { auth }),
      ...(timeout === null ? {} : { timeout: timeout * 1000 }),
    },
    call: {
      headers: given.json === null ? headers : withJsonType(headers),
      params,
      followRedirects: given.follow ?? given.download !== null,
      ...(cookies.length > 0 ? { cookies } : {}),
    },
    fingerprint: createHash('sha256')
      .update(JSON.stringify([given.url, params]))
      .digest('hex'),
    isWhole: !hasField(headers, 'range'),
    body: bodyOf(given, stdin),
  }
}

function bodyOf(given: Arguments, stdin: () => Readable): () => BodyOptions {
  const { json, content, data, files } = given
  if (json !== null) {
    checkJson(json)
    return () => ({ content: json })
  }
  if (content !== null) return () => ({ content: content === '-' ? stdin() : content })
  if (files.length > 0) {
    for (const [, path] of files) checkFile(path)
    return () => ({
      data,
      files: files.map(([name, path]) => [name, createReadStream(path)] as const),
    })
  }
  return () => (data.length > 0 ? { data } : { content: null })
}

/** JSON goes as it was written: to parse it would round large numbers. */
function withJsonType(headers: readonly Pair[]): readonly Pair[] {
  return hasField(headers, 'content-type')
    ? headers
    : [...headers, ['content-type', 'application/json']]
}

function hasField(headers: readonly Pair[], lowerCase: string): boolean {
  return headers.some(([name]) => name.toLowerCase() === lowerCase)
}

function checkJson(text: string): void {
  try {
    JSON.parse(text)
  } catch (error) {
    throw new UsageError(
      `--json is no JSON: ${(error as Error).message}`,
      `Put it in single quotes: -j '{"name": "Ada"}'`,
    )
  }
}

/** Before anything is sent. */
function checkFile(path: string): void {
  try {
    accessSync(path, constants.R_OK)
    if (!statSync(path).isDirectory()) return
  } catch (error) {
    throw new UsageError(`--files: ${path}: ${systemReason(error)}`)
  }
  throw new UsageError(`--files: ${path}: it is a folder`)
}
