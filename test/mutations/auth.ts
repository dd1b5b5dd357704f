import type { Mutation } from './mutation.ts'

/** Rows A3, A5 and A6 of the conformance table, as far as no hazard covers them. */
export const auth: readonly Mutation[] = [
  {
    marks: 'A3',
    mistake: 'only the first WWW-Authenticate field is parsed',
    file: 'src/client/auth/digest-challenge.ts',
    find: '  for (const field of fields) {',
    replace: '  for (const field of fields.slice(0, 1)) {',
    tests: ['client/digest-challenge', 'client/digest'],
  },
  {
    marks: 'A3',
    mistake: 'the first challenge is answered instead of the strongest',
    file: 'src/client/auth/digest-challenge.ts',
    find: '(!best || strengthOf(digest) > strengthOf(best))',
    replace: '!best',
    tests: ['client/digest-challenge'],
  },
  {
    marks: 'A5',
    mistake: 'a date in Retry-After is ignored',
    file: 'src/client/retry.ts',
    find: 'if (!isAsctime && !GMT_DATE.test(value)) return null',
    replace: 'if (!isAsctime && GMT_DATE.test(value)) return null',
    tests: ['client/retries'],
  },
  {
    marks: 'A5',
    mistake: 'Retry-After is read as milliseconds instead of seconds',
    file: 'src/client/retry.ts',
    find: 'return Number(value) * 1000',
    replace: 'return Number(value)',
    tests: ['client/retries'],
  },
  {
    marks: 'A6',
    mistake: 'the nonce count of Digest is always 1',
    file: 'src/client/auth/digest-session.ts',
    find: '      count: ++this.#count,',
    replace: '      count: 1,',
    tests: ['client/digest'],
  },
  {
    marks: 'A6',
    mistake:
      'Digest does not try again with a new nonce if the server says that the old one is stale',
    file: 'src/client/auth/digest.ts',
    find: '(answered && (renewed || !challenge.isStale))',
    replace: 'answered',
    tests: ['client/digest'],
  },
  {
    marks: 'A6',
    mistake: 'user and password of Basic are encoded as latin1 instead of UTF-8',
    file: 'src/client/auth/basic.ts',
    find: "`).toString('base64')}`",
    replace: "`, 'latin1').toString('base64')}`",
    tests: ['client/auth'],
  },
  {
    marks: 'A6',
    mistake: "a SOCKS proxy's rejection of the password is ignored",
    file: 'src/protocol/socks.ts',
    find: "    if (status !== 0) return { step: 'refused', reason: 'wrong user or password' }\n",
    replace: '',
    tests: ['protocol/socks'],
  },
  {
    marks: 'A6',
    mistake: 'words in a comment of .netrc are read as credentials',
    file: 'src/client/netrc/grammar.ts',
    find: "while (scanner.match(COMMENT) !== '')",
    replace: "while (scanner.match(/#/y) !== '')",
    tests: ['client/netrc-layout'],
  },
]
