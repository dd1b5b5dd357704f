/**
 * The members of a `Blob` or `File` that are used, so that implementations of packages work too.
 */
export interface BlobLike {
  /** The size in bytes. */
  readonly size: number
  /** The media type; empty if there is none. */
  readonly type: string
  stream(): WebStream
}

/** The members of a `ReadableStream` that are used. */
export interface WebStream {
  readonly locked: boolean
  getReader(): WebStreamReader
  cancel(reason?: unknown): Promise<void>
}

export interface WebStreamReader {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>
  cancel(reason?: unknown): Promise<void>
}

/**
 * The content of a request. Strings are sent as UTF-8. Bytes are not copied, so do not change them
 * before they are sent.
 *
 * Generators, iterators and streams (Node.js and web) can be sent only once. Hawser owns them from
 * the call on, and closes them if they are not read to the end. Arrays, other iterables and a
 * `Blob` can be sent again, which a redirect may require.
 */
export type ContentInit =
  | string
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | BlobLike
  | WebStream
  | Iterable<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>

/**
 * One value of a form field. Null is sent as an empty value, and in an array it is omitted.
 * Undefined is omitted.
 */
export type FieldValue = string | number | bigint | boolean | null | undefined

/** The fields of a form. An array of values is sent as one field for each value. */
export type FormInit =
  | URLSearchParams
  | FormData
  | Iterable<readonly [name: string, value: FieldValue | readonly FieldValue[]]>
  | Readonly<Record<string, FieldValue | readonly FieldValue[]>>

/**
 * A file with a name and a content type. If the name is null, the part has no `filename`. If the
 * content type is omitted or empty, it is the type of the `Blob`, or guessed from the name. If it
 * is null, the part has no Content-Type.
 */
export type FileTuple = readonly [
  filename: string | null,
  content: ContentInit,
  contentType?: string | null | undefined,
]

/**
 * One file. An array that begins with a string or null is a tuple; any other array is several
 * files.
 */
export type FileInit = FileTuple | ContentInit

/** The files of a form. Null and undefined are omitted. */
export type FilesInit =
  | Iterable<readonly [name: string, file: FileInit | readonly FileInit[] | null | undefined]>
  | Readonly<Record<string, FileInit | readonly FileInit[] | null | undefined>>

interface ContentBody {
  /** Content that is sent unchanged. The type of a `Blob` becomes the Content-Type. */
  readonly content: ContentInit | null | undefined
  readonly json?: undefined
  readonly data?: null | undefined
  readonly files?: null | undefined
}

interface JsonBody {
  /** A value that is sent as JSON. Null is sent as `null`; undefined means no content. */
  readonly json: unknown
  readonly content?: null | undefined
  readonly data?: null | undefined
  readonly files?: null | undefined
}

interface FormBody {
  /** Form fields. URL-encoded, or multipart/form-data for a `FormData` or together with `files`. */
  readonly data?: FormInit | null | undefined
  /** Files, sent as multipart/form-data. RFC 7578 */
  readonly files?: FilesInit | null | undefined
  readonly content?: null | undefined
  readonly json?: undefined
}

/** The body of a request: `content`, or `json`, or `data` with or without `files`, or `files`. */
export type BodyOptions = ContentBody | JsonBody | FormBody
