import type { Clock } from '../backends/backend.ts'
import type { FieldList } from '../client/field-list.ts'
import { fieldOf, withField } from '../client/field-list.ts'
import { lengthOf } from '../content/content.ts'
import { encodeBody } from '../content/encode-body.ts'
import { isBlob, isFormData, isWebStream } from '../content/kinds.ts'
import { toContent } from '../content/to-content.ts'
import { isToken, trimBlanks } from '../models/field.ts'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'

/** What a request can be made of: WHATWG Fetch 5.4. */
export type Input = string | URL | globalThis.Request
export type Init = globalThis.RequestInit

export type RedirectMode = 'follow' | 'manual' | 'error'

/** A call of `fetch`, read and checked. */
export interface Asked {
  readonly url: string | URL
  readonly method: string
  readonly headers: FieldList
  readonly content: Body | null
  /** Content of a `Request`, which does not say what it is made of. */
  readonly stream: ReadableStream<Uint8Array> | null
  readonly redirect: RedirectMode
  readonly signal: AbortSignal | null
}

const NORMALISED = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK'])
const NO_FIELDS: FieldList = []
/** Bytes of a body that are looked at for its end. */
const AHEAD = 65_536

/** Throws `TypeError` as WHATWG Fetch 5.3 says, or `StreamConsumed`. */
export function readInit(input: Input, init: Init | undefined): Asked {
  const request = kindOf(input) === 'Request' ? (input as globalThis.Request) : null
  if (request === null && init === undefined) {
    return { ...PLAIN, url: input instanceof URL ? input : String(input) }
  }
  const given = init ?? {}
  const method = methodOf(member(given, 'method') ?? request?.method)
  let headers = fieldsOf(member(given, 'headers') ?? request?.headers)
  const body = member(given, 'body') as Init['body']
  let content: Body | null = null
  if (body !== null && body !== undefined) {
    const encoded = encode(body, fieldOf(headers, 'content-type'), member(given, 'duplex'))
    content = encoded.content
    if (encoded.type !== null) headers = withField(headers, 'content-type', encoded.type)
    if (encoded.length !== null && fieldOf(headers, 'content-length') === null) {
      headers = withField(headers, 'content-length', String(encoded.length))
    }
  }
  const stream = body === undefined && request !== null ? streamOf(request) : null
  if ((content !== null || stream !== null) && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError(`A ${method} request cannot have a body`)
  }
  const signal = member(given, 'signal')
  return {
    url: request?.url ?? (input instanceof URL ? input : String(input)),
    method,
    headers,
    content,
    stream,
    redirect: redirectOf(member(given, 'redirect') ?? request?.redirect),
    signal: signalOf(signal === undefined ? request?.signal : signal),
  }
}

const PLAIN: Omit<Asked, 'url'> = {
  method: 'GET',
  headers: NO_FIELDS,
  content: null,
  stream: null,
  redirect: 'follow',
  signal: null,
}

/** Of a class's instance, a `Request` for one, inherited ones too; but not what pollutes all objects. */
function member(init: Init, name: string): unknown {
  const value = (init as Record<string, unknown>)[name]
  if (value === undefined || Object.hasOwn(init, name)) return value
  return Object.hasOwn(Object.prototype, name) ? undefined : value
}

function methodOf(given: unknown): string {
  if (given === undefined || given === 'GET') return 'GET'
  const method = String(given)
  if (!isToken(method)) throw new TypeError(`${JSON.stringify(method)} is not a valid HTTP method`)
  const upper = method.toUpperCase()
  if (FORBIDDEN.has(upper)) throw new TypeError(`fetch cannot send ${method}`)
  return NORMALISED.has(upper) ? upper : method
}

function redirectOf(given: unknown): RedirectMode {
  if (given === undefined) return 'follow'
  if (given === 'follow' || given === 'manual' || given === 'error') return given
  throw new TypeError(`redirect must be follow, manual or error, not ${String(given)}`)
}

