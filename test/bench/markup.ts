import assert from 'node:assert/strict'

export interface Element {
  name: string
  attributes: Record<string, string>
  /** The text of the element and its descendants. */
  text: string
  children: Element[]
}

const part = /<\/([\w-]+)>|<([\w-]+)((?: [\w:-]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>|([^<]+)/gy

/** Parses the subset of XML that the charts use. Throws if it is not well-formed. */
export function parseMarkup(source: string): Element {
  const root: Element = { name: '', attributes: {}, text: '', children: [] }
  const open = [root]
  let end = 0
  for (const [all, closed, opened, attributes = '', empty, text] of source.matchAll(part)) {
    end += all.length
    const current = open.at(-1) ?? root
    if (text !== undefined) {
      assert.doesNotMatch(text, /&(?!#\d+;)/, 'an unescaped ampersand')
      for (const element of open) element.text += unescaped(text)
    } else if (closed !== undefined) {
      assert.equal(closed, open.pop()?.name)
    } else {
      const pairs = [...attributes.matchAll(/ ([\w:-]+)="([^"]*)"/g)]
      const names = pairs.map(([, name]) => name)
      assert.equal(new Set(names).size, names.length, `a repeated attribute: ${all}`)
      const element = {
        name: opened ?? '',
        attributes: Object.fromEntries(pairs.map(([, name, value]) => [name, unescaped(value!)])),
        text: '',
        children: [],
      }
      current.children.push(element)
      if (empty !== '/') open.push(element)
    }
  }
  assert.equal(end, source.length, `not markup: ${source.slice(end, end + 40)}`)
  assert.equal(open.length, 1, 'an element is not closed')
  const [only, ...others] = root.children
  assert.ok(only && others.length === 0, 'expected one root element')
  return only
}

function unescaped(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
}

/** Returns the element and its descendants that have this name, in document order. */
export function all(element: Element, name: string): Element[] {
  const own = element.name === name ? [element] : []
  return [...own, ...element.children.flatMap((child) => all(child, name))]
}
