import { hold, release, systemClock } from '../../backends/system-clock.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { parseOrigin } from '../../models/origin.ts'
import type { DispatchRequest } from '../../models/request.ts'
import { Timeout } from '../../models/timeout.ts'
import type { DispatcherParts } from '../../pool/base-dispatcher.ts'
import { InFlight } from '../../pool/in-flight.ts'
import { Tracing } from '../../pool/tracing.ts'
import type { ProxyRules } from '../../protocol/request-head.ts'
import { versionAndHost } from '../../protocol/request-head.ts'

/** Allows Proxy-Authorization, because a custom dispatcher may send the request through a proxy. */
const NO_PROXY_RULES: ProxyRules = {
  absolutePrefix: null,
  fieldLines: '',
  proxySuffix: '',
  whyNoProxyAuthorization: null,
}

/**
 * Makes the parts of a dispatcher whose requests are answered without a connection.
 *
 * @param answer called in a microtask for each exchange, with the request that the caller passed.
 *   If it throws, the exchange fails with that error
 */
export function inProcessParts(
  answer: (exchange: Exchange, request: DispatchRequest) => void,
): DispatcherParts {
  const inFlight = new InFlight({ clock: systemClock, hold, release }, true)
  return {
    name: 'dispatcher',
    timeouts: Timeout.default,
    tracing: new Tracing(systemClock),
    inFlight,
    transport: {
      destinationOf(url) {
        const origin = parseOrigin(url)
        return {
          origin,
          versionAndHost: versionAndHost(origin.authority),
          proxyRules: NO_PROXY_RULES,
        }
      },
      start(exchange, _, request) {
        systemClock.microtask(() => {
          if (exchange.settled) return
          try {
            answer(exchange, request)
          } catch (error) {
            exchange.fail(error)
          }
        })
      },
      discard() {},
      close: () => inFlight.exchanges,
    },
  }
}
