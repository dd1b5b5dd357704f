import type { ValidationIssue } from '../errors.ts'
import { isThenable } from '../models/value-kind.ts'

/**
 * A schema of any library that implements Standard Schema 1, such as Zod, Valibot or ArkType:
 * https://standardschema.dev
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (
      value: unknown,
    ) => ValidationResult<Output> | Promise<ValidationResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type ValidationResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidationIssue[] }

/** Returns the schema. Throws `TypeError` if it is not a Standard Schema. */
export function checkSchema<Output>(schema: StandardSchema<Output>): StandardSchema<Output> {
  const standard: Partial<StandardSchema['~standard']> | undefined = schema?.['~standard']
  if (standard?.version === 1 && typeof standard.validate === 'function') return schema
  throw new TypeError('schema must be a Standard Schema, such as those of Zod, Valibot and ArkType')
}

/**
 * Returns the value as the schema returns it, which may have converted it.
 *
 * Throws `TypeError` for an asynchronous schema, and the errors that the schema throws.
 *
 * @param mismatch creates the error to throw if the value does not match the schema
 */
export function validate<Output>(
  schema: StandardSchema<Output>,
  value: unknown,
  mismatch: (reason: string, issues: readonly ValidationIssue[]) => Error,
): Output {
  const result = schema['~standard'].validate(value)
  if (isThenable(result)) {
    result.then(ignore, ignore)
    throw new TypeError('schema must be synchronous: its validate() returned a promise')
  }
  if (result.issues === undefined) return result.value
  throw mismatch(describe(result.issues), result.issues)
}

function describe(issues: readonly ValidationIssue[]): string {
  const [first] = issues
  if (first === undefined) return 'the schema gives no reason'
  const path = (first.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  const where = path.length === 0 ? '' : `${path.join('.')}: `
  const others = issues.length === 1 ? '' : ` (and ${issues.length - 1} more)`
  return `${where}${first.message}${others}`
}

function ignore(): void {}
