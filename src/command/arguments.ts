import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { VERSION } from '../client/request-builder.ts'
import { redactUrl } from '../errors.ts'
import { isToken } from '../models/field.ts'
import { UsageError } from './command-errors.ts'
import { exitCodes } from './exit-codes.ts'
import type { Colours } from './terminal.ts'

export type Pair = readonly [name: string, value: string]

/** The parsed command line. Each option has been checked, but not how options combine. */
export interface ParsedArguments {
  /** Null if none was given. */
  readonly method: string | null
  /** Always with a scheme. */
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
  /** Number of requests; null without `--bench`. */
  readonly bench: number | null
  readonly concurrency: number | null
}

const NO_PAIRS: readonly Pair[] = []
const MAX_BENCH_REQUESTS = 10_000_000

/**
 * Parses the command line.
 *
 * @param args the arguments after the name of the program
 * @returns the text to print for `--help` and `--version`
 * @throws UsageError
 */
export function parseArguments(
  args: readonly string[],
  columns: number,
  colours: Colours,
): ParsedArguments | string {
  let text = ''
  const command = createParser(colours)
  command.exitOverride().configureOutput({
    writeOut: (part) => {
      text += part
    },
    writeErr: () => {},
    getOutHelpWidth: () => Math.min(columns, 100),
    getOutHasColors: () => colours.isColorSupported,
  })
  try {
    command.parse(joinPairValues(args, command.options), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return text
    throw new UsageError(
      error.message
        .replace(/^error: /, '')
        .replace(/ argument '.*' is invalid\./s, ':')
        .replace(/ argument missing$/, ': missing value')
        .replace(/\s*\n\s*/g, ' '),
      'Run hawser --help for all options and examples.',
    )
  }
  const { method, ...options } = command.opts()
  return { ...(options as ParsedArguments), ...parseTarget(command.args, method) }
}

function createParser(colours: Colours): Command {
  const command = new Command('hawser')
    .usage('[options] [METHOD] URL')
    .description('Send an HTTP request and print the response.')
    .argument('[words...]')
    .helpOption('--help', 'show help')
    .version(VERSION, '--version', 'show the version')
    .configureHelp({
      visibleArguments: () => [],
      optionDescription: ({ description }) => description,
      styleTitle: colours.bold,
      styleOptionTerm: colours.cyan,
      styleUsage: colours.cyan,
    })
    .addHelpText('after', helpFooter(colours))
  const addOption = (
    flags: string,
    text: string,
    configure: (option: Option) => Option = (option) => option,
  ) => command.addOption(configure(new Option(flags, text)))
  const repeatable = (option: Option) =>
    option
      .default(NO_PAIRS)
      .argParser((joined, previous: readonly Pair[]) => [...previous, parsePair(joined, option)])
  const single = (option: Option) => option.default(null)

  addOption('-m, --method <method>', 'HTTP method', single)
  addOption('-p, --params <name value>', 'query parameter (repeatable)', repeatable)
  addOption('-h, --headers <name value>', 'request header (repeatable)', repeatable)
  addOption('-j, --json <text>', 'JSON body', single)
  addOption('-d, --data <name value>', 'form field (repeatable)', repeatable)
  addOption('-f, --files <name path>', 'file to upload as form data (repeatable)', repeatable)
  addOption('--content <text>', 'request body; "-" reads it from stdin', single)
  addOption('--cookies <name value>', 'cookie (repeatable)', repeatable)
  addOption('--auth <user password>', 'HTTP Basic credentials', (option) =>
    single(option).argParser((joined) => parsePair(joined, option)),
  )
  addOption('--proxy <url>', 'http, https or socks5 proxy', single)
  addOption('--no-verify', 'disable TLS certificate verification')
  addOption(
    '--timeout <seconds>',
    'timeout of the connect, of each read and of each write (default: 5)',
    (option) => single(option).argParser(parsePositiveNumber),
  )
  addOption('--follow', 'follow redirects (default with --download)', single)
  addOption('--no-follow', 'do not follow redirects')
  addOption('-v, --verbose', 'print request, response and timing to stderr', (option) =>
    option.default(false),
  )
  addOption('--download <file>', 'save the body to <file>; resume from <file>.part', single)
  addOption('--bench <n>', 'send the request n times and print statistics', (option) =>
    single(option).argParser(parseRequestCount),
  )
  addOption('-c, --concurrency <c>', 'concurrent requests with --bench (default: 10)', (option) =>
    single(option).argParser(parseRequestCount),
  )
  addOption('--no-colour', 'disable colours')
  command.addOption(new Option('--no-color').hideHelp())
  return command
}

const EXAMPLES: readonly (readonly [title: string, command: string])[] = [
  ['Get a URL; on a terminal, print the headers and format JSON', 'hawser example.com'],
  ['Pipe the body, unchanged, into another program', 'hawser https://example.com/users | jq .'],
  ['Send JSON (as POST)', `hawser api.example.com/users -j '{"name": "Ada"}'`],
  ['Upload a form with a file', 'hawser :8000/upload -d title Report -f file report.pdf'],
  [
    'Set a query parameter, a header and credentials',
    'hawser :8000/ -p page 2 -h x-app me --auth ada secret',
  ],
  ['Show the headers and the duration of each phase', 'hawser -v https://example.com'],
  ['Download a file; repeat the command to resume', 'hawser example.com/a.iso --download a.iso'],
  ['Send 10,000 requests, 50 at a time', 'hawser :8000/ --bench 10000 -c 50'],
]

/** Returns the part of `--help` below the options. */
function helpFooter({ bold, cyan, dim }: Colours): string {
  const examples = EXAMPLES.map(([title, command]) => `  ${dim(`# ${title}`)}\n  ${cyan(command)}`)
  const codes = Object.values(exitCodes).map(
    ([status, meaning]) => `  ${cyan(String(status).padStart(3))}  ${meaning}`,
  )
  return `
${bold('URL:')} the default scheme is http://; :8000/path means http://localhost:8000/path.
${bold('Method:')} the default is GET, or POST if the request has a body.

${bold('Examples:')}
${examples.join('\n\n')}

${bold('Exit status:')}
${codes.join('\n')}

${bold('Environment variables:')}
  colours: NO_COLOR, FORCE_COLOR; credentials: NETRC (default: ~/.netrc)
  proxies: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY
  TLS: SSL_CERT_FILE, SSL_CERT_DIR, SSLKEYLOGFILE
`
}

/**
 * Joins the two values of an option into one argument, because commander has no options with two
 * values. NUL separates them: the operating system allows no NUL in an argument.
 */
function joinPairValues(args: readonly string[], options: readonly Option[]): string[] {
  const joined: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') return [...joined, ...args.slice(i)]
    joined.push(arg)
    const option = options.find(({ short, long }) => arg === short || arg === long)
    if (option === undefined || !option.required) continue
    const valueCount = takesPair(option) ? 2 : 1
    const values = args.slice(i + 1, i + 1 + valueCount)
    joined.push(...(valueCount === 2 ? [values.map((value) => `\0${value}`).join('')] : values))
    i += valueCount
  }
  return joined
}

function takesPair({ flags }: Option): boolean {
  return / <\w+ \w+>$/.test(flags)
}

/** Splits what `joinPairValues` joined. */
function parsePair(joined: string, { flags }: Option): Pair {
  const [, name, value] = joined.split('\0')
  if (name !== undefined && value !== undefined) return [name, value]
  const placeholders = flags
    .slice(flags.indexOf('<') + 1, -1)
    .toUpperCase()
    .split(' ')
  throw new InvalidArgumentError(`expected ${placeholders.join(' and ')}`)
}

function parsePositiveNumber(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0) return value
  throw new InvalidArgumentError('expected a number greater than 0')
}

