import assert from 'node:assert/strict'
import { ParserDriver } from '../../wire/parser-driver.ts'
import type { MutatedResponse } from '../mutation.ts'
import { mutatedResponse } from '../mutation.ts'
import type { NodeOutcome } from '../node-exchange.ts'
import { runNodeExchange } from '../node-exchange.ts'
import { exchangeInOneRead } from '../one-exchange.ts'
import { target } from '../target.ts'

/**
 * The allowed differences from `node:http`, with reasons: responses that only Node accepts
 * (`STRICTER`), and those that only Hawser accepts (`WIDER`). Responses that both accept must have
 * the same status, reason, version, fields, content and trailers.
 */
const STRICTER: readonly (readonly [refusal: RegExp, why: string])[] = [
  [/does not begin with HTTP\/1/, 'llhttp also accepts RTSP and ICE'],
  [/HTTP version is not 1\.0 or 1\.1/, 'RFC 9112 2.3: another major version is another protocol'],
  [/status code is below 100/, 'RFC 9110 15: this class does not exist'],
  [
    /reason phrase contains a control character/,
    'RFC 9112 4: only HTAB, SP, VCHAR and obs-text are allowed',
  ],
  [
    /Transfer-Encoding is ambiguous/,
    'servers and proxies interpret it differently: response splitting',
  ],
  [/lists chunked more than once/, 'RFC 9112 7.1: a sender must not apply chunked twice'],
  [/Transfer-Encoding conflicts with Content-Length/, 'RFC 9112 11.2: request smuggling'],
  [/switches protocols, which was not requested/, 'RFC 9110 15.2.2: only a requested protocol'],
  [/more than \d+ informational/, 'hazard 26: limited'],
  [/a line does not end with CRLF/, 'hazard 25: llhttp accepts CR CR after a status line'],
  [/framing and trailers exceed|is longer than/, 'hazard 26: limited'],
]
const WIDER: readonly (readonly [shape: RegExp, why: string])[] = [
  [/\r\n[ \t]/, 'RFC 9112 5.2: obs-fold is replaced by a space'],
  [/^content-length:.*,/im, 'RFC 9112 6.3: identical values in a list count as one'],
  [/^content-length:.*\t/im, 'RFC 9112 5: a tab around a value is not part of the value'],
  [
    /^HTTP\/1\.0 1\d\d|^HTTP\/1\.1 1\d\d[\s\S]*?^connection:.*close/im,
    'RFC 9110 15.2: Connection in a 1xx has no effect',
  ],
  [
    /^content-length:[\s\S]*^content-length:/im,
    'RFC 9112 6.3: identical repeated values count as one',
  ],
]

/** Responses that both this engine and Node's client accept have the same outcome. */
export const nodeParser = target({
  name: 'node-parser',
  // After CONNECT, Node treats each response as a tunnel, even a 1xx.
  inputs: mutatedResponse.map(({ method, text }) => ({
    method: method === 'CONNECT' ? 'GET' : method,
    text,
  })),
  async check(given) {
    const response = withoutSurplus(given)
    const [{ informational, head, body, trailers, end }, error] = await exchangeInOneRead(response)
    const theirs = await runNodeExchange(response)
    const refused = end.startsWith('error ')
    if (isRefusal(theirs)) {
      const isWider = WIDER.some(([shape]) => shape.test(response.text))
      assert.ok(refused || isWider, `only Node rejects it: ${theirs.end}`)
    } else if (refused) {
      const { message } = error as Error
      const isStricter = STRICTER.some(([refusal]) => refusal.test(message))
      assert.ok(isStricter, `only Hawser rejects it: ${message}`)
    } else {
      assert.deepEqual({ informational, head, body, trailers, end }, theirs)
    }
  },
})

function isRefusal({ end }: NodeOutcome): boolean {
  return end !== 'end' && !end.startsWith('upgrade')
}

/** Removes bytes after a complete message, which the engine ignores and Node rejects. */
function withoutSurplus({ method, text }: MutatedResponse): MutatedResponse {
  const { surplus } = new ParserDriver(method).read(Buffer.from(text, 'latin1')).parser
  return { method, text: text.slice(0, text.length - surplus) }
}
