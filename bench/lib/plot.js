// Small panels of lines as one SVG, drawn by hand: values against size, one line a tool, one legend for all.
//
// A panel: { title, sizes, unit, xTitle, lines: Map of tool name -> [{ size, value }] }
// A style of a tool: { name, colour: 0.. of PALETTE, isOurs?, isFloor? }

const PANEL = { width: 300, height: 236, left: 52, right: 12, top: 34, bottom: 38 }
const COLUMNS = 4
const HEAD = 46
const LEGEND_ROW = 17
/** An axis is logarithmic when its values differ by more than this. */
const LOG_FROM = 12

/** Each readable on white and on the dark ground alike; tw-run has the first one for itself. */
const PALETTE = ['#e5484d', '#3b82f6', '#16a34a', '#b7791f', '#a855f7', '#0d9488', '#db2777', '#7c7f86']
const MARKS = ['circle', 'square', 'triangle', 'diamond']

const STYLE = `
text { font: 11px system-ui, sans-serif; fill: #24292f }
.ground { fill: #ffffff } .grid { stroke: #d8dee4; stroke-width: 1 } .frame { fill: none; stroke: #8c959f }
.title { font-weight: 600; font-size: 13px } .head { font-weight: 600; font-size: 15px } .faint { fill: #57606a }
.guide { stroke: #8c959f; stroke-dasharray: 1 4; fill: none } .line { fill: none; stroke-width: 1.5 }
.ours { stroke-width: 3 } .floor { stroke-dasharray: 5 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .ground { fill: #0d1117 } .grid { stroke: #30363d } .frame { stroke: #6e7681 }
  .faint { fill: #9198a1 } .guide { stroke: #6e7681 }
}`

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
const round = (value) => Math.round(value * 10) / 10

