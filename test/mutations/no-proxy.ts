import type { Mutation } from './mutation.ts'

/** NO_PROXY: hazards 11 and 34. */
export const noProxy: readonly Mutation[] = [
  {
    marks: '11',
    mistake: 'an entry that makes no sense throws',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: '  return named === null ? null : {',
    replace:
      "  if (named === null && text !== '') throw new Error(text)\n  return named === null ? null : {",
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'a range is taken for one address',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: 'prefix === undefined ? bits : Number(prefix) - outside',
    replace: 'bits',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'the end of a name counts as the name',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: "name.length === by.length || name[name.length - by.length - 1] === '.'",
    replace: 'true',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'a port is not looked at',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: '(entry.port ?? port) === port &&',
    replace: 'port > 0 && (entry.port ?? port) > 0 &&',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '11',
    mistake: 'IPv6 without brackets is taken for a host with a port',
    file: 'src/dispatch/proxies/no-proxy.ts',
    find: "!text.startsWith('[') && text.indexOf(':') !== text.lastIndexOf(':')",
    replace: 'text.length < 0',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '34',
    mistake: 'a final dot makes another host',
    file: 'src/dispatch/host.ts',
    find: '  return withoutFinalDots(url.hostname)',
    replace: '  return url.hostname',
    tests: ['dispatch/no-proxy'],
  },
  {
    marks: '34',
    mistake: 'IPv4 in IPv6 is another address',
    file: 'src/dispatch/proxies/address-range.ts',
    find: 'value >> 32n === MAPPED',
    replace: 'value === MAPPED',
    tests: ['dispatch/no-proxy'],
  },
]
