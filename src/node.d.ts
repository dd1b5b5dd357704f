// What the runtime has and neither ES2023 nor @types/node declares. (lib "dom" would bring the
// module's types, and `window` and 20,000 lines with them.)

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
  /** `toString('latin1', start, end)` without looking up the encoding by its name. */
  latin1Slice(start?: number, end?: number): string
}
