import type { Mutation } from './mutation.ts'

/** Hazards 19 to 22: input from callers and servers that injects bytes or takes too long. */
export const injection: readonly Mutation[] = [
  {
    marks: '19, R5',
    mistake: 'the method is not checked',
    file: 'src/protocol/request-head.ts',
    find: '  if (!isToken(method)) {',
    replace: "  if (method === '') {",
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19, R1',
    mistake: 'characters in the request target are not checked',
    file: 'src/protocol/request-head.ts',
    find: '  if (bad !== null) {\n    throw new LocalProtocolError(\n      `Invalid character',
    replace:
      "  if (bad !== null && bad[0] === '') {\n    throw new LocalProtocolError(\n      `Invalid character",
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19, R4',
    mistake: 'characters in a header name are not checked',
    file: 'src/models/field.ts',
    find: '  if (inName) {',
    replace: "  if (inName?.[0] === '') {",
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19, R4',
    mistake: 'characters in a header value are not checked',
    file: 'src/protocol/request-head.ts',
    find: "if (typeof value !== 'string' || FORBIDDEN_IN_VALUE.test(value)) checkField(name, value)",
    replace: "if (typeof value !== 'string') checkField(name, value)",
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19, R3',
    mistake: 'Host may contain spaces and slashes',
    file: 'src/protocol/request-head.ts',
    find: 'if (/[\\s/@?#]/.test(value))',
    replace: 'if (/[\\r\\n]/.test(value))',
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19',
    mistake:
      'a header name that differs only in surrounding whitespace from a checked one is not checked',
    file: 'src/protocol/request-head.ts',
    find: '  const known = knownNames.get(name)\n',
    replace: '  const known = knownNames.get(String(name).trim())\n',
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19',
    mistake: 'an origin is not checked before it is parsed, and the URL parser removes line breaks',
    file: 'src/models/origin.ts',
    find: "if (typeof given === 'string' && FORBIDDEN_IN_URL.test(given)) {",
    replace: "if (typeof given === 'string' && /[\\0]/.test(given)) {",
    tests: ['protocol/request-refused'],
  },
  {
    marks: '19',
    mistake: 'a URL is not checked before it is parsed, and the URL parser removes line breaks',
    file: 'src/models/url.ts',
    find: 'export const FORBIDDEN_IN_URL: RegExp = /[\\r\\n\\t\\0]/',
    replace: 'export const FORBIDDEN_IN_URL: RegExp = /[\\0]/',
    tests: ['client/url'],
  },
  {
    marks: '19, R11',
    mistake: 'characters in the values of trailers are not checked',
    file: 'src/models/headers.ts',
    find: '  checkField(name, text)',
    replace: "  checkField(name, '')",
    tests: ['protocol/request-refused', 'models/headers'],
  },
  {
    marks: '19, A6',
    mistake: 'names and file names in a multipart form are not escaped',
    file: 'src/content/multipart.ts',
    find: '  return name.replace(/["\\r\\n\\0',
    replace: '  return name.replace(/[\\0',
    tests: ['content/multipart'],
  },
  {
    marks: '19, A6',
    mistake: 'characters in the content type of a part are not checked',
    file: 'src/content/multipart.ts',
    find: "    checkField('Content-Type', contentType)\n",
    replace: '',
    tests: ['content/multipart'],
  },
  {
    marks: '19',
    mistake: 'line breaks in the header fields for a proxy are not rejected',
    file: 'src/models/proxy.ts',
    find: "    headers = new Headers(option(options, 'headers', null))",
    replace:
      "    headers = new Headers(JSON.parse(JSON.stringify(option(options, 'headers', null)).replace(/\\\\r\\\\n/g, ' ')))",
    tests: ['models/proxy'],
  },
  {
    marks: '20, A6',
    mistake: 'the multipart boundary comes from Math.random',
    file: 'src/content/boundary.ts',
    find: "  const boundary = randomBytes(16).toString('hex')",
    replace:
      "  const boundary = Array.from(randomBytes(16), () => (Math.random() * 256) | 0).map((n) => n.toString(16).padStart(2, '0')).join('')",
    tests: ['content/multipart'],
  },
  {
    marks: '20, A6',
    mistake: 'a boundary that the caller passes is not checked',
    file: 'src/content/boundary.ts',
    find: '    if (BOUNDARY.test(given)) return',
    replace: "    if (BOUNDARY.test('x')) return",
    tests: ['content/multipart'],
  },
  {
    marks: '21',
    mistake:
      'trimming a value takes quadratic time, because the search for trailing blanks starts at each blank',
    file: 'src/models/headers.ts',
    find: '  return trimBlanks(text, 0, text.length)',
    replace: "  return text.replace(/^[ \\t]+|[ \\t]+$/g, '')",
    tests: ['models/headers'],
  },
  {
    marks: '21',
    mistake:
      'repairing folded lines takes quadratic time, because the search restarts at the beginning after each fold',
    file: 'src/protocol/lenient-head.ts',
    find: '    for (let j = i + 2; isSpaceOrTab(head[j]); j++) head[j] = SP\n',
    replace:
      "    for (let j = i + 2; isSpaceOrTab(head[j]); j++) head[j] = SP\n    i = head.indexOf('\\r\\n') + 2\n",
    tests: ['protocol/response-limits'],
  },
  {
    marks: '21',
    mistake:
      'parsing a challenge takes quadratic time, because the remaining text is scanned for each parameter',
    file: 'src/client/scanner.ts',
    find: "    const found = pattern.exec(this.text)?.[0] ?? ''\n    this.position += found.length\n    return found",
    replace:
      "    const found = pattern.exec(this.text)?.[0] ?? ''\n    this.position += found.length\n    if (this.text.slice(this.position).split('').length < 0) return ''\n    return found",
    tests: ['client/digest-challenge'],
  },
  {
    marks: '21',
    mistake:
      'trimming a URL takes quadratic time, because the search for trailing blanks starts at each blank',
    file: 'src/client/url.ts',
    find: 'const LEADING_BLANKS = /^[\\0-\\x20]+/',
    replace: 'const LEADING_BLANKS = /^[\\0-\\x20]+|[\\0-\\x20]+$/g',
    tests: ['client/url'],
  },
  {
    marks: '22',
    mistake: 'options are read from a polluted Object.prototype',
    file: 'src/models/options.ts',
    find: 'const given = Object.hasOwn(options, name) ? options[name] : undefined',
    replace: 'const given = options[name]',
    tests: ['client/pollution', 'models/limits', 'client/proxies'],
  },
  {
    marks: '22',
    mistake: 'options that a dispatch omits are read from a polluted Object.prototype',
    file: 'src/connection/outgoing-request.ts',
    find: 'return value !== undefined && Object.hasOwn(request, name) ? value : undefined',
    replace: 'return value',
    tests: ['protocol/request-head', 'pool/context'],
  },
  {
    marks: '22',
    mistake: 'TLS settings are read from a polluted Object.prototype',
    file: 'src/models/options.ts',
    find: 'Object.assign(Object.create(null), ',
    replace: 'Object.assign({}, ',
    tests: ['engine/tls', 'backends/tls'],
  },
]
