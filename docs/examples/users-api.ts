import type { ClientOptions, Response } from 'hawser'
import { Client, HTTPStatusError } from 'hawser'

export interface User {
  readonly id: number
  readonly name: string
}

/** An error that the API reports with its own code, in addition to the status. */
export class UsersError extends Error {
  override readonly name = 'UsersError'
  readonly code: string

  constructor(code: string, options: ErrorOptions) {
    super(`The users API reported an error: ${code}`, options)
    this.code = code
  }
}

export interface UsersOptions extends Pick<ClientOptions, 'dispatcher' | 'timeout' | 'trace'> {
  readonly baseUrl: string
  /** Returns the access token. Called before each request, including redirects and retries. */
  readonly token: () => string | Promise<string>
}

/** A client for the users API. Create one and reuse it, since it keeps connections open. */
export class Users {
  readonly #client: Client

  constructor({ baseUrl, token, timeout = { read: 30_000 }, ...rest }: UsersOptions) {
    this.#client = new Client({
      ...rest,
      baseUrl,
      timeout,
      retries: 3, // if it is safe; after 429 and 503 it waits for Retry-After
      headers: { accept: 'application/json', 'user-agent': 'users-client/1.0' },
      auth: async (request) => {
        request.headers.set('authorization', `Bearer ${await token()}`)
        return request
      },
    })
  }

  /** Returns a user, or null if there is none with this id. */
  async get(id: number, signal?: AbortSignal): Promise<User | null> {
    const response = await this.#client.get(`/users/${id}`, { signal })
    return response.status === 404 ? null : toUser(checkStatus(response).json())
  }

  async create(name: string): Promise<User> {
    return toUser(checkStatus(await this.#client.post('/users', { json: { name } })).json())
  }

  /** Iterates over all users. Follows the Link header, and requests each page when it is needed. */
  async *all(): AsyncGenerator<User, void, undefined> {
    let next: string | URL | undefined = '/users'
    while (next !== undefined) {
      const response = checkStatus(await this.#client.get(next))
      for (const user of response.json<unknown[]>()) yield toUser(user)
      const link = response.links.next?.url
      next = link === undefined ? undefined : new URL(link, response.url)
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

function checkStatus(response: Response): Response {
  try {
    return response.raiseForStatus()
  } catch (cause) {
    if (!(cause instanceof HTTPStatusError)) throw cause
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    const { code } = isJson ? response.json<{ code?: string }>() : {}
    throw code === undefined ? cause : new UsersError(code, { cause })
  }
}

/** Checks at run time that a value of a response is a user. */
function toUser(value: unknown): User {
  const { id, name } = (value ?? {}) as Partial<User>
  if (typeof id === 'number' && typeof name === 'string') return { id, name }
  throw new TypeError('The users API sent an invalid user')
}
