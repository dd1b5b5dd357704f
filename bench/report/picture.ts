import type { ContestantName } from '../contestants/index.ts'
import { looks } from './labels.ts'
import { escaped, tag, text } from './xml.ts'

export const width = 840
export const margin = 24
/** Where the drawing begins, below title and subtitle. */
export const top = 78

/** What every chart says besides its drawing. */
export interface Caption {
  title: string
  subtitle: string
  /** Date, machine and versions, in lines. */
  footer: readonly string[]
}

interface Drawing extends Caption {
  /** For those who do not see it. */
  description: string
  /** Whose colours it uses. */
  names: readonly ContestantName[]
  /** Where the drawing ends, below which the footer stands. */
  bottom: number
  content: readonly string[]
}

/** A whole SVG document. It brings its own paper, so that it is readable wherever it is shown. */
export function picture(drawing: Drawing): string {
  const { title, subtitle, footer, description, names, bottom, content } = drawing
  const height = bottom + 22 + footer.length * 16
  const parts = [
    tag('title', { id: 'title' }, escaped(title)),
    tag('desc', { id: 'desc' }, escaped(description)),
    tag('style', {}, style(names)),
    tag('rect', { class: 'paper', x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8 }),
    text(margin, 38, title, { class: 'title' }),
    text(margin, 58, subtitle, { class: 'quiet' }),
    ...content,
    ...footer.map((line, index) =>
      text(margin, bottom + 20 + index * 16, line, { class: 'quiet small' }),
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

/** Class names are the contestants' names; whoever has one draws in `currentColor`. */
function style(names: readonly ContestantName[]): string {
  const colours = (theme: 'light' | 'dark') =>
    names.map((name) => `.${name}{color:${looks[name][theme]}}`).join('')
  const font = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
  return [
    `text{font:12px ${font};fill:#1f2328}.title{font-size:18px;font-weight:600}`,
    '.head{font-weight:600}.small{font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}',
    '.quiet{fill:#59636e}.paper{fill:#fff;stroke:#d1d9e0}.grid{stroke:#d1d9e0}',
    '.halo{stroke:#fff;stroke-width:3;stroke-opacity:.5}.spread{stroke:#1f2328;stroke-opacity:.7}.line{fill:none;stroke-width:2}',
    colours('light'),
    '@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.quiet{fill:#9198a1}',
    '.paper{fill:#0d1117;stroke:#3d444d}.grid{stroke:#3d444d}.halo{stroke:#0d1117}.spread{stroke:#f0f6fc}',
    `${colours('dark')}}`,
  ].join('')
}
