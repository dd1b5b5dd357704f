import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { describe, test } from 'node:test'
import type { PublicAddressesOptions } from '../../src/backends/public-addresses.ts'
import { publicAddressesOnly } from '../../src/backends/public-addresses.ts'

function accepts(address: string, options?: PublicAddressesOptions): boolean {
  const family = isIPv6(address) ? 6 : 4
  const facts = { address, family, port: 80, host: 'a.test', through: 'direct' } as const
  try {
    publicAddressesOnly(options)(facts)
    return true
  } catch {
    return false
  }
}

describe('52 publicAddressesOnly', () => {
  /** The first and the last address of each range, and the public neighbours of the range. */
  const ranges: [name: string, first: string, last: string, ...neighbours: string[]][] = [
    ['0.0.0.0/8', '0.0.0.0', '0.255.255.255', '1.0.0.0'],
    ['private', '10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
    ['shared', '100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
    ['loopback', '127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
    ['link-local', '169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
    ['private', '172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
    ['protocol assignments', '192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
    ['documentation', '192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
    ['6to4 relays', '192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
    ['private', '192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
    ['benchmarks', '198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
    ['documentation', '198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
    ['documentation', '203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
    ['multicast and reserved', '224.0.0.0', '255.255.255.255', '223.255.255.255'],
    ['below 2000::/3', '::', '1fff:ffff::', '2000::'],
    ['above 2000::/3', '4000::', 'ffff::', '3ffe:ffff::'],
    ['protocol assignments', '2001::', '2001:1ff:ffff::ffff', '2000:ffff::ffff', '2001:200::'],
    ['documentation', '2001:db8::', '2001:db8:ffff::1', '2001:db7:ffff::1', '2001:db9::'],
    ['6to4', '2002::', '2002:ffff::ffff', '2001:ffff::', '2003::'],
    ['documentation', '3fff::', '3fff:fff:ffff::1', '3ffe:ffff::', '3fff:1000::'],
  ]
  for (const [name, first, last, ...neighbours] of ranges) {
    test(`refuses ${name}: ${first} to ${last}`, () => {
      for (const address of [first, last]) assert.equal(accepts(address), false, address)
      for (const address of neighbours) assert.equal(accepts(address), true, address)
    })
  }

  test('refuses loopback, local, multicast and metadata addresses', () => {
    for (const address of [
      '127.0.0.1',
      '169.254.169.254',
      '168.63.129.16',
      '100.100.100.200',
      '192.0.0.192',
      '255.255.255.255',
      '::1',
      '::7f00:1',
      'fc00::1',
      'fd00:ec2::254',
      'fd20:ce::254',
      'fe80::1',
      'fe80::1%eth0',
      'fec0::1',
      'ff02::1',
      '100::1',
      '5f00::1',
      '64:ff9b:1::808:808',
    ]) {
      assert.equal(accepts(address), false, address)
    }
  })

  test('accepts public addresses', () => {
    for (const address of [
      '1.1.1.1',
      '8.8.8.8',
      '93.184.216.34',
      '2606:4700::1111',
      '2a00:1450:4001::200e',
    ]) {
      assert.equal(accepts(address), true, address)
    }
  })

  test('looks at IPv4 addresses in IPv6 addresses', () => {
    for (const [address, isPublic] of [
      ['::ffff:8.8.8.8', true],
      ['::ffff:127.0.0.1', false],
      ['::ffff:a9fe:a9fe', false],
      ['::ffff:0:127.0.0.1', false],
      ['64:ff9b::808:808', true],
      ['64:ff9b::7f00:1', false],
      ['64:ff9b::10.0.0.1', false],
      ['64:ff9b::1', false],
      ['64:ff9b::', false],
      ['2001:0:a00:1::1', false],
      ['2002:7f00:1::', false],
      ['2002:808:808::', false],
    ] as const) {
      assert.equal(accepts(address), isPublic, address)
    }
  })

  test('refuses what is not an address', () => {
    for (const address of ['0177.0.0.1', '8.8.8.8.', 'a.test', '', '08.8.8.8', '[2a00::1]']) {
      assert.equal(accepts(address), false, address)
    }
  })

  test('permits the addresses and ranges of the option allow', () => {
    const allow = ['10.1.2.3', '192.168.0.0/16', 'fd00::/8', '::1', '::ffff:172.16.0.0/108']
    for (const address of [
      '10.1.2.3',
      '::ffff:10.1.2.3',
      '192.168.7.7',
      'fd12::1',
      '::1',
      '172.20.0.1',
      '8.8.8.8',
    ]) {
      assert.equal(accepts(address, { allow }), true, address)
    }
    for (const address of ['10.1.2.4', '192.169.0.0/16', 'fc00::1', '172.32.0.1x', '127.0.0.1']) {
      assert.equal(accepts(address, { allow }), false, address)
    }
    assert.equal(accepts('127.0.0.1', { allow: ['0.0.0.0/0'] }), true)
    assert.equal(accepts('fe80::1', { allow: ['::/0'] }), true)
  })

  test('names the address in its error', () => {
    const facts = { family: 4, port: 80, through: 'direct' } as const
    assert.throws(
      () => publicAddressesOnly()({ ...facts, address: '127.0.0.1', host: 'a.test' }),
      /^Error: 127\.0\.0\.1 is not public$/,
    )
  })

  test('throws TypeError for an invalid option', () => {
    for (const entry of [
      '',
      'a.test',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '10.0.0.0/x',
      '::/129',
      '::ffff:10.0.0.0/95',
      'fe80::1%eth0',
      '010.0.0.1',
    ]) {
      assert.throws(() => publicAddressesOnly({ allow: [entry] }), {
        name: 'TypeError',
        message: /^publicAddressesOnly\.allow: /,
      })
    }
    for (const options of [
      { allow: '10.0.0.0/8' },
      { allow: [1] },
      { allow: null },
      { allowProxy: 1 },
      { alow: [] },
    ]) {
      assert.throws(() => publicAddressesOnly(options as never), TypeError)
    }
  })
})
