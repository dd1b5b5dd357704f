import { discardBodyOptions } from '../content/discard.ts'
import { Client } from './client.ts'
import type { OneCallOptions, RequestOptions } from './options.ts'
import { splitOptions } from './options.ts'
import { Response } from './response.ts'

/**
 * Sends a request with a temporary client, reads the whole response body, and closes the client.
 * Accepts the options of a client and of a request. Nothing is kept between calls: for more than
 * one request, create a `Client`.
 *
 * Never throws synchronously. Rejects as the methods of `Client` do, also for an invalid client
 * option.
 */
export async function request(
  method: string,
  url: string | URL,
  options: OneCallOptions = {},
): Promise<Response> {
  const response = await stream(method, url, options)
  return response.read()
}

/**
 * Sends a request and resolves when the response head has arrived. The caller must read the body to
 * its end, or close the response; then the client is closed.
 */
export async function stream(
  method: string,
  url: string | URL,
  options: OneCallOptions = {},
): Promise<Response> {
  const [client, requestOptions] = createClient(options)
  try {
    const response = await client.stream(method, url, requestOptions)
    closeWhenEnded(client, response)
    return response
  } catch (error) {
    const response = keptResponse(error)
    if (response === null) await closeQuietly(client)
    else closeWhenEnded(client, response)
    throw error
  }
}

/**
 * Returns the response that an error of a hook holds, also as its cause; null for another error.
 */
function keptResponse(error: unknown): Response | null {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('response' in each && each.response instanceof Response) return each.response
  }
  return null
}

function closeWhenEnded(client: Client, response: Response): void {
  response.whenEnded(() => void closeQuietly(client))
}

/** Closes the client. Its `dispatcher` may fail to close, which does not change the result. */
async function closeQuietly(client: Client): Promise<void> {
  try {
    await client.close()
  } catch {
    // The call has its response or its error. An unhandled rejection would end the process.
  }
}

function createClient(options: OneCallOptions): [Client, RequestOptions] {
  try {
    const [clientOptions, requestOptions] = splitOptions(options)
    return [new Client(clientOptions), requestOptions]
  } catch (error) {
    discardBodyOptions(options)
    throw error
  }
}

/** Sends a GET request and reads the whole response body. */
export function get(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('GET', url, options)
}

/** Sends an OPTIONS request and reads the whole response body. */
export function options(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('OPTIONS', url, options)
}

/** Sends a HEAD request. The response has no body. */
export function head(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('HEAD', url, options)
}

/** Sends a POST request and reads the whole response body. */
export function post(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('POST', url, options)
}

/** Sends a PUT request and reads the whole response body. */
export function put(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('PUT', url, options)
}

/** Sends a PATCH request and reads the whole response body. */
export function patch(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('PATCH', url, options)
}

/**
 * Sends a DELETE request and reads the whole response body. Its exported name is `delete`, a
 * reserved word: import it as `{ delete as del }`.
 */
function del(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('DELETE', url, options)
}

export { del as delete }
