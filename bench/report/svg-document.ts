import type { ContestantName } from '../contestants/index.ts'
import { contestantStyles } from './labels.ts'
import { escapeXml, tag, text } from './xml.ts'

export const width = 840
export const margin = 24
/** Top of the drawing, below title and subtitle. */
export const top = 78

/** The texts around the drawing of a chart. */
export interface Caption {
  title: string
  subtitle: string
  /** Lines with date, machine and versions. */
  footer: readonly string[]
}

interface Drawing extends Caption {
  /** The content as text, for screen readers. */
  description: string
  /** The contestants in the drawing. */
  names: readonly ContestantName[]
  /** Bottom of the drawing. The footer is below it. */
  bottom: number
  content: readonly string[]
}

/** Creates an SVG document. It has its own background, so that it is readable on any page. */
export function svgDocument(drawing: Drawing): string {
  const { title, subtitle, footer, description, names, bottom, content } = drawing
  const height = bottom + 22 + footer.length * 16
  const parts = [
    tag('title', { id: 'title' }, escapeXml(title)),
    tag('desc', { id: 'desc' }, escapeXml(description)),
    tag('style', {}, style(names)),
    tag('rect', {
      class: 'background',
      x: 0.5,
      y: 0.5,
      width: width - 1,
      height: height - 1,
      rx: 8,
    }),
    text(margin, 38, title, { class: 'title' }),
    text(margin, 58, subtitle, { class: 'muted' }),
    ...content,
    ...footer.map((line, index) =>
      text(margin, bottom + 20 + index * 16, line, { class: 'muted small' }),
    ),
  ]
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'aria-labelledby': 'title desc',
  }
  return `${tag('svg', attributes, '\n', parts.join('\n'), '\n')}\n`
}

/** Creates the style sheet. A class with the name of a contestant sets its colour. */
function style(names: readonly ContestantName[]): string {
  const colours = (theme: 'light' | 'dark') =>
    names.map((name) => `.${name}{color:${contestantStyles[name][theme]}}`).join('')
  const font = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
  return [
    `text{font:12px ${font};fill:#1f2328}.title{font-size:18px;font-weight:600}`,
    '.head{font-weight:600}.small{font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}',
    '.muted{fill:#59636e}.background{fill:#fff;stroke:#d1d9e0}.grid{stroke:#d1d9e0}',
    '.halo{stroke:#fff;stroke-width:3;stroke-opacity:.5}.spread{stroke:#1f2328;stroke-opacity:.7}.line{fill:none;stroke-width:2}',
    colours('light'),
    '@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.muted{fill:#9198a1}',
    '.background{fill:#0d1117;stroke:#3d444d}.grid{stroke:#3d444d}.halo{stroke:#0d1117}.spread{stroke:#f0f6fc}',
    `${colours('dark')}}`,
  ].join('')
}
