import { PassThrough, Readable } from 'node:stream'
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import axios, { AxiosError, AxiosHeaders, CanceledError } from 'axios'
import type { BodyOptions, Response as HawserResponse, Progress } from 'hawser'
import { Client, HawserError, TimeoutException, TotalTimeout } from 'hawser'

type Config = InternalAxiosRequestConfig

/** The options of axios that a request cannot have, and what to use instead. */
const REFUSED: Readonly<Partial<Record<keyof Config, string>>> = {
  proxy: 'the option proxies or trustEnv of the Client',
  socketPath: 'the option uds of the Client',
  allowedSocketPaths: 'the option uds of the Client',
  httpAgent: 'the options of the Client',
  httpsAgent: 'the options of the Client, such as verify and cert',
  transport: 'the option dispatcher of the Client',
  lookup: 'the option lookup of the Client',
  family: 'the option lookup of the Client',
  maxRedirects: '0, or the option maxRedirects of the Client',
  beforeRedirect: 'maxRedirects: 0 and a request for each redirect',
  sensitiveHeaders: 'maxRedirects: 0 and a request for each redirect',
  maxRate: 'a body that is a slow stream',
  insecureHTTPParser: 'nothing: Hawser has only a strict parser',
  httpVersion: '1',
  http2Options: 'nothing: Hawser speaks only HTTP/1.1',
  fetchOptions: "adapter: 'fetch'",
}
/** Values that are accepted because they ask for nothing. */
const ACCEPTED: Readonly<Record<string, unknown>> = {
  maxRedirects: 0,
  insecureHTTPParser: false,
  httpVersion: 1,
}

function refuseOptions(config: Config): void {
  const refuse = (name: string, instead: string) => {
    const message = `The adapter does not support ${name}; use ${instead}`
    throw new AxiosError(message, AxiosError.ERR_NOT_SUPPORT, config)
  }
  for (const [name, instead] of Object.entries(REFUSED)) {
    const value: unknown = config[name as keyof Config]
    if (value !== undefined && value !== null && value !== ACCEPTED[name]) refuse(name, instead)
  }
  for (const name of ['fetch', 'Request', 'Response'] as const) {
    if (config.env?.[name]) refuse(`env.${name}`, "adapter: 'fetch'")
  }
}

/** Converts the body of axios, which has already serialised `data`. */
function bodyOf(config: Config): BodyOptions {
  const { data, headers, maxBodyLength: max = -1 } = config
  if (typeof data?.getHeaders === 'function') {
    // The npm package form-data, which axios uses in Node.js.
    for (const [name, value] of Object.entries<string>(data.getHeaders())) {
      const isContent = /^content-(type|length)$/i.test(name)
      if (isContent || config.formDataHeaderPolicy !== 'content-only') headers.set(name, value)
    }
    return { content: limitUpload(data.pipe(new PassThrough()), config) }
  }
  if (data instanceof FormData) {
    headers.delete('content-type') // Hawser sets it with the boundary
    if (max < 0) return { data }
    const { body, headers: encoded } = new Response(data)
    headers.set('content-type', encoded.get('content-type'))
    return { content: limitUpload(body as AsyncIterable<Uint8Array>, config) }
  }
  const isText = typeof data === 'string'
  const length = isText ? Buffer.byteLength(data) : (data?.byteLength ?? data?.size)
  if (max >= 0 && length > max) throw uploadTooLarge(config)
  const isStream = typeof length !== 'number' && typeof data === 'object' && data !== null
  return { content: isStream ? limitUpload(data, config) : (data ?? null) }
}

async function* limitUpload(chunks: AsyncIterable<Uint8Array | string>, config: Config) {
  const { maxBodyLength: max = -1 } = config
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += Buffer.byteLength(chunk)
    if (max >= 0 && bytes > max) throw uploadTooLarge(config)
    yield chunk
  }
}

function uploadTooLarge(config: Config): AxiosError {
  const message = 'Request body larger than maxBodyLength limit'
  return new AxiosError(message, AxiosError.ERR_BAD_REQUEST, config)
}

