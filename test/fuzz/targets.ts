import type { FuzzTarget } from './target.ts'
import { baseUrl } from './targets/base-url.ts'
import { challenges } from './targets/challenges.ts'
import { codings } from './targets/codings.ts'
import { cookies } from './targets/cookies.ts'
import { headers } from './targets/headers.ts'
import { members } from './targets/members.ts'
import { multipart } from './targets/multipart.ts'
import { netrc } from './targets/netrc.ts'
import { noProxy } from './targets/no-proxy.ts'
import { nodeParser } from './targets/node-parser.ts'
import { params } from './targets/params.ts'
import { plainUrls } from './targets/plain-urls.ts'
import { readResponses } from './targets/read-responses.ts'
import { redirects } from './targets/redirects.ts'
import { requests } from './targets/requests.ts'
import { responses } from './targets/responses.ts'

/** All fuzz targets. */
export const targets: readonly FuzzTarget[] = [
  responses,
  readResponses,
  nodeParser,
  codings,
  members,
  requests,
  redirects,
  cookies,
  challenges,
  headers,
  baseUrl,
  plainUrls,
  params,
  multipart,
  noProxy,
  netrc,
]
