import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { VERSION } from '../client/building.ts'
import { UsageError } from './command-errors.ts'
import { exitCodes } from './exit-codes.ts'
import type { Colours } from './terminal.ts'

export type Pair = readonly [name: string, value: string]

/** What was asked for, each option checked by itself. */
export interface Arguments {
  /** Null: by what there is to send. */
  readonly method: string | null
  readonly url: string
  readonly params: readonly Pair[]
  readonly headers: readonly Pair[]
  readonly json: string | null
  readonly data: readonly Pair[]
  readonly files: readonly Pair[]
  readonly content: string | null
  readonly cookies: readonly Pair[]
  readonly auth: Pair | null
  readonly proxy: string | null
  readonly verify: boolean
  /** Seconds. */
  readonly timeout: number | null
  readonly follow: boolean | null
  readonly verbose: boolean
  readonly download: string | null
  /** How many requests; null for no bench. */
  readonly bench: number | null
  readonly concurrency: number | null
}

/** Who asks for help or the version gets this text, and nothing else happens. */
export interface Information {
  readonly text: string
}

/** How what is printed while arguments are read looks. */
export interface Look {
  readonly columns: number
  readonly colours: Colours
}

const MANY: readonly Pair[] = []

/** Throws `UsageError`. */
export function parseArguments(words: readonly string[], look: Look): Arguments | Information {
  let text = ''
  const command = describe(look)
  command.exitOverride().configureOutput({
    writeOut: (part) => {
      text += part
    },
    writeErr: () => {},
    getOutHelpWidth: () => Math.min(look.columns, 100),
    getOutHasColors: () => look.colours.isColorSupported,
  })
  try {
    command.parse(joinPairs(words, command.options), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { text }
    throw new UsageError(
      error.message
        .replace(/^error: /, '')
        .replace(/ argument '.*' is invalid\./s, ':')
        .replace(/\s*\n\s*/g, ' '),
      'hawser --help shows all options, with examples.',
    )
  }
  const { method, ...given } = command.opts()
  return { ...(given as Arguments), ...targetOf(command.args, method) }
}

function describe({ colours }: Look): Command {
  const command = new Command('hawser')
    .usage('[options] [METHOD] URL')
    .description('Sends an HTTP request and shows the response.')
    .argument('[words...]')
    .helpOption('--help', 'show this')
    .version(VERSION, '--version', 'show the version')
    .configureHelp({
      visibleArguments: () => [],
      optionDescription: ({ description }) => description,
      styleTitle: colours.bold,
      styleOptionTerm: colours.cyan,
      styleUsage: colours.cyan,
    })
    .addHelpText('after', lessons(colours))
  const add = (flags: string, text: string, more: (option: Option) => Option = (o) => o) =>
    command.addOption(more(new Option(flags, text)))
  const pairs = (option: Option) => option.default(MANY).argParser(addPair)
  const single = (option: Option) => option.default(null)

  add('-m, --method <method>', 'the request method', single)
  add('-p, --params <name value>', 'adds to the query of the URL; again for more', pairs)
  add('-h, --headers <name value>', 'sends a header; again for more', pairs)
  add('-j, --json <text>', 'sends JSON', single)
  add('-d, --data <name value>', 'sends a field of a form; again for more', pairs)
  add('-f, --files <name path>', 'sends a file in a form; again for more', pairs)
  add('--content <text>', 'sends this text; - sends what comes in at stdin', single)
  add('--cookies <name value>', 'sends a cookie; again for more', pairs)
  add('--auth <user password>', 'says who you are (Basic)', (option) =>
    single(option).argParser(pairOf),
  )
  add('--proxy <url>', 'goes through an http, https or socks5 proxy', single)
  add('--no-verify', "does not check the server's certificate")
  add('--timeout <seconds>', 'for connecting, and for each wait (default: 5)', (option) =>
    single(option).argParser(positive),
  )
  add('--follow', 'follows redirects (--download does)', single)
  add('--no-follow', 'does not follow them')
  add('-v, --verbose', 'tells the story of the connection on stderr', (o) => o.default(false))
  add('--download <file>', 'saves the body, and goes on where it was cut', single)
  add('--bench <n>', 'sends it n times and measures', (option) =>
    single(option).argParser(wholeNumber),
  )
  add('-c, --concurrency <c>', 'how many at a time in a bench (default: 10)', (option) =>
    single(option).argParser(wholeNumber),
  )
  add('--no-colour', 'without colours')
  command.addOption(new Option('--no-color').hideHelp())
  return command
}

const EXAMPLES: readonly (readonly [what: string, command: string])[] = [
  ['Get a URL. On a terminal you see the headers and pretty JSON', 'hawser example.com'],
  ['In a pipe you get the body, byte for byte', 'hawser https://example.com/users | jq .'],
  ['Send JSON, which makes it a POST', `hawser api.example.com/users -j '{"name": "Ada"}'`],
  ['Send a form, with a file', 'hawser :8000/upload -d title Report -f file report.pdf'],
  ['Query, headers, user and password', 'hawser :8000/ -p page 2 -h x-app me --auth ada secret'],
  ['See where the time goes', 'hawser -v https://example.com'],
  ['Download; call it again to go on after a cut', 'hawser example.com/a.iso --download a.iso'],
  ['10,000 requests, 50 at a time', 'hawser :8000/ --bench 10000 -c 50'],
]

/** What `--help` says below the options. */
function lessons({ bold, cyan, dim }: Colours): string {
  const examples = EXAMPLES.map(([what, command]) => `  ${dim(`# ${what}`)}\n  ${cyan(command)}`)
  const codes = Object.values(exitCodes).map(
    ([status, meaning]) => `  ${cyan(String(status).padStart(3))}  ${meaning}`,
  )
  return `
${bold('A URL')} without a scheme is http://, and :8000/path is http://localhost:8000/path.
The method is GET, or POST where there is something to send.

${bold('Examples:')}
${examples.join('\n\n')}

${bold('Exit status:')}
${codes.join('\n')}

${bold('Environment:')} NO_COLOR and FORCE_COLOR; HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and
NO_PROXY; SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE; NETRC, or ~/.netrc.
`
}

/** Commander has no options of two values: theirs are made one word here, which no real one can be. */
function joinPairs(words: readonly string[], options: readonly Option[]): string[] {
  const joined: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--') return [...joined, ...words.slice(i)]
    joined.push(word)
    const option = options.find(({ short, long }) => word === short || word === long)
    if (option === undefined || !option.required) continue
    const size = isPair(option) ? 2 : 1
    const values = words.slice(i + 1, i + 1 + size)
    joined.push(...(size === 2 ? [values.map((value) => `\0${value}`).join('')] : values))
    i += size
  }
  return joined
}

function isPair({ flags }: Option): boolean {
  return / <\w+ \w+>$/.test(flags)
}

function pairOf(joined: string): Pair {
  const [, name, value] = joined.split('\0')
  if (name !== undefined && value !== undefined) return [name, value]
  throw new InvalidArgumentError('It takes two words.')
}

function addPair(joined: string, before: readonly Pair[]): readonly Pair[] {
  return [...before, pairOf(joined)]
}

function positive(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0) return value
  throw new InvalidArgumentError('It takes a number above 0.')
}

const MOST = 10_000_000

function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value > 0 && value <= MOST) return value
  throw new InvalidArgumentError(`It takes a whole number from 1 to ${MOST}.`)
}

/** `[METHOD] URL` */
function targetOf(
  words: readonly string[],
  option: string | null,
): Pick<Arguments, 'method' | 'url'> {
  const [first, second, ...rest] = words
  const hint = 'It goes like this: hawser [options] [METHOD] URL'
  if (first === undefined) throw new UsageError('there is no URL', hint)
  if (rest.length > 0) throw new UsageError(`one word too many: ${rest[0]}`, hint)
  if (second === undefined) return { method: option, url: absolute(first) }
  if (option !== null) throw new UsageError(`two methods: ${first}, and --method ${option}`, hint)
  // Methods are case-sensitive, and people are not.
  const method = /^[a-z]+$/.test(first) ? first.toUpperCase() : first
  return { method, url: absolute(second) }
}

function absolute(url: string): string {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(url)) return url
  return /^:\d*(?:[/?#]|$)/.test(url)
    ? `http://localhost${url}`
    : `http://${url.replace(/^\/\//, '')}`
}
