type Attributes = Record<string, string | number | undefined>

/** An element. Its content is markup already: what is text passes through `escaped` first. */
export function tag(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : ` ${key}="${escaped(short(value))}"`,
  )
  const open = `<${name}${given.join('')}`
  return content.length === 0 ? `${open}/>` : `${open}>${content.join('')}</${name}>`
}

/** A line of text that may be selected. */
export function text(x: number, y: number, words: string, more: Attributes = {}): string {
  return tag('text', { x, y, ...more }, escaped(words))
}

export function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Nobody sees a hundredth of a pixel. */
function short(value: string | number): string {
  return typeof value === 'number' ? `${Math.round(value * 10) / 10}` : value
}
