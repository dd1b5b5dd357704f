import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { lstat, open, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { describeSystemError, FileError } from './command-errors.ts'

/** Tells whether a later download can continue `FILE.part`. Saved as `FILE.part.json`. */
interface Metadata {
  /** `RequestSpec.fingerprint` of the request. */
  readonly fingerprint: string
  /** A strong ETag, or a strong Last-Modified, for If-Range. RFC 9110 13.1.5 */
  readonly validator: string
  /** Bytes of the complete file; null if the server did not specify a length. */
  readonly total: number | null
}

/** Windows has no such flag, and lets only administrators create links. */
const { O_WRONLY, O_APPEND, O_NOFOLLOW = 0 } = constants

/** Other users cannot read or change an incomplete download. */
const PRIVATE_MODE = 0o600
const NEW_FILE_MODE = 0o666
const WRITABLE_BY_OTHERS = 0o022

/**
 * An incomplete download: `FILE.part`, with `FILE.part.json` if it can be resumed. Other users may
 * write to the folder. Links in place of these files are therefore never followed, and files of other
 * users are not resumed: both files are created, or are plain files with a single name that only
 * this user can write.
 */
export class PartialFile {
  /** The path of the complete file. */
  readonly path: string
  #size: number
  #metadata: Metadata | null
  #handle: FileHandle | null = null

  private constructor(path: string, size: number, metadata: Metadata | null) {
    this.path = path
    this.#size = size
    this.#metadata = metadata
  }

  /**
   * Loads the partial file of an earlier download of the same request. Starts empty if there is
   * none.
   *
   * @throws FileError
   */
  static async load(path: string, fingerprint: string): Promise<PartialFile> {
    const existing = await stat(path).catch(() => null)
    if (existing?.isDirectory()) throw writeError(path, { code: 'EISDIR' })
    const part = await plainFile(`${path}.part`)
    const metadata = part === null ? null : await readMetadata(`${path}.part.json`)
    return metadata?.fingerprint === fingerprint
      ? new PartialFile(path, part!.size, metadata)
      : new PartialFile(path, 0, null)
  }

  /** Bytes in `FILE.part`. */
  get size(): number {
    return this.#size
  }

  get metadata(): Metadata | null {
    return this.#metadata
  }

  get isResumable(): boolean {
    return this.#size > 0 && this.#metadata !== null
  }

  /** Empties `FILE.part`. With `metadata` null, the new download cannot be resumed. */
  async restart(metadata: Metadata | null): Promise<void> {
    this.#metadata = metadata
    this.#size = 0
    await this.#wrapErrors(async () => {
      await this.#closeHandle()
      await remove(`${this.path}.part`)
      this.#handle = await open(`${this.path}.part`, 'wx', PRIVATE_MODE)
      await remove(`${this.path}.part.json`)
      if (metadata !== null) {
        const options = { flag: 'wx', mode: PRIVATE_MODE }
        await writeFile(`${this.path}.part.json`, JSON.stringify(metadata), options)
      }
    })
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#wrapErrors(async () => {
      this.#handle ??= await openToAppend(`${this.path}.part`, this.#size)
      await this.#handle.appendFile(chunk)
    })
    this.#size += chunk.length
  }

  /** Renames the complete `FILE.part` to `FILE`, which gets the mode of a new file. */
  async finish(): Promise<void> {
    await this.#wrapErrors(async () => {
      this.#handle ??= await openToAppend(`${this.path}.part`, this.#size)
      await this.#handle.chmod(NEW_FILE_MODE & ~process.umask())
      await this.#closeHandle()
      await rename(`${this.path}.part`, this.path)
      await rm(`${this.path}.part.json`, { force: true })
    })
  }

  /** Closes the file. Deletes an incomplete download that cannot be resumed. */
  async close(): Promise<void> {
    await this.#closeHandle().catch(() => {})
    if (this.isResumable) return
    for (const suffix of ['.part', '.part.json']) await rm(`${this.path}${suffix}`, { force: true })
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  async #wrapErrors(operation: () => Promise<void>): Promise<void> {
    try {
      await operation()
    } catch (error) {
      throw writeError(this.path, error)
    }
  }
}

function writeError(path: string, error: unknown): FileError {
  return new FileError(`Could not write ${path}: ${describeSystemError(error)}`)
}

/** Removes a file or a link. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** Returns null unless the path is a file with a single name, no link, and of this user only. */
async function plainFile(path: string): Promise<{ readonly size: number } | null> {
  const found = await lstat(path).catch(() => null)
  return found !== null && isPrivate(found) ? found : null
}

/**
 * Whether it is a file with a single name that no other user can have written. Windows has no user
 * ids and no such modes.
 */
function isPrivate(found: Stats): boolean {
  if (!found.isFile() || found.nlink !== 1) return false
  if (process.getuid === undefined) return true
  return found.uid === process.getuid() && (found.mode & WRITABLE_BY_OTHERS) === 0
}

/** Opens the file that `plainFile` has found. It may have been replaced since. */
async function openToAppend(path: string, size: number): Promise<FileHandle> {
  const handle = await open(path, O_WRONLY | O_APPEND | O_NOFOLLOW)
  const found = await handle.stat()
  if (isPrivate(found) && found.size === size) return handle
  await handle.close()
  throw new Error(`${path} was replaced during the download`)
}

/** Returns null if the file is missing, a link or invalid. */
async function readMetadata(path: string): Promise<Metadata | null> {
  try {
    if ((await plainFile(path)) === null) return null
    const { fingerprint, validator, total } = JSON.parse(
      await readFile(path, 'utf8'),
    ) as Partial<Metadata>
    if (typeof fingerprint !== 'string' || typeof validator !== 'string') return null
    return { fingerprint, validator, total: typeof total === 'number' ? total : null }
  } catch {
    return null
  }
}
