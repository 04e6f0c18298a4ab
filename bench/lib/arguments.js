// The command line of the harness.
import { parseArgs } from 'node:util'

export const USAGE = `node bench/run.js [table...] [options]

  tables              start, stop, memory, idle, programs, deaf, commands, control,
                      adopted, router, lines, sinks, growth; all when none is named
  --rounds N          rounds of every table, instead of each table's own number
  --tools a,b         only these (tw-run, nf, concurrently, "cat", ...)
  --no-floors         without the floors
  --scale X           share of the 2,000,000 lines to write (or BENCH_SCALE)
  --out FILE          write the tables as Markdown, too, and the plot of growth beside it
  --json FILE         write every sample, for plots
  --list              name the tools and tables`

class UsageError extends Error {}

function positive(text, name) {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`${name} must be above 0, not ${text}`)
  return value
}

function known(names, all, what) {
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new UsageError(`no ${what} ${unknown.join(', ')}; there is ${all.join(', ')}`)
  return names
}

/** { figures, tools, rounds, scale, out, json, list }; throws with a readable message. */
export function parseArguments(args, { figures, tools }) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    allowNegative: true,
    options: {
      rounds: { type: 'string' },
      tools: { type: 'string' },
      floors: { type: 'boolean', default: true },
      scale: { type: 'string', default: process.env.BENCH_SCALE ?? '1' },
      out: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  const names = tools.map(({ name }) => name)
  const wanted = values.tools === undefined ? names : known(values.tools.split(','), names, 'tool')
  return {
    figures: positionals.length === 0 ? figures : known(positionals, figures, 'table'),
    tools: tools.filter(({ name, kind }) => wanted.includes(name) && (values.floors || kind !== 'floor')),
    rounds: values.rounds === undefined ? undefined : Math.ceil(positive(values.rounds, '--rounds')),
    scale: positive(values.scale, '--scale'),
    out: values.out,
    json: values.json,
    list: values.list,
    help: values.help,
  }
}
