import assert from 'node:assert/strict'
import { test } from 'node:test'
import { environmentErrors, importErrors, unusedPermissions } from './architecture.ts'

const check = (sources: Record<string, string>) => importErrors(new Map(Object.entries(sources)))

test('permitted imports cause no errors', () => {
  const good = {
    'index.ts': "export { Client } from './client/client.ts'",
    'client/client.ts':
      "import {\n  ConnectionPool,\n} from '../pool/pool.ts'\nimport './verbs.ts'",
    'client/verbs.ts': "import { gunzipSync } from 'node:zlib'",
    'pool/pool.ts': "import type { Backend } from '../backends/backend.ts'",
    'backends/node.ts':
      "import * as net from 'node:net'\nimport { isPlain } from '../models/plain-object.ts'",
  }
  assert.deepEqual(check(good), [])
})

const forbidden: [file: string, text: string, error: RegExp][] = [
  ['pool/a.ts', "import { Client } from '../client/client.ts'", /pool may not import client/],
  ['pool/a.ts', "import type { Client } from '../client/client.ts'", /pool may not import client/],
  ['pool/a.ts', "export * from '../client/client.ts'", /pool may not import client/],
  ['pool/a.ts', "export type { C } from '../client/client.ts'", /pool may not import client/],
  ['pool/a.ts', "import {\n  a,\n  b,\n} from '../dispatch/a.ts'", /pool may not import dispatch/],
  ['pool/a.ts', "import '../dispatch/a.ts'", /pool may not import dispatch/],
  ['pool/a.ts', "const a = () => import('../dispatch/a.ts')", /pool may not import dispatch/],
  ['pool/deep/a.ts', "import { a } from '../../client/a.ts'", /pool may not import client/],
  ['protocol/a.ts', "import { a } from '../backends/a.ts'", /protocol may not import backends/],
  ['backends/a.ts', "import { a } from '../protocol/a.ts'", /backends may not import protocol/],
  ['models/a.ts', "import { a } from '../protocol/a.ts'", /models may not import protocol/],
  ['client/a.ts', "import { a } from '../index.ts'", /client may not import index.ts/],
  ['client/a.ts', "import { a } from '../engine.ts'", /client may not import engine.ts/],
  ['errors.ts', "import { a } from './models/a.ts'", /errors.ts may not import models/],
  ['errors.ts', "import type { A } from './models/a.ts'", /errors.ts may not import models/],
  ['client/a.ts', "import { a } from '../../test/a.ts'", /outside src/],
  ['utils/a.ts', '', /is not in the table/],
  ['pool/a.ts', "import { isIP } from 'node:net'", /only backends\/ may import node:net/],
  ['pool/a.ts', "import tls from 'tls'", /only backends\/ may import tls/],
  ['pool/a.ts', "import { setTimeout } from 'node:timers/promises'", /may import node:timers/],
  ['pool/a.ts', "import { lookup } from 'node:dns'", /may import node:dns/],
]
for (const [file, text, error] of forbidden) {
  test(`an error in ${file}: ${JSON.stringify(text)}`, () => {
    const errors = check({ [file]: text })
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0]!, error)
  })
}

test('every layer may import types of node:net', () => {
  assert.deepEqual(check({ 'pool/a.ts': "import type { Socket } from 'node:net'" }), [])
})

test('import cycles are errors, also of types', () => {
  const errors = check({
    'pool/a.ts': "import type { B } from './b.ts'",
    'pool/b.ts': "import type { C } from './c.ts'",
    'pool/c.ts': "import { a } from './a.ts'",
  })
  assert.deepEqual(errors, ['import cycle: pool/a.ts -> pool/b.ts -> pool/c.ts -> pool/a.ts'])
})

test('a permission that no file uses is reported', () => {
  const sources = new Map([
    [
      'models/a.ts',
      "import { HawserError } from '../errors.ts'\nimport { shortLine } from '../redaction.ts'",
    ],
    ['protocol/a.ts', "import type { A } from '../models/a.ts'\nimport { b } from './b.ts'"],
  ])
  const unused = unusedPermissions(sources)
  const of = (folder: string) => unused.filter((text) => text.startsWith(`${folder} may import`))
  assert.deepEqual(of('models'), [])
  assert.deepEqual(of('protocol'), [
    'protocol may import errors.ts, but no file does: remove it from the table',
    'protocol may import redaction.ts, but no file does: remove it from the table',
  ])
  assert.ok(
    of('client').includes('client may import pool, but no file does: remove it from the table'),
  )
})

test('51 the environment and the globals of runtimes are read in one file', () => {
  const errors = (path: string, text: string) => environmentErrors(new Map([[path, text]]))
  const reads = [
    'const value = process.env.NETRC',
    "const value = process['env'].NETRC",
    'const { argv, env } = process',
    "import { env } from 'node:process'",
    'const { Deno } = globalThis as { Deno?: object }',
    "const bun = globalThis['Bun']",
    'if (globalThis.Deno) start()',
  ]
  for (const read of reads) {
    assert.equal(errors('backends/a.ts', read).length, 1, read)
    assert.deepEqual(errors('models/environment.ts', read), [], read)
  }
  const others =
    '// process.env\n/** Default `process.env` */\nconst { argv } = process\nglobalThis.Response'
  assert.deepEqual(errors('backends/a.ts', others), [])
})
