import { hold, release, systemClock } from '../../backends/system-clock.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { parseOrigin } from '../../models/origin.ts'
import type { DispatchRequest } from '../../models/request.ts'
import { Timeout } from '../../models/timeout.ts'
import type { DispatcherParts } from '../../pool/base-dispatcher.ts'
import { InFlight } from '../../pool/in-flight.ts'
import { Tracing } from '../../pool/tracing.ts'
import type { ProxyRules } from '../../protocol/request-head.ts'
import { hostField } from '../../protocol/request-head.ts'

/** Proxy-Authorization is allowed: a custom dispatcher may send the request through a proxy. */
const NO_ROUTE: ProxyRules = {
  absolute: null,
  fields: '',
  proxySuffix: '',
  whyNoProxyAuthorization: null,
}

/**
 * The parts of a dispatcher whose requests are answered without a connection.
 *
 * @param answer called later for each exchange, with what the caller gave; what it throws fails the exchange
 */
export function localParts(
  answer: (exchange: Exchange, request: DispatchRequest) => void,
): DispatcherParts {
  const inFlight = new InFlight({ clock: systemClock, hold, release }, true)
  return {
    name: 'dispatcher',
    timeouts: Timeout.default,
    tracing: new Tracing(systemClock),
    inFlight,
    transport: {
      destinationOf(given) {
        const origin = parseOrigin(given)
        return { origin, hostField: hostField(origin.authority), proxyRules: NO_ROUTE }
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
