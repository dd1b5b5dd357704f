import { createHash } from 'node:crypto'
import { accessSync, constants, createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { ClientOptions, RequestOptions } from '../client/options.ts'
import type { BodyOptions } from '../content/body-options.ts'
import type { Pair, ParsedArguments } from './arguments.ts'
import { describeSystemError, UsageError } from './command-errors.ts'

/** The request that the arguments describe. */
export interface RequestSpec {
  readonly method: string
  readonly url: string
  readonly clientOptions: ClientOptions
  readonly headers: readonly Pair[]
  /** A hash of URL and params. Identifies a download without storing secrets of the URL. */
  readonly fingerprint: string
  /** Creates headers, body and more. A stream can be sent once, so each request needs a new one. */
  createOptions(): RequestOptions
}

const BODY_OPTIONS = ['json', 'content', 'data', 'files'] as const

/**
 * Creates the request from the arguments.
 *
 * @param stdin returns the stream for `--content -`
 * @throws UsageError for conflicting bodies, invalid JSON and unreadable files
 */
export function createRequestSpec(args: ParsedArguments, stdin: () => Readable): RequestSpec {
  const bodyOptions = BODY_OPTIONS.filter(
    (option) => args[option] !== null && args[option].length > 0,
  )
  if (bodyOptions.length > 1 && bodyOptions.join() !== 'data,files') {
    throw new UsageError(
      `--${bodyOptions[0]} and --${bodyOptions[1]} cannot be combined`,
      'A request has one body. Only --data and --files can be combined.',
    )
  }
  const { params, cookies, auth, timeout, proxy, verify } = args
  const headers = args.json === null ? args.headers : withJsonType(args.headers)
  const createBody = bodyFactory(args, stdin)
  return {
    method: args.method ?? (bodyOptions.length > 0 ? 'POST' : 'GET'),
    url: args.url,
    clientOptions: {
      verify,
      ...(proxy === null ? {} : { proxies: proxy }),
      ...(auth === null ? {} : { auth }),
      ...(timeout === null ? {} : { timeout: timeout * 1000 }),
    },
    headers,
    fingerprint: createHash('sha256')
      .update(JSON.stringify([args.url, params]))
      .digest('hex'),
    createOptions: () => ({
      headers,
      params,
      followRedirects: args.follow ?? args.download !== null,
      ...(cookies.length > 0 ? { cookies } : {}),
      ...createBody(),
    }),
  }
}

function bodyFactory(args: ParsedArguments, stdin: () => Readable): () => BodyOptions {
  const { json, content, data, files } = args
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

/** Adds the Content-Type. The `json` option is not used: it would round large numbers. */
function withJsonType(headers: readonly Pair[]): readonly Pair[] {
  return hasField(headers, 'content-type')
    ? headers
    : [...headers, ['content-type', 'application/json']]
}

export function hasField(headers: readonly Pair[], lowerCase: string): boolean {
  return headers.some(([name]) => name.toLowerCase() === lowerCase)
}

function checkJson(text: string): void {
  try {
    JSON.parse(text)
  } catch (error) {
    throw new UsageError(
      `--json is not valid JSON: ${(error as Error).message}`,
      `Use single quotes in the shell: -j '{"name": "Ada"}'`,
    )
  }
}

/** Throws before anything is sent. */
function checkFile(path: string): void {
  try {
    accessSync(path, constants.R_OK)
    if (!statSync(path).isDirectory()) return
  } catch (error) {
    throw new UsageError(`--files: could not read ${path}: ${describeSystemError(error)}`)
  }
  throw new UsageError(`--files: could not read ${path}: it is a directory`)
}
