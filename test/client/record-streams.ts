import type { TestContext } from 'node:test'
import type { ClientOptions, RequestOptions, Response } from '../../src/index.ts'
import { scriptedClient, settle } from './clients.ts'

export const URL = 'http://h.test/'

/** Opens a streamed response without a length. Its head has arrived. */
export async function openStream(
  t: TestContext,
  contentType: string | null,
  options: RequestOptions = {},
  clientOptions: ClientOptions = {},
) {
  const scripted = scriptedClient(t, clientOptions)
  const pending = scripted.client.stream('GET', URL, options)
  await settle()
  const { socket } = scripted.backend
  const type = contentType === null ? '' : `Content-Type: ${contentType}\r\n`
  socket.receive(`HTTP/1.1 200 OK\r\nConnection: close\r\n${type}\r\n`)
  return { ...scripted, response: await pending, socket }
}

/** Returns the items of an iterable, and its error; null for none. */
export async function gather<Item>(items: AsyncIterable<Item>) {
  const gathered: Item[] = []
  try {
    for await (const item of items) gathered.push(item)
  } catch (error) {
    return { items: gathered, error: error as Error }
  }
  return { items: gathered, error: null }
}

/** Returns what `read` yields of a body that arrives in pieces. */
export async function readPieces<Item>(
  t: TestContext,
  contentType: string | null,
  pieces: readonly (string | Uint8Array)[],
  read: (response: Response) => AsyncIterable<Item>,
) {
  const { response, socket } = await openStream(t, contentType)
  const gathering = gather(read(response))
  for (const piece of pieces) {
    if (socket.destroyed) break
    socket.receive(typeof piece === 'string' ? Buffer.from(piece) : piece)
    await settle()
  }
  if (!socket.destroyed) socket.receiveEnd()
  return gathering
}
