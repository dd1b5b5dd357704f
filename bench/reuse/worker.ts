// One client of `bench:reuse`. It sends requests one after another and counts those that fail.
import { Readable } from 'node:stream'
import { ConnectionPool } from '../../src/engine.ts'
import { requireModern } from '../../test/modern/modern.ts'
import type { Batch, Lost } from './messages.ts'
import { METHODS } from './messages.ts'

type Method = (typeof METHODS)[number]
type Send = (method: Method, body: Uint8Array | Readable) => Promise<string>

const CONTENT = Buffer.from('{"name":"Ada"}')

function openStream(): Readable {
  return Readable.from([CONTENT, CONTENT])
}

function openHawser({ origin, ca }: Batch): Send {
  const pool = new ConnectionPool({ tls: { ca } })
  return async (method, body) => {
    const response = await pool.request({ origin, path: '/', method, body })
    return response.text()
  }
}

function openUndici({ origin, ca }: Batch): Send {
  const { Pool } = requireModern('undici') as typeof import('undici')
  const pool = new Pool(origin, { connect: { ca } })
  return async (method, body) => {
    const response = await pool.request({ path: '/', method, body })
    return response.body.text()
  }
}

/** A pool for each server, which all runs share. */
const opened = new Map<string, Send>()

async function run(batch: Batch): Promise<Lost> {
  const open = process.argv[2] === 'undici' ? openUndici : openHawser
  const send = opened.get(batch.origin) ?? open(batch)
  opened.set(batch.origin, send)
  const lost: Lost = { POST: 0, PUT: 0, PATCH: 0, reason: null }
  for (let i = 0; i < batch.requests; i++) {
    const method = METHODS[i % METHODS.length] ?? 'POST'
    try {
      const text = await send(method, method === 'PUT' ? openStream() : CONTENT)
      if (text !== 'ok') throw new Error(`unexpected response: ${text}`)
    } catch (error) {
      lost[method]++
      lost.reason ??= String(error)
    }
  }
  return lost
}

process.on('disconnect', () => process.exit())
process.on('message', (batch: Batch) => void run(batch).then((lost) => process.send?.(lost)))
