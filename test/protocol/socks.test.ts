import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SocksStep, SocksTarget } from '../../src/protocol/socks.ts'
import { SocksHandshake } from '../../src/protocol/socks.ts'

const TARGET: SocksTarget = { host: 'a.test', ipVersion: null, port: 443 }
const CREDENTIALS = { user: Buffer.from('me'), password: Buffer.from('secret') }
/** The address in a request. */
const ADDRESS = '0306612e74657374 01bb'
const REQUEST = `050100 ${ADDRESS}`
const REPLY = '05000001 7f000001 1f90'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const digits = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Formats a step as one line. */
function describeStep(step: SocksStep): string {
  switch (step.step) {
    case 'send':
      return `send ${digits(step.bytes)}`
    case 'open':
      return `open ${digits(step.firstBytes)}`
    case 'refused':
      return `refused ${step.reason}`
    case 'fault':
      return `fault ${step.fault}`
    default:
      return step.step
  }
}

/**
 * Feeds the messages of a proxy to a handshake, in pieces of `size` bytes.
 *
 * @returns the steps as lines
 */
function handshake(
  messages: readonly string[],
  { target = TARGET, secret = false, size = Number.POSITIVE_INFINITY } = {},
): string[] {
  const socks = new SocksHandshake(target, secret ? CREDENTIALS : null)
  const steps = [`send ${digits(socks.greeting())}`]
  for (const message of messages) {
    const bytes = hex(message)
    for (let at = 0; at < bytes.length; at += size) {
      const last = describeStep(socks.take(bytes.subarray(at, at + size)))
      if (last !== 'wait') steps.push(last)
      if (/^(open|refused|fault)/.test(last)) return steps
    }
  }
  return steps
}

const send = (text: string) => `send ${text.replaceAll(' ', '')}`
const open = 'open '

const cases: [name: string, messages: string[], steps: string[], options?: { secret: boolean }][] =
  [
    ['no authentication', ['0500', REPLY], [send('050100'), send(REQUEST), open]],
    [
      'user and password',
      ['0502', '0100', REPLY],
      [send('05020002'), send('01 02 6d65 06 736563726574'), send(REQUEST), open],
      { secret: true },
    ],
    [
      'user and password offered, but not selected',
      ['0500', REPLY],
      [send('05020002'), send(REQUEST), open],
      { secret: true },
    ],
    [
      'a reply with an IPv6 address',
      ['0500', `05000004 ${'00'.repeat(16)} 0050`],
      [send('050100'), send(REQUEST), open],
    ],
    [
      'a reply with a name',
      ['0500', '05000003 03 616263 0050'],
      [send('050100'), send(REQUEST), open],
    ],
    [
      'a reply with an empty name',
      ['0500', '05000003 00 0050'],
      [send('050100'), send(REQUEST), open],
    ],
    ['no acceptable method', ['05ff'], [send('050100'), 'refused it requires credentials']],
    [
      'no acceptable method, with a password',
      ['05ff'],
      [send('05020002'), 'refused it does not accept a user and password'],
      { secret: true },
    ],
    [
      'a password that was not offered',
      ['0502'],
      [send('050100'), 'fault it selected authentication method 2, which was not offered'],
    ],
    [
      'GSSAPI, which was not offered',
      ['0501'],
      [send('050100'), 'fault it selected authentication method 1, which was not offered'],
    ],
    [
      'a wrong password',
      ['0502', '0101'],
      [send('05020002'), send('01 02 6d65 06 736563726574'), 'refused wrong user or password'],
      { secret: true },
    ],
    [
      'an authentication reply of another version',
      ['0502', '0500'],
      [
        send('05020002'),
        send('01 02 6d65 06 736563726574'),
        'fault its authentication reply begins with 5, expected version 1',
      ],
      { secret: true },
    ],
    ['SOCKS 4', ['005a'], [send('050100'), 'fault its first byte is 0, expected version 5']],
    ['HTTP', ['48545450'], [send('050100'), 'fault its first byte is 72, expected version 5']],
    [
      'a reply of another version',
      ['0500', '04000001'],
      [send('050100'), send(REQUEST), 'fault its reply begins with 4, expected version 5'],
    ],
    [
      'a reply with an unknown address type',
      ['0500', '05000002'],
      [send('050100'), send(REQUEST), 'fault its reply has the unknown address type 2'],
    ],
  ]

describe('A6 handshakes, with messages in one piece and in pieces', () => {
  for (const [name, messages, steps, options] of cases) {
    test(name, () => {
      assert.deepEqual(handshake(messages, options), steps)
      assert.deepEqual(handshake(messages, { ...options, size: 1 }), steps)
      for (let size = 2; size < 30; size++) {
        assert.deepEqual(handshake(messages, { ...options, size }), steps)
      }
    })
  }
})

test('A6 every refusal has a reason, with and without an address', () => {
  const reasons = [
    'general SOCKS server failure',
    'connection not allowed by ruleset',
    'network unreachable',
    'host unreachable',
    'connection refused',
    'TTL expired',
    'command not supported',
    'address type not supported',
    'SOCKS reply 9',
  ]
  for (const [i, reason] of reasons.entries()) {
    for (const address of ['', '0001 00000000 0000']) {
      const steps = handshake(['0500', `05 0${i + 1} ${address}`])
      assert.equal(steps.at(-1), `refused ${reason}`)
    }
  }
})

test('A6 bytes after the reply are the first bytes of the origin', () => {
  assert.equal(handshake(['0500', `${REPLY} 48656c6c6f`]).at(-1), 'open 48656c6c6f')
})

test('A6 bytes after an earlier reply are a fault', () => {
  assert.match(handshake(['050000']).at(-1)!, /^fault it sent bytes after its reply/)
  assert.match(
    handshake(['0502', '010000'], { secret: true }).at(-1)!,
    /^fault it sent bytes after its reply/,
  )
})

describe('A6 targets', () => {
  const targets: [host: string, ipVersion: 4 | 6 | null, address: string][] = [
    ['a.test', null, '03 06 612e74657374'],
    ['1.2.3.4', 4, '01 01020304'],
    ['::', 6, `04 ${'00'.repeat(16)}`],
    ['::1', 6, `04 ${'00'.repeat(15)}01`],
    ['fe80::1%eth0', 6, `04 fe80${'00'.repeat(13)}01`],
    ['2001:db8::a:b', 6, '04 20010db8 0000000000000000 000a000b'],
    ['1:2:3:4:5:6:7:8', 6, '04 00010002000300040005000600070008'],
    ['1::', 6, `04 0001${'00'.repeat(14)}`],
    ['::ffff:1.2.3.4', 6, `04 ${'00'.repeat(10)}ffff01020304`],
    ['::1.2.3.4', 6, `04 ${'00'.repeat(12)}01020304`],
    ['1:2:3:4:5:6:1.2.3.4', 6, '04 00010002000300040005000601020304'],
  ]
  for (const [host, ipVersion, address] of targets) {
    test(host, () => {
      const steps = handshake(['0500'], { target: { host, ipVersion, port: 8080 } })
      assert.equal(steps[1], send(`050100 ${address} 1f90`))
    })
  }

  test('names must have 1 to 255 bytes', () => {
    const create = (host: string) => () =>
      new SocksHandshake({ host, ipVersion: null, port: 1 }, null)
    create('a'.repeat(255))()
    for (const host of ['', 'a'.repeat(256), 'é'.repeat(128)])
      assert.throws(create(host), RangeError)
  })
})
