/** The client's side of the SOCKS 5 protocol, without I/O. RFC 1928, 1929 */

/** The target that the proxy connects to: an IP address, or a name that the proxy resolves. */
export interface SocksTarget {
  readonly host: string
  readonly ipVersion: 4 | 6 | null
  readonly port: number
}

export interface SocksCredentials {
  readonly user: Uint8Array
  readonly password: Uint8Array
}

/** What to do after the proxy has sent bytes. */
export type SocksStep =
  /** More bytes are needed. */
  | { readonly step: 'wait' }
  | { readonly step: 'send'; readonly bytes: Uint8Array }
  /** The tunnel is open; `firstBytes` are those that the target has sent already. */
  | { readonly step: 'open'; readonly firstBytes: Uint8Array }
  /** The proxy has refused; `reason` is for error messages. */
  | { readonly step: 'refused'; readonly reason: string }
  /** The proxy violates SOCKS 5; `fault` is for error messages. */
  | { readonly step: 'fault'; readonly fault: string }

const VERSION = 5
const CONNECT = 1
const IPV4 = 1
const DOMAIN = 3
const IPV6 = 4
const NO_AUTHENTICATION = 0
const USER_AND_PASSWORD = 2
const NO_ACCEPTABLE_METHOD = 0xff
const AUTHENTICATION_VERSION = 1

const MAX_NAME_LENGTH = 255

/** The meanings of the reply codes. RFC 1928 6 */
const REPLIES: readonly string[] = [
  'succeeded',
  'general SOCKS server failure',
  'connection not allowed by ruleset',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
]

const WAIT: SocksStep = { step: 'wait' }

/** One handshake, from the greeting to the open tunnel. */
export class SocksHandshake {
  readonly #target: Uint8Array
  readonly #credentials: SocksCredentials | null
  #received: Uint8Array = new Uint8Array(0)
  #expecting: 'method' | 'authentication' | 'reply' = 'method'

  /** @throws RangeError if the name is empty or longer than 255 bytes: RFC 1928 5 */
  constructor(target: SocksTarget, credentials: SocksCredentials | null) {
    this.#target = encodeAddress(target)
    this.#credentials = credentials
  }

  /** The first message to send. RFC 1928 3 */
  greeting(): Uint8Array {
    return this.#credentials === null
      ? Uint8Array.of(VERSION, 1, NO_AUTHENTICATION)
      : Uint8Array.of(VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD)
  }

  /** Processes received bytes, in pieces of any size. `open`, `refused` and `fault` are final. */
  take(bytes: Uint8Array): SocksStep {
    this.#received = Buffer.concat([this.#received, bytes])
    switch (this.#expecting) {
      case 'method':
        return this.#takeMethod()
      case 'authentication':
        return this.#takeAuthentication()
      default:
        return this.#takeReply()
    }
  }

  /** RFC 1928 3 */
  #takeMethod(): SocksStep {
    const [version, method] = this.#received
    if (version !== undefined && version !== VERSION) {
      return fault(`its first byte is ${version}, expected version 5`)
    }
    if (method === undefined) return WAIT
    if (this.#received.length > 2) return fault('it sent bytes after its reply')
    const credentials = this.#credentials
    if (method === NO_AUTHENTICATION) return this.#request()
    if (method === USER_AND_PASSWORD && credentials !== null) return this.#authenticate(credentials)
    if (method !== NO_ACCEPTABLE_METHOD)
      return fault(`it selected authentication method ${method}, which was not offered`)
    const reason =
      credentials === null ? 'it requires credentials' : 'it does not accept a user and password'
    return { step: 'refused', reason }
  }

  /** RFC 1929 2 */
  #authenticate({ user, password }: SocksCredentials): SocksStep {
    this.#expect('authentication')
    const bytes = Buffer.concat([
      Uint8Array.of(AUTHENTICATION_VERSION, user.length),
      user,
      Uint8Array.of(password.length),
      password,
    ])
    return { step: 'send', bytes }
  }

  #takeAuthentication(): SocksStep {
    const [version, status] = this.#received
    if (version !== undefined && version !== AUTHENTICATION_VERSION) {
      return fault(`its authentication reply begins with ${version}, expected version 1`)
    }
    if (status === undefined) return WAIT
    if (status !== 0) return { step: 'refused', reason: 'wrong user or password' }
    if (this.#received.length > 2) return fault('it sent bytes after its reply')
    return this.#request()
  }

  /** RFC 1928 4 */
  #request(): SocksStep {
    this.#expect('reply')
    const bytes = Buffer.concat([Uint8Array.of(VERSION, CONNECT, 0), this.#target])
    return { step: 'send', bytes }
  }

  /** RFC 1928 6. The address in the reply is not used, but its length is needed to find the end. */
  #takeReply(): SocksStep {
    const received = this.#received
    const [version, reply, , type, first] = received
    if (version !== undefined && version !== VERSION)
      return fault(`its reply begins with ${version}, expected version 5`)
    if (reply === undefined) return WAIT
    // Some proxies send nothing after the code of a refusal.
    if (reply !== 0) return { step: 'refused', reason: REPLIES.at(reply) ?? `SOCKS reply ${reply}` }
    if (type === undefined) return WAIT
    const length = addressLength(type, first)
    if (length === null) return fault(`its reply has the unknown address type ${type}`)
    const end = 4 + length + 2
    return received.length < end ? WAIT : { step: 'open', firstBytes: received.subarray(end) }
  }

  #expect(what: 'authentication' | 'reply'): void {
    this.#expecting = what
    this.#received = new Uint8Array(0)
  }
}

function fault(text: string): SocksStep {
  return { step: 'fault', fault: text }
}

/**
 * The length of an address in a reply, in bytes; null for a type that RFC 1928 does not define.
 *
 * @param first the first byte of the address, which is the length of a name
 */
function addressLength(type: number, first: number | undefined): number | null {
  if (type === IPV4) return 4
  if (type === IPV6) return 16
  return type === DOMAIN ? 1 + (first ?? MAX_NAME_LENGTH) : null
}

/** Encodes the address type, the address and the port for a request. RFC 1928 5 */
function encodeAddress({ host, ipVersion, port }: SocksTarget): Uint8Array {
  const address =
    ipVersion === 4
      ? Buffer.of(IPV4, ...host.split('.').map(Number))
      : ipVersion === 6
        ? Buffer.of(IPV6, ...ipv6Bytes(host))
        : nameBytes(host)
  return Buffer.concat([address, Uint8Array.of(port >> 8, port & 0xff)])
}

function nameBytes(host: string): Buffer {
  const name = Buffer.from(host)
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
    throw new RangeError(
      `The host name has ${name.length} bytes; SOCKS allows 1 to ${MAX_NAME_LENGTH}`,
    )
  }
  return Buffer.concat([Uint8Array.of(DOMAIN, name.length), name])
}

/** RFC 4291 2.2. Drops a zone (RFC 4007 11), which has no meaning on another machine. */
function ipv6Bytes(address: string): number[] {
  const [text = ''] = address.split('%')
  const [, dotted] = /:((?:\d+\.){3}\d+)$/.exec(text) ?? []
  const last = dotted === undefined ? [] : dotted.split('.').map(Number)
  const hex = dotted === undefined ? text : text.slice(0, -dotted.length).replace(/([^:]):$/, '$1')
  const [head = '', tail = ''] = hex.split('::')
  const front = groups(head)
  const back = [...groups(tail), ...last]
  return [...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back]
}

function groups(text: string): number[] {
  return text
    .split(':')
    .filter((group) => group !== '')
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
}
