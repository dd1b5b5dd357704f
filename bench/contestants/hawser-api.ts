// Stands in for the types of src/index.ts until it exists; then this file goes.

interface Client {
  get(url: string): Promise<{ status: number; bytes(): Uint8Array }>
  close(): Promise<void>
}

interface Options {
  poolLimits: { maxConnections: number }
  verify?: { ca: string }
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

export const loadClient = (): Promise<{ Client: new (options: Options) => Client }> =>
  import(new URL(`../../src/index.${extension}`, import.meta.url).href)