/** The body of a response. A stream can fail after the call has ended. */
async function* chunksOf(response: HawserResponse, config: Config) {
  const { decompress, maxContentLength: max = -1 } = config
  let bytes = 0
  try {
    for await (const chunk of decompress === false ? response.iterRaw() : response.iterBytes()) {
      bytes += chunk.length
      if (max >= 0 && bytes > max) {
        const message = `maxContentLength size of ${max} exceeded`
        throw new AxiosError(message, AxiosError.ERR_BAD_RESPONSE, config)
      }
      yield chunk
    }
  } catch (error) {
    throw toAxiosError(error, config)
  }
}

/** Reads the body as `responseType` specifies. axios parses JSON itself (`transformResponse`). */
async function readData(response: HawserResponse, config: Config) {
  const { responseType: type, responseEncoding: encoding = 'utf8' } = config
  const chunks = chunksOf(response, config)
  if (type === 'stream') return Readable.from(chunks, { objectMode: false })
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const bytes = Buffer.concat(parts)
  if (type === 'arraybuffer') return bytes
  if (type === 'blob')
    return new Blob([bytes], { type: response.headers.get('content-type') ?? '' })
  const text = bytes.toString(encoding as BufferEncoding)
  return encoding === 'utf8' ? text.replace(/^\ufeff/, '') : text
}

function headersOf(response: HawserResponse, { decompress }: Config): AxiosHeaders {
  const headers = new AxiosHeaders(response.headers.toJSON())
  if (decompress !== false) headers.delete('content-encoding')
  return headers
}

function signalOf({ signal, cancelToken }: Config): AbortSignal | undefined {
  const signals = [signal as AbortSignal | undefined, cancelToken?.toAbortSignal()]
  const given = signals.filter((each) => each !== undefined)
  return given.length > 1 ? AbortSignal.any(given) : given[0]
}

function toAxiosError(error: unknown, config: Config): unknown {
  const { timeout, timeoutErrorMessage, transitional } = config
  if (config.cancelToken?.reason) return config.cancelToken.reason
  if (config.signal?.aborted) return new CanceledError(undefined, config)
  if (error instanceof TotalTimeout && timeout) {
    const code = transitional?.clarifyTimeoutError ? 'ETIMEDOUT' : 'ECONNABORTED'
    return new AxiosError(timeoutErrorMessage || `timeout of ${timeout}ms exceeded`, code, config)
  }
  if (!(error instanceof HawserError)) return error
  if (axios.isAxiosError(error.cause)) return error.cause // of `limitUpload`
  const systemCode = (error.cause as NodeJS.ErrnoException | undefined)?.code
  const code = error instanceof TimeoutException ? 'ETIMEDOUT' : (systemCode ?? 'ERR_NETWORK')
  return AxiosError.from(error, code, config)
}

function progressListener(listener: Config['onDownloadProgress']) {
  return ({ bytes, total }: Progress) =>
    listener?.({
      loaded: bytes,
      bytes,
      ...(total !== null && { total }),
      lengthComputable: total !== null,
    })
}

/** Creates an axios adapter that sends requests with `client` and its proxies, TLS and cookies. */
export function hawserAdapter(client = new Client()): AxiosAdapter {
  return async (config) => {
    const { method = 'get', timeout, auth, validateStatus, maxRedirects } = config
    try {
      refuseOptions(config)
      const body = bodyOf(config)
      const hawserResponse = await client.stream(method.toUpperCase(), axios.getUri(config), {
        ...body,
        headers: config.headers.toJSON() as Record<string, string | string[]>,
        ...(timeout && { timeout: { total: timeout } }),
        ...(auth && { auth: [auth.username ?? '', auth.password ?? ''] }),
        followRedirects: maxRedirects !== 0,
        signal: signalOf(config),
        onDownloadProgress: progressListener(config.onDownloadProgress),
        onUploadProgress: progressListener(config.onUploadProgress),
      })
      const { status, statusText, request } = hawserResponse
      const headers = headersOf(hawserResponse, config)
      const data = await readData(hawserResponse, config)
      const response: AxiosResponse = { data, status, statusText, headers, config, request }
      if (!validateStatus || validateStatus(status)) return response
      const code = status >= 400 && status < 500 ? 'ERR_BAD_REQUEST' : 'ERR_BAD_RESPONSE'
      const message = `Request failed with status code ${status}`
      throw new AxiosError(message, code, config, request, response)
    } catch (error) {
      throw toAxiosError(error, config)
    }
  }
}
