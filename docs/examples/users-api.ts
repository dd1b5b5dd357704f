import type { ClientOptions, Response } from 'hawser'
import { Client, HTTPStatusError } from 'hawser'

export interface User {
  readonly id: number
  readonly name: string
}

/** What the API itself has to say: its own code beside the status. */
export class UsersError extends Error {
  override readonly name = 'UsersError'
  readonly code: string

  constructor(code: string, options: ErrorOptions) {
    super(`The users API refuses: ${code}`, options)
    this.code = code
  }
}

export interface UsersOptions extends Pick<ClientOptions, 'dispatcher' | 'timeout' | 'trace'> {
  readonly baseUrl: string
  /** Asked for before each request, redirects and repetitions included. */
  readonly token: () => string | Promise<string>
}

/** Make one and keep it: it keeps its connections. */
export class Users {
  readonly #client: Client

  constructor({ baseUrl, token, timeout = { read: 30_000 }, ...rest }: UsersOptions) {
    this.#client = new Client({
      ...rest,
      baseUrl,
      timeout,
      retries: 3, // where that is safe; after 429 and 503 as long as Retry-After says
      headers: { accept: 'application/json', 'user-agent': 'users-client/1.0' },
      auth: async (request) => {
        request.headers.set('authorization', `Bearer ${await token()}`)
        return request
      },
    })
  }

  /** Null for one that is not there. */
  async get(id: number, signal?: AbortSignal): Promise<User | null> {
    const response = await this.#client.get(`/users/${id}`, { signal })
    return response.status === 404 ? null : userOf(checked(response).json())
  }

  async create(name: string): Promise<User> {
    return userOf(checked(await this.#client.post('/users', { json: { name } })).json())
  }

  /** Page after page, by the Link header, each asked for when it is needed. */
  async *all(): AsyncGenerator<User, void, undefined> {
    let next: string | URL | undefined = '/users'
    while (next !== undefined) {
      const response = checked(await this.#client.get(next))
      for (const user of response.json<unknown[]>()) yield userOf(user)
      const link = response.links.next?.url
      next = link === undefined ? undefined : new URL(link, response.url)
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

function checked(response: Response): Response {
  try {
    return response.raiseForStatus()
  } catch (cause) {
    if (!(cause instanceof HTTPStatusError)) throw cause
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    const { code } = isJson ? response.json<{ code?: string }>() : {}
    throw code === undefined ? cause : new UsersError(code, { cause })
  }
}

/** A server's word is no type: look before you believe. */
function userOf(value: unknown): User {
  const { id, name } = (value ?? {}) as Partial<User>
  if (typeof id === 'number' && typeof name === 'string') return { id, name }
  throw new TypeError('The users API has sent what is no user')
}
