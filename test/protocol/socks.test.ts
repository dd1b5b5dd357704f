import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SocksStep, SocksTarget } from '../../src/protocol/socks.ts'
import { SocksHandshake } from '../../src/protocol/socks.ts'

const TARGET: SocksTarget = { host: 'a.test', ipVersion: null, port: 443 }
const CREDENTIALS = { user: Buffer.from('me'), password: Buffer.from('secret') }
/** As a request has it. */
const ADDRESS = '0306612e74657374 01bb'
const REQUEST = `050100 ${ADDRESS}`
const REPLY = '05000001 7f000001 1f90'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const digits = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** One line for a step: what it is, and what is in it. */
function line(step: SocksStep): string {
  switch (step.step) {
    case 'send':
      return `send ${digits(step.bytes)}`
    case 'open':
      return `open ${digits(step.rest)}`
    case 'refused':
      return `refused ${step.reason}`
    case 'fault':
      return `fault ${step.fault}`
    default:
      return step.step
  }
}

/** What the turns of a proxy lead to, the turns cut into pieces. */
function play(
  turns: readonly string[],
  { target = TARGET, secret = false, size = Number.POSITIVE_INFINITY } = {},
): string[] {
  const handshake = new SocksHandshake(target, secret ? CREDENTIALS : null)
  const steps = [`send ${digits(handshake.greeting())}`]
  for (const turn of turns) {
    const bytes = hex(turn)
    for (let at = 0; at < bytes.length; at += size) {
      const last = line(handshake.take(bytes.subarray(at, at + size)))
      if (last !== 'wait') steps.push(last)
      if (/^(open|refused|fault)/.test(last)) return steps
    }
  }
  return steps
}

const send = (text: string) => `send ${text.replaceAll(' ', '')}`
const open = 'open '

const cases: [name: string, turns: string[], steps: string[], options?: { secret: boolean }][] = [
  ['no authentication', ['0500', REPLY], [send('050100'), send(REQUEST), open]],
  [
    'user and password',
    ['0502', '0100', REPLY],
    [send('05020002'), send('01 02 6d65 06 736563726574'), send(REQUEST), open],
    { secret: true },
  ],
  [
    'user and password offered and not wanted',
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
  ['none of the methods', ['05ff'], [send('050100'), 'refused it wants credentials']],
  [
    'none of them, with a password',
    ['05ff'],
    [send('05020002'), 'refused it takes no user and password'],
    { secret: true },
  ],
  [
    'a password that was not offered',
    ['0502'],
    [send('050100'), 'fault it chose method 2, which was not offered'],
  ],
  [
    'GSSAPI, which was not offered',
    ['0501'],
    [send('050100'), 'fault it chose method 1, which was not offered'],
  ],
  [
    'a wrong password',
    ['0502', '0101'],
    [send('05020002'), send('01 02 6d65 06 736563726574'), 'refused wrong user or password'],
    { secret: true },
  ],
  [
    'authentication of another version',
    ['0502', '0500'],
    [
      send('05020002'),
      send('01 02 6d65 06 736563726574'),
      'fault its answer to the password begins with 5',
    ],
    { secret: true },
  ],
  ['SOCKS 4', ['005a'], [send('050100'), 'fault it begins with 0, not with version 5']],
  ['HTTP', ['48545450'], [send('050100'), 'fault it begins with 72, not with version 5']],
  [
    'another version in the reply',
    ['0500', '04000001'],
    [send('050100'), send(REQUEST), 'fault its reply begins with 4'],
  ],
  [
    'an address of no type',
    ['0500', '05000002'],
    [send('050100'), send(REQUEST), 'fault its reply has an address of type 2'],
  ],
]

describe('A6 dialogues, whole and byte by byte', () => {
  for (const [name, turns, steps, options] of cases) {
    test(name, () => {
      assert.deepEqual(play(turns, options), steps)
      assert.deepEqual(play(turns, { ...options, size: 1 }), steps)
      for (let size = 2; size < 30; size++) {
        assert.deepEqual(play(turns, { ...options, size }), steps)
      }
    })
  }
})

test('A6 every reply in words, with and without what stands behind it', () => {
  const words = [
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
  for (const [i, word] of words.entries()) {
    for (const rest of ['', '0001 00000000 0000']) {
      const steps = play(['0500', `05 0${i + 1} ${rest}`])
      assert.equal(steps.at(-1), `refused ${word}`)
    }
  }
})

test('A6 what comes behind the reply is the origin’s', () => {
  assert.equal(play(['0500', `${REPLY} 48656c6c6f`]).at(-1), 'open 48656c6c6f')
})

test('A6 more than was asked, before the end, is a fault', () => {
  assert.match(play(['050000']).at(-1)!, /^fault it says more/)
  assert.match(play(['0502', '010000'], { secret: true }).at(-1)!, /^fault it says more/)
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
      const steps = play(['0500'], { target: { host, ipVersion, port: 8080 } })
      assert.equal(steps[1], send(`050100 ${address} 1f90`))
    })
  }

  test('names of 1 to 255 bytes', () => {
    const handshake = (host: string) => () =>
      new SocksHandshake({ host, ipVersion: null, port: 1 }, null)
    handshake('a'.repeat(255))()
    for (const host of ['', 'a'.repeat(256), 'é'.repeat(128)])
      assert.throws(handshake(host), RangeError)
  })
})
