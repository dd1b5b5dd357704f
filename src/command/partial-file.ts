import type { FileHandle } from 'node:fs/promises'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { FileError, systemReason } from './command-errors.ts'

/** What a part belongs to: without it nobody could say whether more bytes fit on. */
interface Label {
  /** Of the request. */
  readonly fingerprint: string
  /** A strong ETag, or a Last-Modified that is as good: for If-Range. RFC 9110 13.1.5 */
  readonly validator: string
  /** Bytes in all, null where the server did not say. */
  readonly total: number | null
}

/** A file that is not all here yet: `FILE.part`, and `FILE.part.json`, which says what it is a part of. */
export class PartialFile {
  readonly path: string
  #size: number
  #label: Label | null
  #handle: FileHandle | null = null

  private constructor(path: string, size: number, label: Label | null) {
    this.path = path
    this.#size = size
    this.#label = label
  }

  /** What an earlier download of the same has left, if anything. Throws `FileError`. */
  static async find(path: string, fingerprint: string): Promise<PartialFile> {
    const found = await stat(path).catch(() => null)
    if (found?.isDirectory()) throw new FileError(`${path}: ${systemReason({ code: 'EISDIR' })}`)
    const part = await stat(`${path}.part`).catch(() => null)
    const label = part === null ? null : await readLabel(`${path}.part.json`)
    return label?.fingerprint === fingerprint
      ? new PartialFile(path, part!.size, label)
      : new PartialFile(path, 0, null)
  }

  /** In bytes. */
  get size(): number {
    return this.#size
  }

  get label(): Label | null {
    return this.#label
  }

  /** Whether there is something to go on from. */
  get isResumable(): boolean {
    return this.#size > 0 && this.#label !== null
  }

  /** Forgets what is here. */
  async restart(label: Label | null): Promise<void> {
    this.#label = label
    this.#size = 0
    await this.#writing(async () => {
      await this.#close()
      this.#handle = await open(`${this.path}.part`, 'w')
      if (label === null) await rm(`${this.path}.part.json`, { force: true })
      else await writeFile(`${this.path}.part.json`, JSON.stringify(label))
    })
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#writing(async () => {
      this.#handle ??= await open(`${this.path}.part`, 'a')
      await this.#handle.appendFile(chunk)
    })
    this.#size += chunk.length
  }

  /** It is all here. */
  async finish(): Promise<void> {
    await this.#writing(async () => {
      await this.#close()
      await rename(`${this.path}.part`, this.path)
      await rm(`${this.path}.part.json`, { force: true })
    })
  }

  /** It is not: what cannot be resumed is not kept. */
  async leave(): Promise<void> {
    await this.#close().catch(() => {})
    if (this.isResumable) return
    for (const end of ['.part', '.part.json']) await rm(`${this.path}${end}`, { force: true })
  }

  async #close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  async #writing(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      throw new FileError(`${this.path} cannot be written: ${systemReason(error)}`)
    }
  }
}

/** Null for none, and for what is none. */
async function readLabel(path: string): Promise<Label | null> {
  try {
    const { fingerprint, validator, total } = JSON.parse(
      await readFile(path, 'utf8'),
    ) as Partial<Label>
    if (typeof fingerprint !== 'string' || typeof validator !== 'string') return null
    return { fingerprint, validator, total: typeof total === 'number' ? total : null }
  } catch {
    return null
  }
}
