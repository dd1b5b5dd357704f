/** The errors that a connection's troubles become: what, where, and after how long. */
import { ReadError, ReadTimeout, RemoteProtocolError, WriteError, WriteTimeout } from '../errors.ts'
import type { Exchange } from './exchange.ts'

export function invalidResponse(exchange: Exchange, fault: string): RemoteProtocolError {
  const text = `The server's response is not valid: ${fault} (${exchange.describe()})`
  return new RemoteProtocolError(text, exchange.facts())
}

export function connectionBroke(exchange: Exchange, cause: Error): ReadError {
  const text = `The connection broke: ${cause.message} (${exchange.describe()})`
  return new ReadError(text, exchange.facts(cause))
}

export function sendingFailed(exchange: Exchange, cause: Error): WriteError {
  const text = `Sending the request failed: ${cause.message} (${exchange.describe()})`
  return new WriteError(text, exchange.facts(cause))
}

export function nothingRead(exchange: Exchange): ReadTimeout {
  const what = exchange.responseStarted
    ? 'No byte of the rest of the response came'
    : 'No response came'
  const text = `${what} for ${exchange.timeouts.read} ms (${exchange.describe()})`
  return new ReadTimeout(text, exchange.facts())
}

export function nothingSent(exchange: Exchange, pending: number): WriteTimeout {
  const what = `No progress in sending for ${exchange.timeouts.write} ms, ${pending} bytes wait`
  return new WriteTimeout(`${what} (${exchange.describe()})`, exchange.facts())
}
