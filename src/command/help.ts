import { exitCodes } from './exit-codes.ts'
import type { Colours } from './terminal.ts'

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
export function lessons({ bold, cyan, dim }: Colours): string {
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
