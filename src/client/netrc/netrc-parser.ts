import { createRequire } from 'node:module'
import type * as NetrcParser from 'netrc-parser'
import type { NetrcEntry } from './grammar.ts'

const require = createRequire(import.meta.url)

/** What a netrc file has for a host. */
export interface NetrcCredentials {
  /** Empty where the file gives none. */
  readonly login: string
  readonly password: string
}

/**
 * An entry, parsed by the package netrc-parser from the one layout that it reads right: one line, single
 * spaces, words of safe characters. Both fields are always there, or it would read them from a polluted
 * `Object.prototype`. One entry at a time: for each it looks through all that it has.
 */
export function parseByPackage({ host, login, password }: NetrcEntry): NetrcCredentials {
  const { parse } = require('netrc-parser') as typeof NetrcParser
  const name = encode(host ?? '')
  const line = `machine ${name} login ${encode(login ?? '')} password ${encode(password ?? '')}`
  const machine = parse(line)[name]
  return { login: decode(machine.login), password: decode(machine.password) }
}

/** With a sign before it, since a word must not be empty, nor a host be called `__proto__`. */
function encode(word: string): string {
  return `=${encodeURIComponent(word)}`
}

function decode(word: string | undefined): string {
  return decodeURIComponent(word!.slice(1))
}
