/**
 * The arguments with which this runtime runs `source`, a module, in a process of its own.
 *
 * @param options of Node: Deno has those of V8
 */
export function evaluate(source: string, options: readonly string[] = []): string[] {
  if (!('Deno' in globalThis)) return [...options, '--input-type=module', '--eval', source]
  return ['eval', ...options.map((option) => `--v8-flags=${option}`), source]
}
