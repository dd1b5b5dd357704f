import { bunApi, denoApi } from '../../src/backends/other-runtimes.ts'
import { backendConformance } from './conformance.ts'
import { certificate, localLink, localTunnel, loopback, tls, unixPath } from './local-link.ts'
import type { ProcessLinkOptions } from './process-link.ts'
import { processLink } from './process-link.ts'
import { socketBackends } from './socket-backends.ts'

for (const backend of socketBackends) {
  const { name } = backend
  if (bunApi() || denoApi()) {
    const far = (unix: boolean, through: ProcessLinkOptions['through']) =>
      processLink(backend, { unix, certificate, tls, through })
    backendConformance(`${name}: TLS`, far(false, null))
    backendConformance(`${name}: TLS on a unix socket`, far(true, null))
    backendConformance(`${name}: TLS over a tunnel`, far(false, 'tcp'))
    backendConformance(`${name}: TLS over a tunnel over TLS`, far(false, 'tls'))
  } else {
    backendConformance(`${name}: TLS`, localLink(backend, loopback, tls))
    backendConformance(`${name}: TLS on a unix socket`, localLink(backend, unixPath, tls))
    backendConformance(`${name}: TLS over a tunnel`, localTunnel(backend, null))
    backendConformance(`${name}: TLS over a tunnel over TLS`, localTunnel(backend, tls))
  }
}
