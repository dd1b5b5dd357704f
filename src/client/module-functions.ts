import { discardBodyOptions } from '../content/discard.ts'
import { Client } from './client.ts'
import type { OneCallOptions, RequestOptions } from './options.ts'
import { splitOptions } from './options.ts'
import type { Response } from './response.ts'

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
    response.whenEnded(() => void client.close())
    return response
  } catch (error) {
    await client.close()
    throw error
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

function withMethod(method: string) {
  return (url: string | URL, options?: OneCallOptions): Promise<Response> =>
    request(method, url, options)
}

/** Sends a GET request and reads the whole response body. */
export const get = withMethod('GET')

/** Sends an OPTIONS request and reads the whole response body. */
export const options = withMethod('OPTIONS')

/** Sends a HEAD request. The response has no body. */
export const head = withMethod('HEAD')

/** Sends a POST request and reads the whole response body. */
export const post = withMethod('POST')

/** Sends a PUT request and reads the whole response body. */
export const put = withMethod('PUT')

/** Sends a PATCH request and reads the whole response body. */
export const patch = withMethod('PATCH')

/**
 * Sends a DELETE request and reads the whole response body. Its exported name is `delete`, a
 * reserved word: import it as `import { delete as del } from 'hawser'`.
 */
const del = withMethod('DELETE')

export { del as delete }
