import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NoProxy } from '../../src/dispatch/proxies/no-proxy.ts'
import { assertLinear } from '../support/growth.ts'

const DIRECT = true
const PROXY = false

type Case = readonly [noProxy: string, host: string, direct: boolean]

/** `host` can have a port, and is for an http URL unless it has a scheme. */
const tables: Record<string, readonly Case[]> = {
  names: [
    ['a.test', 'a.test', DIRECT],
    ['a.test', 'www.a.test', DIRECT],
    ['a.test', 'x.www.a.test', DIRECT],
    ['a.test', 'nota.test', PROXY],
    ['a.test', 'a.test.evil', PROXY],
    ['a.test', 'test', PROXY],
    ['www.a.test', 'a.test', PROXY],
    ['A.TeSt', 'a.test', DIRECT],
    ['a.test', 'WWW.A.TEST', DIRECT],
    ['localhost', 'localhost', DIRECT],
    ['localhost', 'a.localhost', DIRECT],
    ['', 'a.test', PROXY],
    ['bücher.test', 'xn--bcher-kva.test', DIRECT],
    ['xn--bcher-kva.test', 'bücher.test', DIRECT],
  ],
  dots: [
    ['.a.test', 'a.test', DIRECT],
    ['.a.test', 'www.a.test', DIRECT],
    ['.a.test', 'nota.test', PROXY],
    ['a.test.', 'a.test', DIRECT],
    ['.a.test.', 'www.a.test', DIRECT],
    ['a.test', 'a.test.', DIRECT],
    ['a.test', 'www.a.test.', DIRECT],
    ['localhost', 'localhost.', DIRECT],
    ['localhost.', 'localhost', DIRECT],
    ['127.0.0.1', '127.0.0.1.', DIRECT],
    ['127.0.0.1.', '127.0.0.1', DIRECT],
    ['.', 'a.test', PROXY],
    ['.', 'a.test.', PROXY],
    ['...', 'a.test..', PROXY],
  ],
  lists: [
    ['x.test,a.test', 'a.test', DIRECT],
    ['x.test, a.test', 'a.test', DIRECT],
    ['x.test a.test', 'a.test', DIRECT],
    ['x.test\ta.test', 'a.test', DIRECT],
    [' ,, ,,x.test ,,,,     a.test,,', 'a.test', DIRECT],
    ['x.test,y.test', 'a.test', PROXY],
    [',', 'a.test', PROXY],
    ['  ', 'a.test', PROXY],
  ],
  'every host': [
    ['*', 'a.test', DIRECT],
    ['*', '127.0.0.1:81', DIRECT],
    ['*', '[::1]', DIRECT],
    [' * ', 'a.test', DIRECT],
    ['**', 'a.test', PROXY],
  ],
  'an asterisk among other entries matches every host': [
    ['*,x.test', 'a.test', DIRECT],
    ['x.test,*', '10.0.0.1', DIRECT],
    ['localhost, *', '[::1]', DIRECT],
    ['localhost *', 'https://a.test:8443', DIRECT],
    ['*:8080', 'a.test:8080', DIRECT],
    ['*:8080', '10.0.0.1:8080', DIRECT],
    ['*:8080', 'a.test', PROXY],
    ['*:443', 'https://a.test', DIRECT],
    ['*/8', '10.0.0.1', PROXY],
    ['x.test,**', 'a.test', PROXY],
    ['x*', 'x.test', PROXY],
  ],
  'an asterisk and a dot before a name': [
    ['*.a.test', 'www.a.test', DIRECT],
    ['*.a.test', 'x.www.a.test', DIRECT],
    ['*.a.test', 'a.test', DIRECT],
    ['*.A.test.', 'a.test.', DIRECT],
    ['*.a.test', 'nota.test', PROXY],
    ['*.a.test', 'b.test', PROXY],
    ['x.test, *.a.test', 'www.a.test', DIRECT],
    ['*.a.test:8080', 'www.a.test:8080', DIRECT],
    ['*.a.test:8080', 'www.a.test', PROXY],
    ['*.test', 'a.test', DIRECT],
    // Not wildcards that any program documents.
    ['*a.test', 'a.test', PROXY],
    ['**.a.test', 'www.a.test', PROXY],
    ['*.*.a.test', 'x.www.a.test', PROXY],
    ['www.*', 'www.a.test', PROXY],
    ['www.*.test', 'www.a.test', PROXY],
    ['*.', 'a.test', PROXY],
    ['*.0.0.1', '127.0.0.1', PROXY],
  ],
  ports: [
    ['a.test:8080', 'a.test:8080', DIRECT],
    ['a.test:8080', 'www.a.test:8080', DIRECT],
    ['a.test:8080', 'a.test', PROXY],
    ['a.test:8080', 'a.test:808', PROXY],
    ['a.test:80', 'a.test', DIRECT],
    ['a.test:80', 'https://a.test', PROXY],
    ['a.test:443', 'https://a.test', DIRECT],
    ['a.test', 'a.test:8080', DIRECT],
    ['.a.test:81', 'a.test:81', DIRECT],
    ['10.0.0.1:81', '10.0.0.1:81', DIRECT],
    ['10.0.0.1:81', '10.0.0.1', PROXY],
    ['[::1]:81', '[::1]:81', DIRECT],
    ['[::1]:81', '[::1]', PROXY],
  ],
  'names and addresses do not match each other': [
    ['localhost', '127.0.0.1', PROXY],
    ['localhost', '[::1]', PROXY],
    ['127.0.0.1', 'localhost', PROXY],
    ['127.0.0.0/8', 'localhost', PROXY],
    ['0.0.1', '127.0.0.1', PROXY],
    ['1', '127.0.0.1', PROXY],
    ['127.0.0.1', 'x.127.0.0.1.test', PROXY],
    ['127.0.0.1', '127.0.0.1.nip.test', PROXY],
  ],
  IPv4: [
    ['127.0.0.1', '127.0.0.1', DIRECT],
    ['127.0.0.1', '127.0.0.2', PROXY],
    ['127.0.0.1', '127.1', DIRECT],
    ['127.0.0.1', '0x7f.1', DIRECT],
    ['127.0.0.1', '2130706433', DIRECT],
    ['127.0.0.1', '0177.0.0.1', DIRECT],
    ['127.0.0.0/8', '127.9.9.9', DIRECT],
    ['127.0.0.0/8', '0x7f.1', DIRECT],
    ['127.0.0.0/8', '128.0.0.1', PROXY],
    ['127.0.0.1/8', '127.255.255.255', DIRECT],
    ['192.168.0.0/16', '192.168.0.1', DIRECT],
    ['192.168.0.0/24', '192.168.1.1', PROXY],
    ['192.168.0.0/32', '192.168.0.1', PROXY],
    ['192.168.0.1/32', '192.168.0.1', DIRECT],
    ['192.168.0.0', '192.168.0.1', PROXY],
    ['10.0.0.128/25', '10.0.0.127', PROXY],
    ['10.0.0.128/25', '10.0.0.128', DIRECT],
    ['10.0.0.0/31', '10.0.0.1', DIRECT],
    ['10.0.0.0/31', '10.0.0.2', PROXY],
    ['0.0.0.0/0', '203.0.113.9', DIRECT],
    ['0.0.0.0/0', '[::1]', PROXY],
    ['0.0.0.0/0', 'a.test', PROXY],
    ['255.255.255.255', '255.255.255.255', DIRECT],
  ],
  IPv6: [
    ['::1', '[::1]', DIRECT],
    ['[::1]', '[::1]', DIRECT],
    ['0:0::0:1', '[::1]', DIRECT],
    ['::', '[::]', DIRECT],
    ['::1', '[::2]', PROXY],
    ['::1', '[1::]', PROXY],
    ['2001:DB8::A', '[2001:db8::a]', DIRECT],
    ['fe80::/10', '[fe80::1]', DIRECT],
    ['fe80::/10', '[febf::1]', DIRECT],
    ['fe80::/10', '[fec0::1]', PROXY],
    ['[fd00::]/8', '[fdff::1]', DIRECT],
    ['::1/128', '[::1]', DIRECT],
    ['::1/127', '[::]', DIRECT],
    ['::/0', '[2001:db8::1]', DIRECT],
    ['::/0', '10.0.0.1', PROXY],
    ['1:2:3:4:5:6:7:8', '[1:2:3:4:5:6:7:8]', DIRECT],
    ['1:2:3:4:5:6:7::', '[1:2:3:4:5:6:7:0]', DIRECT],
  ],
  'IPv4-mapped IPv6': [
    ['127.0.0.0/8', '[::ffff:127.0.0.1]', DIRECT],
    ['10.0.0.1', '[::ffff:a00:1]', DIRECT],
    ['::ffff:10.0.0.1', '10.0.0.1', DIRECT],
    ['::ffff:10.0.0.0/104', '10.9.9.9', DIRECT],
    ['::ffff:10.0.0.0/104', '11.0.0.0', PROXY],
    ['::ffff:0:0/96', '10.0.0.1', DIRECT],
    ['::ffff:0:0/95', '10.0.0.1', PROXY],
    ['::/0', '[::ffff:10.0.0.1]', PROXY],
    ['10.0.0.1', '[::a00:1]', PROXY],
  ],
}

