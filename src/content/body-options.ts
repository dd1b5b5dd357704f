/** As much of a `Blob` or `File` as is needed: those of other packages will do. */
export interface BlobLike {
  /** In bytes. */
  readonly size: number
  /** Its media type, empty if it has none. */
  readonly type: string
  stream(): WebStream
}

/** As much of a `ReadableStream` as is needed. */
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
 * Content as a caller gives it; strings are sent as UTF-8. Bytes are not copied and must not change
 * before they are sent. Generators, iterators and streams (of Node or the web) give theirs once and
 * are Hawser's from then on: read, or closed when nobody wants them any more. Arrays and other
 * iterables, and a `Blob`, can be sent again, as a redirect may need.
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

/** One value of a form; null is sent as an empty one, undefined is left out. */
export type FieldValue = string | number | bigint | boolean | null | undefined

/** The fields of a form; an array is a field for each of its values. */
export type FormInit =
  | URLSearchParams
  | FormData
  | Iterable<readonly [name: string, value: FieldValue | readonly FieldValue[]]>
  | Readonly<Record<string, FieldValue | readonly FieldValue[]>>

/**
 * A file with its name: a null one sends no `filename`. Without a content type, or with an empty one,
 * that of a `Blob` is taken, else it is guessed from the name; null sends none.
 */
export type FileTuple = readonly [
  filename: string | null,
  content: ContentInit,
  contentType?: string | null | undefined,
]

/** One file. An array is a tuple if it begins with a string or null, and several files if it does not. */
export type FileInit = FileTuple | ContentInit

/** The files of a form. Null and undefined are left out. */
export type FilesInit =
  | Iterable<readonly [name: string, file: FileInit | readonly FileInit[] | null | undefined]>
  | Readonly<Record<string, FileInit | readonly FileInit[] | null | undefined>>

interface ContentBody {
  /** The content as it is. A `Blob` gives its type as well. */
  readonly content: ContentInit | null | undefined
  readonly json?: undefined
  readonly data?: null | undefined
  readonly files?: null | undefined
}

interface JsonBody {
  /** The content as JSON. Null is JSON's `null` and is sent; undefined is no content. */
  readonly json: unknown
  readonly content?: null | undefined
  readonly data?: null | undefined
  readonly files?: null | undefined
}

interface FormBody {
  /** The fields of a form, URL-encoded; as multipart/form-data with `files`, or if this is a `FormData`. */
  readonly data?: FormInit | null | undefined
  /** Files, as multipart/form-data. RFC 7578 */
  readonly files?: FilesInit | null | undefined
  readonly content?: null | undefined
  readonly json?: undefined
}

/** The content of a request: `content`, or `json`, or `data` and `files`, or none of them. */
export type BodyOptions = ContentBody | JsonBody | FormBody
