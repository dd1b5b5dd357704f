import { bunApi, denoApi } from '../../src/backends/other-runtimes.ts'
import { backendConformance } from './conformance.ts'
import type { FarLink } from './far-link.ts'
import { farLink } from './far-link.ts'
import { certificate, loopback, nearLink, nearTunnel, tls, unixPath } from './near-link.ts'
import { socketBackends } from './own-sockets.ts'

for (const backend of socketBackends) {
  const { name } = backend
  if (bunApi() || denoApi()) {
    const far = (unix: boolean, through: FarLink['through']) =>
      farLink(backend, { unix, certificate, tls, through })
    backendConformance(`${name}: TLS`, far(false, null))
    backendConformance(`${name}: TLS on a unix socket`, far(true, null))
    backendConformance(`${name}: TLS over a tunnel`, far(false, 'tcp'))
    backendConformance(`${name}: TLS over a tunnel over TLS`, far(false, 'tls'))
  } else {
    backendConformance(`${name}: TLS`, nearLink(backend, loopback, tls))
    backendConformance(`${name}: TLS on a unix socket`, nearLink(backend, unixPath, tls))
    backendConformance(`${name}: TLS over a tunnel`, nearTunnel(backend, null))
    backendConformance(`${name}: TLS over a tunnel over TLS`, nearTunnel(backend, tls))
  }
}
