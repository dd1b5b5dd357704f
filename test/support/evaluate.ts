/**
 * Returns the arguments with which this runtime evaluates a module in a new process.
 *
 * @param source the text of the module
 * @param options options of Node.js; on Deno, they are passed to V8
 */
export function evaluationArguments(source: string, options: readonly string[] = []): string[] {
  if (!('Deno' in globalThis)) return [...options, '--input-type=module', '--eval', source]
  return ['eval', ...options.map((option) => `--v8-flags=${option}`), source]
}