function text(x, y, words, { anchor = 'start', kind = '' } = {}) {
  const of = kind === '' ? '' : ` class="${kind}"`
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${of}>${escaped(words)}</text>`
}

const plain = (value) =>
  value >= 1e6 ? `${value / 1e6} M` : value >= 1e4 ? `${value / 1e3} k` : String(Number(value.toPrecision(6)))

/** 1, 2 and 5 times powers of ten: the steps of axes that people read without effort. */
function niceStep(span) {
  const power = 10 ** Math.floor(Math.log10(span))
  const times = span / power
  return (times <= 2 ? 0.5 : times <= 5 ? 1 : 2) * power
}

/** The axis of the values: { at(value) -> 0..1, ticks, isLog }. What is not above 0 lies on a log axis' ground. */
function valueAxis(values) {
  const most = Math.max(...values, Number.MIN_VALUE)
  const positive = values.filter((value) => value > 0)
  const least = Math.min(...positive, most)
  if (most / least <= LOG_FROM) {
    const step = niceStep(most)
    const top = Math.ceil(most / step) * step
    const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step)
    return { at: (value) => value / top, ticks, isLog: false }
  }
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))]
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  const at = (value) => (value > 0 ? Math.max(0, (Math.log10(value) - low) / (high - low)) : 0)
  return { at, ticks, isLog: true }
}

/** The axis of the sizes is always logarithmic: each is some times the one before. */
function sizeAxis(sizes) {
  const [low, high] = [Math.log(sizes[0]), Math.log(sizes.at(-1))]
  return (size) => (Math.log(size) - low) / (high - low)
}

function mark({ shape, colour, size }, x, y) {
  const [a, b] = [round(x), round(y)]
  if (shape === 'circle') return `<circle cx="${a}" cy="${b}" r="${size}" fill="${colour}"/>`
  if (shape === 'square')
    return `<rect x="${round(x - size)}" y="${round(y - size)}" width="${size * 2}" height="${size * 2}" fill="${colour}"/>`
  const wide = size * 1.3
  const corners =
    shape === 'triangle'
      ? [
          [x, y - wide],
          [x + wide, y + size],
          [x - wide, y + size],
        ]
      : [
          [x, y - wide],
          [x + wide, y],
          [x, y + wide],
          [x - wide, y],
        ]
  return `<polygon points="${corners.map((corner) => corner.map(round).join(',')).join(' ')}" fill="${colour}"/>`
}

/** How a tool is drawn: no two alike among 28. */
function looks({ colour, isOurs, isFloor }) {
  const others = PALETTE.length - 1
  return {
    colour: isOurs ? PALETTE[0] : PALETTE[1 + (colour % others)],
    shape: MARKS[(colour + 2 * Math.floor(colour / others)) % MARKS.length],
    size: isOurs ? 4 : 2.8,
    kind: `line${isOurs ? ' ours' : ''}${isFloor ? ' floor' : ''}`,
  }
}

function curve(points, style) {
  const look = looks(style)
  const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
  return [
    `<polyline class="${look.kind}" stroke="${look.colour}" points="${path}"/>`,
    ...points.map(([x, y]) => mark(look, x, y)),
  ].join('')
}

/** A dotted line of slope 1 through the next to last point of tw-run: what grows faster is steeper. */
function guide({ lines, sizes, grows }, ours, { at, isLog }, place) {
  const known = (lines.get(ours) ?? []).filter(({ value }) => value > 0)
  if (!isLog || !grows || known.length < 2) return ''
  const through = known.at(-2)
  const ends = sizes
    .map((size) => ({ size, value: (through.value / through.size) * size }))
    .filter(({ value }) => at(value) > 0 && at(value) <= 1)
  if (ends.length < 2) return ''
  const path = ends.map((end) => place(end).map(round).join(',')).join(' ')
  return `<polyline class="guide" points="${path}"/>`
}

function panelAt(panel, left, top, styles) {
  const { title, unit, sizes, xTitle, lines } = panel
  const values = [...lines.values()].flat().map(({ value }) => value)
  const axis = valueAxis(values)
  const across = sizeAxis(sizes)
  const [x0, x1] = [left + PANEL.left, left + PANEL.width - PANEL.right]
  const [y0, y1] = [top + PANEL.height - PANEL.bottom, top + PANEL.top]
  const place = ({ size, value }) => [x0 + across(size) * (x1 - x0), y0 - axis.at(value) * (y0 - y1)]
  const level = (value) => round(y0 - axis.at(value) * (y0 - y1))
  return [
    text(left + 8, top + 20, `${title}, ${unit}`, { kind: 'title' }),
    ...axis.ticks.flatMap((tick) => [
      `<line class="grid" x1="${x0}" y1="${level(tick)}" x2="${x1}" y2="${level(tick)}"/>`,
      text(x0 - 6, level(tick) + 4, plain(tick), { anchor: 'end', kind: 'faint' }),
    ]),
    ...sizes.map((size) =>
      text(x0 + across(size) * (x1 - x0), y0 + 15, String(size), { anchor: 'middle', kind: 'faint' }),
    ),
    text((x0 + x1) / 2, y0 + 30, `${xTitle}${axis.isLog ? '' : ' · linear'}`, {
      anchor: 'middle',
      kind: 'faint',
    }),
    `<rect class="frame" x="${x0}" y="${y1}" width="${x1 - x0}" height="${y0 - y1}"/>`,
    guide(panel, styles.find(({ isOurs }) => isOurs)?.name, axis, place),
    // Ours last, to lie above the others.
    ...styles
      .toSorted((a, b) => Number(a.isOurs ?? false) - Number(b.isOurs ?? false))
      .filter(({ name }) => lines.has(name))
      .map((style) => curve(lines.get(style.name).map(place), style)),
  ].join('\n')
}

function legendAt(styles, left, top) {
  return styles
    .map((style, i) => {
      const y = top + 28 + i * LEGEND_ROW
      const look = looks(style)
      return [
        `<line class="${look.kind}" stroke="${look.colour}" x1="${left + 12}" y1="${y}" x2="${left + 42}" y2="${y}"/>`,
        mark(look, left + 27, y),
        text(left + 52, y + 4, style.name, style.isOurs ? { kind: 'title' } : {}),
      ].join('')
    })
    .join('\n')
}

/** The SVG. The legend takes the place behind the last panel. `below`: a line of explanation. */
export function plotPanels({ title, below, panels, styles }) {
  const rows = Math.ceil((panels.length + 1) / COLUMNS)
  const width = COLUMNS * PANEL.width
  const legendHeight = 36 + styles.length * LEGEND_ROW
  const height = HEAD + (rows - 1) * PANEL.height + Math.max(PANEL.height, legendHeight) + 14
  const at = (i) => [(i % COLUMNS) * PANEL.width, HEAD + Math.floor(i / COLUMNS) * PANEL.height]
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
<rect class="ground" width="${width}" height="${height}"/>
${text(12, 22, title, { kind: 'head' })}
${text(12, 39, below, { kind: 'faint' })}
${panels.map((panel, i) => panelAt(panel, ...at(i), styles)).join('\n')}
${legendAt(styles, ...at(panels.length))}
</svg>
`
}
