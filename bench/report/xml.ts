type Attributes = Record<string, string | number | undefined>

/** Formats an element. `content` is markup: pass text through `escapeXml`. */
export function tag(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const pairs = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : ` ${key}="${escapeXml(roundPixels(value))}"`,
  )
  const open = `<${name}${pairs.join('')}`
  return content.length === 0 ? `${open}/>` : `${open}>${content.join('')}</${name}>`
}

/** Formats a line of text at a position. */
export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return tag('text', { x, y, ...attributes }, escapeXml(words))
}

export function escapeXml(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Rounds coordinates to tenths of a pixel. */
function roundPixels(value: string | number): string {
  return typeof value === 'number' ? `${Math.round(value * 10) / 10}` : value
}
