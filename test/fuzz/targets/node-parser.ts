import assert from 'node:assert/strict'
import { Play } from '../../wire/play.ts'
import type { MutatedResponse } from '../mutation.ts'
import { mutatedResponse } from '../mutation.ts'
import type { NodeOutcome } from '../node-exchange.ts'
import { nodeExchange } from '../node-exchange.ts'
import { whole } from '../one-exchange.ts'
import { target } from '../target.ts'

/**
 * What `node:http` takes for another message, or for none, and why that is as it should be. All else that
 * both take has to be the same: status, reason, version, fields, content, trailers.
 */
const STRICTER: readonly (readonly [refusal: RegExp, why: string])[] = [
  [/does not begin with HTTP\/1/, 'llhttp takes RTSP and ICE too'],
  [/HTTP version is not 1\.0 or 1\.1/, 'RFC 9112 2.3: another major version is another protocol'],
  [/status is below 100/, 'RFC 9110 15: there is no such class'],
  [/reason phrase has a control character/, 'RFC 9112 4: only HTAB, SP, VCHAR and obs-text'],
  [/Transfer-Encoding is ambiguous/, 'servers and proxies differ in it: response splitting'],
  [/names chunked twice/, 'RFC 9112 7.1: must not'],
  [/Transfer-Encoding stands beside Content-Length/, 'RFC 9112 11.2: request smuggling'],
  [/switches protocols, which was not requested/, 'RFC 9110 15.2.2: only what was asked for'],
  [/more than \d+ informational/, 'hazard 26: bounded'],
  [/a line does not end in CRLF/, 'hazard 25: llhttp takes CR CR behind a status line'],
  [/without end|is longer than/, 'hazard 26: bounded'],
]
const WIDER: readonly (readonly [shape: RegExp, why: string])[] = [
  [/\r\n[ \t]/, 'RFC 9112 5.2: obs-fold is a space'],
  [/^content-length:.*,/im, 'RFC 9112 6.3: identical values in a list are one'],
  [/^content-length:.*\t/im, 'RFC 9112 5: a tab around a value is no part of it'],
  [
    /^HTTP\/1\.0 1\d\d|^HTTP\/1\.1 1\d\d[\s\S]*?^connection:.*close/im,
    'RFC 9110 15.2: what a 1xx says of the connection has no effect',
  ],
  [/^content-length:[\s\S]*^content-length:/im, 'RFC 9112 6.3: identical repeated values are one'],
]

/** What both this engine and Node's own client accept, they understand in the same way. */
export const nodeParser = target({
  name: 'node-parser',
  // After CONNECT Node takes each response, a 1xx too, for a tunnel.
  inputs: mutatedResponse.map(({ method, text }) => ({
    method: method === 'CONNECT' ? 'GET' : method,
    text,
  })),
  async check(given) {
    const response = withoutSurplus(given)
    const [{ informational, head, body, trailers, end }, error] = await whole(response)
    const theirs = await nodeExchange(response)
    const refused = end.startsWith('error ')
    if (isRefusal(theirs)) {
      const isWider = WIDER.some(([shape]) => shape.test(response.text))
      assert.ok(refused || isWider, `Node refuses it: ${theirs.end}`)
    } else if (refused) {
      const { message } = error as Error
      const isStricter = STRICTER.some(([refusal]) => refusal.test(message))
      assert.ok(isStricter, `Node accepts it, and this engine does not: ${message}`)
    } else {
      assert.deepEqual({ informational, head, body, trailers, end }, theirs)
    }
  },
})

function isRefusal({ end }: NodeOutcome): boolean {
  return end !== 'end' && !end.startsWith('upgrade')
}

/** Bytes behind a complete message are ignored here, and an error in Node. */
function withoutSurplus({ method, text }: MutatedResponse): MutatedResponse {
  const { surplus } = new Play(method).read(Buffer.from(text, 'latin1')).parser
  return { method, text: text.slice(0, text.length - surplus) }
}
