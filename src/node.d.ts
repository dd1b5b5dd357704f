// Declares parts of the runtime that neither ES2023 nor @types/node declares. TypeScript's library
// "dom" also declares them, but adds browser globals such as `window`.

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module)
    readonly exports: Record<string, unknown>
  }
  interface Memory {
    readonly buffer: ArrayBuffer
  }
  interface Global {
    readonly value: unknown
  }
}

interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
  /** Like `toString('latin1', start, end)`, but without looking up the encoding by name. */
  latin1Slice(start?: number, end?: number): string
}