for (const [name, cases] of Object.entries(tables)) {
  test(`11, 34, 70 ${name}`, () => {
    for (const [noProxy, host, direct] of cases) {
      const url = new URL(host.includes('//') ? host : `http://${host}/`)
      assert.equal(new NoProxy(noProxy).matches(url), direct, `${host} with ${noProxy}`)
    }
  })
}

describe('11 an invalid entry', () => {
  const entries = [
    '10.0.0.0/33',
    '10.0.0.0/99',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/',
    '10.0.0.0/x',
    '10.0.0.0/8/8',
    '10.0.0.0/8:80',
    '10.0.0.0/1e1',
    '10/8',
    '10',
    '10.1',
    '0xa.0.0.1',
    '010.0.0.1',
    '10.0.0.256',
    '10.0.0.1.1',
    '10.0.0.1:99999',
    'a.test/8',
    'a.test:',
    'a.test:x',
    'a.test:80:80',
    ':80',
    'http://a.test',
    'user@a.test',
    'a.test?',
    'a.test#',
    'a.test\\',
    '[::1',
    '::1]',
    '[]',
    '[[::1]]',
    '[::1]x',
    '[::1]:',
    '::1/129',
    '::1/',
    ':::1',
    '1::2::3',
    '::ffff:10.0.0.0/129',
    'fe80::1%eth0',
    '%%',
    '%zz',
    '__proto__',
    'constructor',
    '\0',
    '\u{d800}',
  ]
  const hosts = ['a.test', '10.0.0.1', '0.0.0.10', '8.0.0.1', '[::1]', '[::ffff:10.0.0.1]', 'user']

  for (const entry of entries) {
    test(`${JSON.stringify(entry)} matches nothing, and does not affect other entries`, () => {
      const single = new NoProxy(entry)
      const list = new NoProxy(`x.test,${entry},y.test`)
      for (const host of hosts) {
        assert.equal(single.matches(new URL(`http://${host}/`)), false, host)
        assert.equal(list.matches(new URL(`http://${host}/`)), false, host)
      }
      assert.equal(list.matches(new URL('http://y.test/')), true)
    })
  }
})

test('21 linear time for a long host', () => {
  const noProxy = new NoProxy('a.test,.b.test,10.0.0.0/8,::1')
  assertLinear(
    (size) => new URL(`http://${'a.'.repeat(size / 2)}${'.'.repeat(size)}x`),
    (url) => noProxy.matches(url),
  )
  assertLinear(
    (size) => new URL(`http://x${'.'.repeat(size)}`),
    (url) => noProxy.matches(url),
  )
})
