/**
 * Bytes in memory that belongs to the receiver, who may keep and transfer it. It is an
 * `ArrayBuffer`, not a `SharedArrayBuffer`, so that the bytes are a part of a `Blob` and content of
 * `fetch`, whose types do not accept shared memory.
 */
export type OwnedBytes = Uint8Array<ArrayBuffer>
