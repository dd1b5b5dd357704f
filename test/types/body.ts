// Compiled with the project. Lines after @ts-expect-error must not compile, all others must.
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { BodyOptions } from '../../src/content/body-options.ts'

type Options = { readonly headers?: Record<string, string> | undefined } & BodyOptions

interface Named {
  readonly name: string
}

declare const named: Named
declare const generator: AsyncGenerator<Buffer>
declare const webStream: ReadableStream<Uint8Array>

const accepted: Options[] = [
  {},
  { headers: {} },
  { content: 'text' },
  { content: null },
  { content: undefined, json: undefined, data: undefined, files: undefined },
  { content: 'text', json: undefined, data: null, files: undefined },
  { content: Buffer.from('bytes') },
  { content: new Float64Array(1) },
  { content: new DataView(new ArrayBuffer(1)) },
  { content: new ArrayBuffer(1) },
  { content: new SharedArrayBuffer(1) },
  { content: new Blob([]) },
  { content: new File([], 'name') },
  { content: ['a', Buffer.from('b')] },
  { content: new Set(['a']) },
  { content: generator },
  { content: webStream },
  { content: new Blob([]).stream() },
  { content: Readable.from(['a']) },
  { content: createReadStream('name') },
  { json: null },
  { json: [1, 'a', { b: true }] },
  { json: named },
  { data: {} },
  { data: { a: 'a', b: 1, c: true, d: null, e: undefined, f: 1n, g: ['a', 1] } },
  { data: [['a', '1'] as const, ['a', [2, 3]] as const] },
  { data: new Map([['a', 1]]) },
  { data: new URLSearchParams() },
  { data: new FormData() },
  { files: { a: 'text', b: Buffer.from('bytes'), c: new Blob([]), d: generator, e: webStream } },
  { files: { a: createReadStream('name'), b: null, c: undefined } },
  { files: { a: ['name', 'text'], b: [null, webStream], c: ['name', 'text', 'text/plain'] } },
  { files: { a: [Buffer.from('1'), new File([], 'name')], b: [['name', 'text'] as const] } },
  { files: [['a', 'text'] as const, ['a', ['name', generator] as const] as const] },
  { files: new Map([['a', new Blob([])]]) },
  { data: { a: 1 }, files: { b: 'text' } },
]

const refused: Options[] = [
  // @ts-expect-error two bodies
  { content: 'text', json: 1 },
  // @ts-expect-error null is a JSON value
  { content: 'text', json: null },
  // @ts-expect-error two bodies
  { content: 'text', data: { a: 1 } },
  // @ts-expect-error two bodies
  { content: 'text', files: { a: 'text' } },
  // @ts-expect-error two bodies
  { json: 1, data: { a: 1 } },
  // @ts-expect-error two bodies
  { json: 1, files: { a: 'text' } },
  // @ts-expect-error three bodies
  { json: 1, data: { a: 1 }, files: { a: 'text' } },
  // @ts-expect-error a number is not content
  { content: 1 },
  // @ts-expect-error an object must be json or data
  { content: { a: 1 } },
  // @ts-expect-error numbers are not chunks
  { content: [1, 2] },
  // @ts-expect-error a form must be data
  { content: new URLSearchParams() },
  // @ts-expect-error a form must be data
  { content: new FormData() },
  // @ts-expect-error text must be content
  { data: 'text' },
  // @ts-expect-error bytes must be content
  { data: Buffer.from('bytes') },
  // @ts-expect-error the value of a field cannot be an object
  { data: { a: { b: 1 } } },
  // @ts-expect-error a file cannot be a number
  { files: { a: 1 } },
  // @ts-expect-error a file name cannot be a number
  { files: { a: [1, 'text'] } },
  // @ts-expect-error a content type cannot be a number
  { files: { a: ['name', Buffer.from('text'), 1] } },
]

export { accepted, refused }
