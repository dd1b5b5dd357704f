import type { Clock } from '../backends/backend.ts'
import type { EventHooks } from '../client/event-hooks.ts'
import type { Request } from '../client/request.ts'
import { fieldLines, headText } from './printing.ts'
import type { Colours } from './terminal.ts'
import { harmless } from './terminal.ts'
import type { Span } from './timeline.ts'
import { timelineText } from './timeline.ts'
import { durationText } from './units.ts'

/** The phases that a trace may tell of, with their `duration` in ms, when they end. */
const PHASES = ['queue', 'dns', 'tcp', 'tunnel', 'tls', 'write', 'wait', 'read']
/** What is told as one phase, `connect`, unless a trace tells of its parts. */
const CONNECTING = ['dns', 'tcp', 'tunnel', 'tls']

/** One request and its response. */
interface Chapter {
  readonly startedAt: number
  readonly request: string
  readonly spans: Span[]
  isSent: boolean
  opened: boolean
  headAt: number | null
}

/**
 * Tells what happens as it happens: connections, both heads, and where the time went. What an engine's
 * trace says of a phase is believed; of the others it knows what hooks let it see.
 */
export class Story {
  readonly #say: (text: string) => void
  readonly #colours: Colours
  readonly #columns: number
  readonly #clock: Clock
  #chapter: Chapter | null = null

  constructor(say: (text: string) => void, colours: Colours, columns: number, clock: Clock) {
    this.#say = say
    this.#colours = colours
    this.#columns = columns
    this.#clock = clock
  }

  /** For the client. */
  readonly hooks: EventHooks = {
    request: [(request) => this.#begin(request)],
    response: [
      (response) => {
        const chapter = this.#chapter
        if (chapter === null) return
        this.#tellRequest(chapter)
        chapter.headAt = this.#clock.now()
        this.#add('wait', this.#lastEnd(chapter), chapter.headAt)
        const head = headText(response, this.#colours)
        this.#say(prefixed(head, this.#colours.yellow('<')))
      },
    ],
  }

  /** For the client. */
  readonly trace = (event: string, info: object): void => {
    const facts = info as Readonly<Record<string, unknown>>
    const now = this.#clock.now()
    const phase = event.split(':').find((word) => PHASES.includes(word))
    if (phase !== undefined && typeof facts.duration === 'number') {
      this.#add(phase, now - facts.duration, now)
    } else if (event === 'connection:open') {
      this.#opened(facts, now)
    } else if (
      event === 'connection:close' &&
      this.#chapter !== null &&
      typeof facts.reason === 'string'
    ) {
      this.#note(`Connection closed: ${facts.reason}`)
    }
  }

  /** The body is here, or it failed. */
  end(): void {
    const chapter = this.#chapter
    this.#chapter = null
    if (chapter === null) return
    this.#tellRequest(chapter)
    const now = this.#clock.now()
    if (chapter.headAt !== null) addOwn(chapter, 'read', chapter.headAt, now)
    const { startedAt, spans } = chapter
    this.#say(`\n${timelineText(startedAt, now, spans, this.#columns, this.#colours)}`)
  }

  #begin(request: Request): void {
    if (this.#chapter !== null) {
      this.end()
      this.#say('\n')
    }
    const { cyan, bold, green } = this.#colours
    const { method, target, url, headers } = request
    const line = bold(`${green(method)} ${target} HTTP/1.1`)
    const host = headers.has('host') ? '' : `${cyan('Host')}${this.#colours.dim(':')} ${url.host}\n`
    this.#chapter = {
      startedAt: this.#clock.now(),
      request: `${line}\n${host}${fieldLines(withoutSecrets(request), this.#colours)}`,
      spans: [],
      isSent: false,
      opened: false,
      headAt: null,
    }
  }

  #opened({ origin, address }: Readonly<Record<string, unknown>>, now: number): void {
    const chapter = this.#chapter
    if (chapter === null || chapter.isSent) return
    chapter.opened = true
    const from = chapter.startedAt
    if (!chapter.spans.some(({ name }) => CONNECTING.includes(name))) {
      this.#add('connect', from, now)
    }
    const where =
      typeof address === 'string' && !`${origin}`.includes(address) ? ` (${address})` : ''
    this.#note(`Connected to ${origin}${where} in ${durationText(now - from)}`)
    this.#tellRequest(chapter)
  }

  /** Once. */
  #tellRequest(chapter: Chapter): void {
    if (chapter.isSent) return
    chapter.isSent = true
    if (!chapter.opened) this.#note('No new connection')
    this.#say(`${prefixed(chapter.request, this.#colours.green('>'))}\n`)
  }

  #add(name: string, from: number, to: number): void {
    if (this.#chapter !== null) addOwn(this.#chapter, name, from, to)
  }

  #lastEnd({ startedAt, spans }: Chapter): number {
    return Math.max(startedAt, ...spans.map(({ to }) => to))
  }

  #note(text: string): void {
    this.#say(`${this.#colours.dim(`* ${harmless(text)}`)}\n`)
  }
}

/** Unless it is told already. */
function addOwn({ spans }: Chapter, name: string, from: number, to: number): void {
  if (!spans.some((span) => span.name === name)) spans.push({ name, from, to })
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
