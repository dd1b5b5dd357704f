// Writes the declarations for `require('hawser')`. Without them, TypeScript with `module: node16`
// refuses to import an ES module from a CommonJS file. Their types are those of the declarations for
// `import`: a copy would declare other classes, so that a `Client` of one part of a program could
// not be passed to another.
//
// In package.json, their condition is `types@>=5.7`, which only TypeScript reads. For `types`, publint
// requires declarations of an ES module, as the file is one.
import { writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Writes `dist/src/<name>.d.cts` for an interface.
 *
 * @param name the path of the interface in `dist/lib` and `dist/src`, without its ending
 */
export async function writeRequireTypes(name) {
  const values = await import(pathToFileURL(`dist/lib/${name}.js`))
  const from = `'./${basename(name)}.js' with { 'resolution-mode': 'import' }`
  const lines = [
    `import type * as esm from ${from};`,
    // Without the values, which would only be types. The declarations below take precedence.
    `export type * from ${from};`,
  ]
  for (const [key, value] of Object.entries(values)) {
    lines.push(`declare const $${key}: typeof esm.${key};`)
    if (isClass(value)) lines.push(`type $${key} = esm.${key};`)
    lines.push(`export { $${key} as ${key} };`)
  }
  writeFileSync(`dist/src/${name}.d.cts`, `${lines.join('\n')}\n`)
}

function isClass(value) {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
}
