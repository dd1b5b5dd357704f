/**
 * Signals of other implementations than the runtime's, such as the npm package abort-controller,
 * have only `aborted`, `addEventListener` and `removeEventListener`. The sources use a signal only
 * through this file and those three.
 */
import { kindOf } from './value-kind.ts'

/** Returns an option `signal`; null if it is null or undefined. Throws `TypeError` otherwise. */
export function checkSignal(value: unknown): AbortSignal | null {
  if (value === undefined || value === null) return null
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  if (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  ) {
    return value as AbortSignal
  }
  throw new TypeError(`signal must be an AbortSignal, not ${kindOf(value)}`)
}

/** Throws the reason of a signal that is aborted. */
export function throwIfAborted(signal: AbortSignal | null): void {
  if (signal?.aborted) throw abortReason(signal)
}

/** The reasons that were created for aborted signals without one. */
const createdReasons = new WeakMap<AbortSignal, DOMException>()

/**
 * Returns the reason of an aborted signal, each time the same. If the signal has none, it is an
 * `AbortError`, as `abort()` of the runtime would set it. DOM 3.2
 */
export function abortReason(signal: AbortSignal): unknown {
  if (signal.reason !== undefined) return signal.reason
  let reason = createdReasons.get(signal)
  if (reason === undefined) {
    reason = new DOMException('This operation was aborted', 'AbortError')
    createdReasons.set(signal, reason)
  }
  return reason
}