function parseRequestCount(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value > 0 && value <= MAX_BENCH_REQUESTS) return value
  throw new InvalidArgumentError(`expected an integer from 1 to ${MAX_BENCH_REQUESTS}`)
}

/** Parses the positional arguments, `[METHOD] URL`. */
function parseTarget(
  args: readonly string[],
  methodOption: string | null,
): Pick<ParsedArguments, 'method' | 'url'> {
  const [first, second, third] = args
  const hint = 'Usage: hawser [options] [METHOD] URL'
  if (first === undefined) throw new UsageError('missing URL', hint)
  if (third !== undefined) throw new UsageError(`unexpected argument: ${third}`, hint)
  if (second === undefined) return { method: methodOption, url: absoluteUrl(first) }
  if (!isToken(first)) {
    const both = `${redactUrl(first)} ${redactUrl(second)}`
    throw new UsageError(`expected [METHOD] URL, got two arguments: ${both}`, hint)
  }
  if (methodOption !== null) {
    throw new UsageError(`the method is given twice: ${first} and --method ${methodOption}`, hint)
  }
  // Methods are case-sensitive (RFC 9110 9.1), but `hawser put URL` means PUT.
  const method = /^[a-z]+$/.test(first) ? first.toUpperCase() : first
  return { method, url: absoluteUrl(second) }
}

/** Adds the default scheme, and the host to `:8000/path`. */
function absoluteUrl(url: string): string {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(url)) return url
  return /^:\d*(?:[/?#]|$)/.test(url)
    ? `http://localhost${url}`
    : `http://${url.replace(/^\/\//, '')}`
}
