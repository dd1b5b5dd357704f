import { Readable } from 'node:stream'
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import axios, { AxiosError } from 'axios'
import type { BodyOptions, Progress, Response } from 'hawser'
import { Client, HawserError, TimeoutException } from 'hawser'

/** What axios has made of `data`, with the headers that go with it. */
function bodyOf({ data, headers }: InternalAxiosRequestConfig): BodyOptions {
  if (!(data instanceof FormData)) return { content: data ?? null }
  headers.delete('content-type') // ours has the boundary
  return { data }
}

/** `transformResponse` of axios goes on from here: it parses JSON. */
async function dataOf(response: Response, type: string | undefined) {
  if (type === 'stream') return Readable.from(response.iterBytes(), { objectMode: false })
  await response.read()
  if (type === 'arraybuffer') return Buffer.from(response.bytes())
  return type === 'blob' ? response.blob() : response.text()
}

function failureOf(error: unknown, config: InternalAxiosRequestConfig): unknown {
  if (config.signal?.aborted) return new axios.CanceledError(undefined, config)
  if (!(error instanceof HawserError)) return error
  const code = error instanceof TimeoutException ? 'ETIMEDOUT' : 'ERR_NETWORK'
  return AxiosError.from(error, code, config)
}

function progressTo(listener: InternalAxiosRequestConfig['onDownloadProgress']) {
  return ({ bytes, total }: Progress) =>
    listener?.({
      loaded: bytes,
      bytes,
      total: total ?? undefined,
      lengthComputable: total !== null,
    })
}

/** Sends what axios asks for by `client`: its connections, proxies, TLS, cookies and retries. */
export function hawserAdapter(client = new Client()): AxiosAdapter {
  return async (config) => {
    const { method = 'get', timeout, signal, validateStatus, maxRedirects } = config
    try {
      const body = bodyOf(config)
      const answer = await client.stream(method.toUpperCase(), axios.getUri(config), {
        ...body,
        headers: config.headers.toJSON() as Record<string, string | string[]>,
        ...(timeout && { timeout: { total: timeout } }),
        ...(config.auth && { auth: [config.auth.username, config.auth.password] }),
        followRedirects: maxRedirects !== 0,
        signal: signal as AbortSignal | undefined,
        onDownloadProgress: progressTo(config.onDownloadProgress),
        onUploadProgress: progressTo(config.onUploadProgress),
      })
      const { status, statusText, headers, request } = answer
      const data = await dataOf(answer, config.responseType)
      const fields = headers.toJSON()
      const response: AxiosResponse = { data, status, statusText, headers: fields, config, request }
      if (!validateStatus || validateStatus(status)) return response
      const code = status >= 400 && status < 500 ? 'ERR_BAD_REQUEST' : 'ERR_BAD_RESPONSE'
      const text = `Request failed with status code ${status}`
      throw new AxiosError(text, code, config, request, response)
    } catch (error) {
      throw failureOf(error, config)
    }
  }
}
