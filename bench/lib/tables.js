// Turns samples into tables, as text for a terminal or as Markdown.
import { describeRounds, roundsOf } from './rounds.js'
import { median } from './samples.js'

const BASE = 'tw-run'

/** The text of a cell, or why there is none. `takes`: how many values a round gives. */
function cell({ column, tool, base: baseTool, takes, samples }) {
  const values = samples.values(column.figure, column.size, tool)
  if (values.length === 0) return { text: '-' }
  const value = column.worst ? Math.max(...values) : median(values)
  const text = value.toFixed(column.digits)
  const rounds = Math.ceil(values.length / takes)
  if (!column.ratio) return { text, value, rounds }
  const divisor = column.base ?? baseTool
  const base = samples.values(column.figure, column.size, divisor)
  const ratio = base.length === 0 || tool === divisor ? '' : `×${(value / median(base)).toFixed(2)}`
  return { text, ratio, value, rounds }
}

/** { title, header, rows, notes } of one table; undefined when it holds nothing. */
function tableOf(table, tools, context) {
  const { samples } = context
  const { base = BASE, takes = 1 } = table
  const planned = context.rounds ?? table.rounds
  const header = [
    '',
    ...table.columns.flatMap((column) => (column.ratio ? [column.title, ''] : [column.title])),
  ]
  const rows = []
  const notes = []
  for (const tool of table.rows ?? tools) {
    const { name, unfit } = tool
    const cells = table.columns.map((column) => cell({ column, tool: name, base, takes, samples }))
    const reasons = new Map()
    for (const [i, { rounds }] of cells.entries()) {
      const column = table.columns[i]
      const why = samples.reason(column.figure, column.size, name)
      // A tool that a figure was never meant for has no row and no note.
      if (why !== undefined) reasons.set(why, [...(reasons.get(why) ?? []), column.title])
      else if (column.ratio && rounds !== undefined && rounds < roundsOf(planned, tool)) {
        const text = `${rounds} round${rounds === 1 ? '' : 's'} only, for lack of time`
        reasons.set(text, [...(reasons.get(text) ?? []), column.title])
      }
    }
    const isEmpty = cells.every(({ value }) => value === undefined)
    if (isEmpty && (reasons.size === 0 || unfit?.(table.figure, table.columns[0].size) !== undefined))
      continue
    for (const [why, titles] of reasons) notes.push(`${name} (${titles.join('; ')}): ${why}`)
    rows.push([
      name,
      ...cells.flatMap(({ text, ratio }, i) => (table.columns[i].ratio ? [text, ratio ?? ''] : [text])),
    ])
  }
  if (rows.length === 0) return undefined
  const each = takes === 1 ? '' : `, each of ${takes} takes`
  const hasRatio = table.columns.some(({ ratio }) => ratio)
  const lead =
    table.lead ?? `${describeRounds(planned)}${each}; medians${hasRatio ? `; × is to ${base}` : ''}.`
  return { title: table.title, header, rows, notes: [lead, ...notes], picture: table.picture }
}

function text({ title, header, rows, notes }) {
  const all = [header, ...rows]
  const widths = header.map((_, i) => Math.max(...all.map((row) => row[i].length)))
  const lines = all.map((row) =>
    row.map((value, i) => (i === 0 ? value.padEnd(widths[i]) : value.padStart(widths[i]))).join('  '),
  )
  return [
    title,
    '',
    ...lines.map((line) => `  ${line}`.trimEnd()),
    '',
    ...notes.map((note) => `  ${note}`),
    '',
  ].join('\n')
}

function markdown({ title, header, rows, notes, picture }) {
  const line = (row) => `| ${row.join(' | ')} |`
  const rule = header.map((_, i) => (i === 0 ? '---' : '---:'))
  return [
    `## ${title}`,
    '',
    ...(picture === undefined ? [] : [`![${title}](${picture})`, '']),
    ...[header, rule, ...rows].map(line),
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
}

/** All tables of the suites that were run. */
export function renderTables(suites, context, format) {
  const render = format === 'markdown' ? markdown : text
  return suites
    .flatMap((suite) => {
      const tables = suite.tables
        .filter(({ figure }) => context.figures.includes(figure))
        .map((table) => tableOf(table, context.tools, context))
        .filter((table) => table !== undefined)
      if (tables.length > 0 && suite.notes !== undefined) tables.at(-1).notes.push(...suite.notes(context))
      return tables
    })
    .map((table) => render(table))
    .join('\n')
}