function signalOf(given: unknown): AbortSignal | null {
  if (given === undefined || given === null) return null
  if (typeof (given as AbortSignal).addEventListener === 'function') return given as AbortSignal
  throw new TypeError('signal must be an AbortSignal')
}

/** Pairs (a `Headers` gives them), or a record. What HTTP does not allow is refused when it is sent. */
function fieldsOf(init: unknown): FieldList {
  if (init === undefined || init === null) return NO_FIELDS
  if (typeof init !== 'object') throw new TypeError(`headers cannot be made of a ${typeof init}`)
  const pairs = Symbol.iterator in init ? (init as Iterable<unknown>) : Object.entries(init)
  const fields: string[] = []
  for (const pair of pairs) {
    const [name, value, ...more] = pair as Iterable<unknown>
    if (value === undefined && more.length === 0 && (pair as unknown[]).length !== 2) {
      throw new TypeError('headers need pairs of a name and a value')
    }
    if (more.length > 0) throw new TypeError('headers need pairs of a name and a value')
    const text = String(value)
    fields.push(String(name), trimBlanks(text, 0, text.length))
  }
  return fields
}

function streamOf(request: globalThis.Request): Asked['stream'] {
  if (request.bodyUsed) throw new TypeError('The body of the Request has been read already')
  return request.body as Asked['stream']
}

interface Encoded {
  readonly content: Body
  readonly type: string | null
  readonly length: number | null
}

/** "To extract a body": WHATWG Fetch 5.2. `type` is null where the headers have one. */
function encode(body: NonNullable<Init['body']>, given: string | null, duplex: unknown): Encoded {
  const typed = (content: Body, type: string): Encoded => ({
    content,
    type: given === null && type !== '' ? type : null,
    length: null,
  })
  if (typeof body === 'string') return typed(body, 'text/plain;charset=UTF-8')
  if (typeof body === 'object') {
    if (body instanceof URLSearchParams) {
      return typed(String(body), 'application/x-www-form-urlencoded;charset=UTF-8')
    }
    if (isFormData(body)) {
      const form = encodeBody({ data: body as FormData }, given)
      if (form !== null) {
        return { content: form.content, type: form.contentType, length: lengthOf(form.content) }
      }
    }
    if (isBlob(body)) {
      const { size, type } = body as Blob
      return { ...typed(toContent(body as Blob), type), length: size }
    }
    if (isWebStream(body) || Symbol.asyncIterator in body) {
      if (duplex !== 'half') throw new TypeError("A stream as body needs `duplex: 'half'`")
      return typed(toContent(body as AsyncIterable<Uint8Array>, 'body'), '')
    }
    if (ArrayBuffer.isView(body) || kindOf(body).endsWith('ArrayBuffer')) {
      // What is sent is what it is now. The engine would take it later, from the same memory.
      return typed(Uint8Array.from(toContent(body as Uint8Array) as Uint8Array), '')
    }
  }
  return typed(String(body), 'text/plain;charset=UTF-8')
}

/**
 * The content of a `Request`, which does not say what it was made of. If the stream has ended within one
 * turn of the event loop, as that of a string or bytes does, it is these bytes, to be sent with their length
 * and sent again; else it goes on as a stream.
 */
export async function contentOf(stream: ReadableStream<Uint8Array>, clock: Clock): Promise<Body> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  let next = reader.read()
  const turn = new Promise<null>((resolve) => clock.afterPending(() => resolve(null)))
  while (size <= AHEAD) {
    const step = await Promise.race([next, turn])
    if (step === null) break
    if (step.done) return Buffer.concat(chunks)
    chunks.push(step.value)
    size += step.value.byteLength
    next = reader.read()
  }
  next.catch(() => {}) // it is told to whoever reads on
  return toContent(rest(chunks, next, reader))
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

async function* rest(
  chunks: readonly Uint8Array[],
  next: ReturnType<Reader['read']>,
  reader: Reader,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks
    for (let step = await next; !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel()
  }
}
