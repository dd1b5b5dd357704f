import type { Clock } from '../backends/backend.ts'
import type { EventHooks } from '../client/options.ts'
import type { Request } from '../client/request.ts'
import type { Response } from '../client/response.ts'
import { fieldLines, headText } from './printing.ts'
import type { Colours } from './terminal.ts'
import { harmless } from './terminal.ts'
import { durationText } from './units.ts'

/** What a trace may tell of when it ends, as an event `dns`, `connection:dns` ..., with its `duration` in ms. */
const PHASES = ['queue', 'dns', 'tcp', 'tunnel', 'tls', 'write', 'wait', 'read']
/** Of these `connect` is made, unless a trace tells of them. */
const CONNECTING = ['dns', 'tcp', 'tunnel', 'tls']

/** A phase of an exchange; ms by one clock. */
interface Span {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** One request and its response. */
interface Chapter {
  readonly startedAt: number
  readonly request: string
  readonly spans: Span[]
  isSent: boolean
  isOpened: boolean
  headAt: number | null
  /** Why its connection was closed: known before anybody could look at the head, and told at the end. */
  closed: string | null
}

type Facts = Readonly<Record<string, unknown>>

/**
 * Tells what happens as it happens: connections, both heads, and where the time went. Phases that the
 * engine's trace tells of are its; the others are what can be seen from outside.
 */
export class Story {
  readonly #say: (text: string) => void
  readonly #colours: Colours
  readonly #columns: number
  readonly #clock: Clock
  #chapter: Chapter | null = null
  #connections = 0

  constructor(say: (text: string) => void, colours: Colours, columns: number, clock: Clock) {
    this.#say = say
    this.#colours = colours
    this.#columns = columns
    this.#clock = clock
  }

  /** For the client. */
  readonly hooks: EventHooks = {
    request: [(request) => this.#begin(request)],
    response: [(response) => this.#answered(response)],
  }

  /** For the client. */
  readonly trace = (event: string, info: object): void => {
    const chapter = this.#chapter
    if (chapter === null) return
    const facts = info as Facts
    const now = this.#clock.now()
    const phase = event.split(':').find((word) => PHASES.includes(word))
    if (phase !== undefined && typeof facts.duration === 'number') {
      add(chapter, phase, now - facts.duration, now)
    } else if (event === 'connection:open') {
      this.#opened(chapter, facts, now)
    } else if (event === 'connection:close') {
      chapter.closed = `${facts.reason}`
    }
  }

  /** The body is here, or it failed. */
  end(): void {
    const chapter = this.#chapter
    if (chapter === null) return
    this.#chapter = null
    const { startedAt, spans, headAt, closed } = chapter
    const now = this.#clock.now()
    if (!chapter.isSent && (closed === 'dial-failed' || this.#connections === 0)) {
      this.#note('No connection')
      add(chapter, 'connect', startedAt, now)
    } else {
      this.#tellRequest(chapter)
      if (headAt === null) add(chapter, 'wait', endOf(chapter), now)
      else add(chapter, 'read', headAt, now)
      if (closed !== null) this.#note(`Connection closed: ${closed}`)
    }
    this.#say(`\n${timelineText(startedAt, now, spans, this.#columns, this.#colours)}`)
  }

  #begin(request: Request): void {
    if (this.#chapter !== null) {
      this.end()
      this.#say('\n')
    }
    const { bold, green } = this.#colours
    const { method, target, url, headers } = request
    const line = bold(`${green(method)} ${target} HTTP/1.1`)
    const host = headers.has('host') ? [] : ([['Host', url.host]] as const)
    const fields = fieldLines([...host, ...withoutSecrets(request)], this.#colours)
    this.#chapter = {
      startedAt: this.#clock.now(),
      request: `${line}\n${fields}`,
      spans: [],
      isSent: false,
      isOpened: false,
      headAt: null,
      closed: null,
    }
  }

  #opened(chapter: Chapter, { origin, address }: Facts, now: number): void {
    if (chapter.isSent) return
    chapter.isOpened = true
    this.#connections++
    const { startedAt, spans } = chapter
    const isKnown = spans.some(({ name }) => CONNECTING.includes(name))
    if (!isKnown) add(chapter, 'connect', startedAt, now)
    const isNew = typeof address === 'string' && !`${origin}`.includes(address)
    const where = isNew ? ` (${address})` : ''
    this.#note(`Connected to ${origin}${where} in ${durationText(now - startedAt)}`)
    this.#tellRequest(chapter)
  }

  #answered(response: Response): void {
    const chapter = this.#chapter
    if (chapter === null) return
    this.#tellRequest(chapter)
    chapter.headAt = this.#clock.now()
    add(chapter, 'wait', endOf(chapter), chapter.headAt)
    this.#say(prefixed(headText(response, this.#colours), this.#colours.yellow('<')))
  }

  /** Once. */
  #tellRequest(chapter: Chapter): void {
    if (chapter.isSent) return
    chapter.isSent = true
    if (!chapter.isOpened) this.#note('No new connection')
    this.#say(`${prefixed(chapter.request, this.#colours.green('>'))}\n`)
  }

  #note(text: string): void {
    this.#say(`${this.#colours.dim(`* ${harmless(text)}`)}\n`)
  }
}

/** Unless it is told already. */
function add({ spans }: Chapter, name: string, from: number, to: number): void {
  if (!spans.some((span) => span.name === name)) spans.push({ name, from, to })
}

/** Where what is known of its spans ends. */
function endOf({ startedAt, spans }: Chapter): number {
  return Math.max(startedAt, ...spans.map(({ to }) => to))
}

/** Phases below each other, each with its duration and its place in the whole. */
function timelineText(
  start: number,
  end: number,
  spans: readonly Span[],
  columns: number,
  { bold, cyan, dim }: Colours,
): string {
  const width = Math.min(Math.max(columns - 24, 10), 50)
  const scale = width / Math.max(end - start, 1e-6)
  const row = (name: string, ms: number) =>
    `  ${dim(name.padEnd(8))} ${durationText(ms).padStart(8)}`
  const rows = spans.map(({ name, from, to }) => {
    const left = Math.min(Math.max(Math.round((from - start) * scale), 0), width - 1)
    const length = Math.max(Math.round((to - start) * scale) - left, 1)
    const bar = '━'.repeat(Math.min(length, width - left))
    return `${row(name, to - from)}  ${' '.repeat(left)}${cyan(bar)}`
  })
  return `${[...rows, bold(row('total', end - start))].join('\n')}\n`
}

/** What is pasted into a question should have no password in it: of credentials the scheme is shown. */
function* withoutSecrets({ headers }: Request): Generator<readonly [name: string, value: string]> {
  for (const [name, value] of headers) {
    const isSecret = /^(?:proxy-)?authorization$/i.test(name)
    yield [name, isSecret ? value.replace(/^(\S*).*$/s, '$1 …') : value]
  }
}

function prefixed(text: string, prefix: string): string {
  return text.replace(/^(?=.)/gm, `${prefix} `)
}
