// Where the lines go: into a file, and to a reader that is slower than the writer. What matters then is that the
// writer does not wait and that what has not been read is not kept in memory.
import { fileOutput, nowMs, slowOutput } from '../lib/output.js'
import { isHeld, runLines } from '../lib/line-run.js'
import { Budget, interleaved } from '../lib/rounds.js'
import { median } from '../lib/samples.js'
import { LINES } from './lines.js'

const ROUNDS = 1
const BUDGET_MS = 12_000
/** Bytes a second, and the share of the lines: some seconds of waiting writers. */
const SLOW = 16_000_000
const SLOW_SHARE = 8
const ONE_WRITER = 1
const NO_SIZE = 0
const SINKS = [
  // What each needs that does no work: all peaks are held against it.
  { sink: 'none', lines: () => 1 },
  { sink: 'file', lines: (scale) => LINES * scale, output: fileOutput },
  { sink: 'slow', lines: (scale) => (LINES * scale) / SLOW_SHARE, output: slowOutput(SLOW) },
]
const named = (sink, figure) => `${figure} ${sink}`

/** tw-run, the peers that carry as many lines as it does, and the floors that do the whole work. */
const isHere = ({ kind, peer, merges }) =>
  kind === 'tw-run' || merges === true || ['run-p', 'concurrently', 'hivemind'].includes(peer)

async function measure(tool, context) {
  const said = []
  for (const { sink, lines, output } of SINKS) {
    const perWriter = Math.max(1, Math.round(lines(context.scale) / (tool.slowness ?? 1)))
    const held = isHeld(tool)
    const figures = await runLines({ tool, writers: ONE_WRITER, perWriter, held, context, output })
    for (const [figure, value] of Object.entries(figures))
      context.samples.add(named(sink, figure), ONE_WRITER, tool.name, value)
    said.push(`${sink} ${figures.peak.toFixed(0)} MB`)
  }
  // One figure for all: whatever the sink, no line may be lost or torn.
  for (const figure of ['lost', 'torn', 'doubled', 'disordered']) {
    const all = SINKS.map(({ sink }) =>
      context.samples.values(named(sink, figure), ONE_WRITER, tool.name).at(-1),
    )
    context.samples.add(figure, NO_SIZE, tool.name, Math.max(...all))
  }
  return said.join(', ')
}

/** Peaks as multiples of what the tool needs for one line; into a pipe, where the table of lines was asked for. */
function addMultiples(tools, { samples }) {
  for (const { name } of tools) {
    const none = samples.values(named('none', 'peak'), ONE_WRITER, name)
    for (const [sink, figure] of [
      ['pipe', 'peak'],
      ['file', named('file', 'peak')],
      ['slow', named('slow', 'peak')],
    ]) {
      const peak = samples.values(figure, ONE_WRITER, name)
      if (none.length === 0 || peak.length === 0) continue
      samples.add(named(sink, 'multiple'), ONE_WRITER, name, median(peak) / median(none))
    }
  }
}

async function run(context) {
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? ROUNDS
  const tools = context.tools.filter(isHere)
  for (const { round, tool } of interleaved({ sizes: [ONE_WRITER], rounds, tools })) {
    if (!budget.allows(tool.name)) continue
    const why = context.peers.get(tool.peer)?.why
    const step = `sinks, round ${round + 1} of ${rounds}: ${tool.name}`
    const began = nowMs()
    try {
      if (why !== undefined) throw new Error(why)
      context.progress(`${step}: ${await measure(tool, context)}`)
    } catch (error) {
      // For the exit code, and for the table.
      for (const figure of ['sinks', named('file', 'lines')])
        context.samples.fail(figure, ONE_WRITER, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(tool.name, nowMs() - began)
  }
  addMultiples(tools, context)
}

const column = (sink, figure, title, digits) => ({
  figure: named(sink, figure),
  size: ONE_WRITER,
  title,
  digits,
})

export const sinks = {
  figures: ['sinks'],
  seconds: 30,
  run,
  tables: [
    {
      figure: 'sinks',
      title: `Into a file, and to a reader of ${SLOW / 1e6} MB a second: one writer`,
      columns: [
        column('none', 'peak', 'one line: peak MB', 0),
        column('pipe', 'multiple', 'pipe: times that', 2),
        { ...column('file', 'lines', 'file: M lines/s', 2), ratio: true },
        column('file', 'peak', 'peak MB', 0),
        column('file', 'multiple', 'times that', 2),
        column('slow', 'peak', 'slow reader: peak MB', 0),
        column('slow', 'multiple', 'times that', 2),
        { ...column('slow', 'writerMs', "writer's own ms", 0), ratio: true },
        ...['lost', 'torn', 'doubled', 'disordered'].map((figure) => ({
          figure,
          size: NO_SIZE,
          title: figure === 'disordered' ? 'out of order' : figure,
          digits: 0,
          worst: true,
        })),
      ],
      rounds: ROUNDS,
    },
  ],
  notes: ({ scale }) => [
    `Into the file ${(LINES * scale).toLocaleString('en')} lines, to the slow reader a share of 1/${SLOW_SHARE}.`,
    'Peak: sum of VmHWM of the manager and its helpers. One line: what it needs before there is anything to do; into a pipe as in the table of lines.',
  ],
}
