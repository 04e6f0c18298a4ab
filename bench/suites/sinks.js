// Where the lines go: into a file, and to a reader that is slower than the writer. What matters then is that the
// writer does not wait and that what has not been read is not kept in memory.
import { fileOutput, nowMs, slowOutput } from '../lib/output.js'
import { isHeld, runLines } from '../lib/line-run.js'
import { Budget, interleaved } from '../lib/rounds.js'
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
      context.samples.fail(named('file', 'lines'), ONE_WRITER, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(tool.name, nowMs() - began)
  }
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
        { ...column('none', 'peak', 'one line: peak MB', 0) },
        { ...column('file', 'lines', 'file: M lines/s', 2), ratio: true },
        { ...column('file', 'peak', 'peak MB', 0), ratio: true },
        { ...column('slow', 'peak', 'slow reader: peak MB', 0), ratio: true },
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
    'Peak: sum of VmHWM of the manager and its helpers. One line: what it needs before there is anything to do.',
  ],
}
