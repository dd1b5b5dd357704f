import { checkOptions, option } from '../models/options.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** Called in order and awaited; what one throws fails the call. */
export interface EventHooks {
  /** Sees each request before it is sent, redirects, auth rounds and retries included, and may change it. */
  readonly request?: readonly ((request: Request) => unknown)[] | undefined
  /** Sees each response before its body is read, but those that are retried; may `await response.read()`. */
  readonly response?: readonly ((response: Response) => unknown)[] | undefined
}

type Hooks = { readonly [Name in keyof EventHooks]-?: NonNullable<EventHooks[Name]> }

/** Throws `TypeError` for what is no list of functions. */
export function resolveEventHooks(hooks: EventHooks): Hooks {
  checkOptions('eventHooks', hooks, ['request', 'response'])
  return { request: listOf(hooks, 'request'), response: listOf(hooks, 'response') }
}

function listOf<Name extends keyof EventHooks>(hooks: EventHooks, name: Name): Hooks[Name] {
  const given: unknown = option(hooks, name, [])
  if (Array.isArray(given) && given.every((hook) => typeof hook === 'function')) {
    return [...given] as unknown as Hooks[Name]
  }
  throw new TypeError(`eventHooks.${name} must be an array of functions`)
}
