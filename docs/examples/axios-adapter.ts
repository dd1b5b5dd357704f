import { Readable } from 'node:stream'
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import axios, { AxiosError } from 'axios'
import type { BodyOptions, Progress, Response } from 'hawser'
import { Client, HawserError, TimeoutException } from 'hawser'

/** Converts the body of axios, which has already serialised `data`. */
function bodyOf({ data, headers }: InternalAxiosRequestConfig): BodyOptions {
  if (!(data instanceof FormData)) return { content: data ?? null }
  headers.delete('content-type') // Hawser sets it with the boundary
  return { data }
}

/** Reads the body as `responseType` specifies. axios parses JSON itself (`transformResponse`). */
async function readData(response: Response, type: string | undefined) {
  if (type === 'stream') return Readable.from(response.iterBytes(), { objectMode: false })
  await response.read()
  if (type === 'arraybuffer') return Buffer.from(response.bytes())
  return type === 'blob' ? response.blob() : response.text()
}

function toAxiosError(error: unknown, config: InternalAxiosRequestConfig): unknown {
  if (config.signal?.aborted) return new axios.CanceledError(undefined, config)
  if (!(error instanceof HawserError)) return error
  const code = error instanceof TimeoutException ? 'ETIMEDOUT' : 'ERR_NETWORK'
  return AxiosError.from(error, code, config)
}

function progressListener(listener: InternalAxiosRequestConfig['onDownloadProgress']) {
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
    const { method = 'get', timeout, signal, validateStatus, maxRedirects } = config
    try {
      const body = bodyOf(config)
      const hawserResponse = await client.stream(method.toUpperCase(), axios.getUri(config), {
        ...body,
        headers: config.headers.toJSON() as Record<string, string | string[]>,
        ...(timeout && { timeout: { total: timeout } }),
        ...(config.auth && { auth: [config.auth.username, config.auth.password] }),
        followRedirects: maxRedirects !== 0,
        signal: signal as AbortSignal | undefined,
        onDownloadProgress: progressListener(config.onDownloadProgress),
        onUploadProgress: progressListener(config.onUploadProgress),
      })
      const { status, statusText, request } = hawserResponse
      const headers = hawserResponse.headers.toJSON()
      const data = await readData(hawserResponse, config.responseType)
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
