import { discardGiven } from '../content/discard.ts'
import { Client } from './client.ts'
import type { OneCallOptions, RequestOptions } from './options.ts'
import { splitOptions } from './options.ts'
import type { Response } from './response.ts'

/**
 * One request by a client of its own, which is closed at the end: nothing is kept between calls. For
 * more than one request make a `Client`.
 */
export async function request(
  method: string,
  url: string | URL,
  options: OneCallOptions = {},
): Promise<Response> {
  const response = await stream(method, url, options)
  return response.read()
}

/** As `request`, but resolves at the head; the client is closed when the body has ended or is closed. */
export async function stream(
  method: string,
  url: string | URL,
  options: OneCallOptions = {},
): Promise<Response> {
  const [client, ofRequest] = open(options)
  try {
    const response = await client.stream(method, url, ofRequest)
    response.whenEnded(() => void client.close())
    return response
  } catch (error) {
    await client.close()
    throw error
  }
}

function open(options: OneCallOptions): [Client, RequestOptions] {
  try {
    const [ofClient, ofRequest] = splitOptions(options)
    return [new Client(ofClient), ofRequest]
  } catch (error) {
    discardGiven(options)
    throw error
  }
}

/** `request` with GET. */
export function get(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('GET', url, options)
}

/** `request` with OPTIONS. */
export function options(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('OPTIONS', url, options)
}

/** `request` with HEAD. */
export function head(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('HEAD', url, options)
}

/** `request` with POST. */
export function post(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('POST', url, options)
}

/** `request` with PUT. */
export function put(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('PUT', url, options)
}

/** `request` with PATCH. */
export function patch(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('PATCH', url, options)
}

/** `request` with DELETE; to be imported under another name. */
function del(url: string | URL, options?: OneCallOptions): Promise<Response> {
  return request('DELETE', url, options)
}

export { del as delete }
