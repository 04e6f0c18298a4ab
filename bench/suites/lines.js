// Lines a second from one and from eight writers through a tool into a pipe, and what became of each line.
import { isHeld, runLines } from '../lib/line-run.js'
import { nowMs } from '../lib/output.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'

export const LINES = 2_000_000
/** Writers by size; all sizes write the same number of lines. */
const SIZES = [1, 8]
/** Of the figure 'growth'. */
export const GROWTH_WRITERS = [1, 2, 4, 8, 16]
const ROUNDS = {
  lines: { own: 3, peers: 3, slow: 1 },
  growth: { own: 2, peers: 1 },
}
/** For all rounds of one tool with so many writers. */
const BUDGET_MS = 10_000
async function runOnce({ tool, writers, context, held }) {
  // Rounded to whole lines a writer.
  const { slowness = 1 } = tool
  const perWriter = Math.max(1, Math.round((LINES * context.scale) / slowness / writers))
  const { samples } = context
  const figures = await runLines({ tool, writers, perWriter, held, context })
  if (!held && !tool.readsNothing) samples.add('lostAtEnd', writers, tool.name, figures.lost)
  if (held !== isHeld(tool) && !tool.readsNothing) return
  figures.writerMs *= slowness
  for (const [figure, value] of Object.entries(figures)) samples.add(figure, writers, tool.name, value)
}

/** How many rounds of so many writers are asked for. */
function wantedRounds(tool, writers, { figures, rounds, until }) {
  const wanted = [0]
  if (figures.includes('lines') && SIZES.includes(writers))
    wanted.push(rounds ?? roundsOf(ROUNDS.lines, tool))
  const isLate = tool.kind === 'peer' && nowMs() > until
  if (figures.includes('growth') && growsHere(tool) && !isLate)
    wanted.push(rounds ?? roundsOf(ROUNDS.growth, tool))
  return Math.max(...wanted)
}

/** Whether there is anything to measure; a reason against it is noted. */
function isWanted(tool, writers, { peers, samples }) {
  const why = peers.get(tool.peer)?.why ?? tool.unfit?.('lines', writers)
  if (why !== undefined) samples.fail('lines', writers, tool.name, why)
  return samples.reason('lines', writers, tool.name) === undefined
}

async function run(context) {
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? mostRounds(ROUNDS.lines)
  const runs = interleaved({ sizes: GROWTH_WRITERS, rounds, tools: context.tools })
  for (const { size: writers, round, tool } of runs) {
    if (round >= wantedRounds(tool, writers, context)) continue
    if (!isWanted(tool, writers, context) || !budget.allows(`${tool.name} ${writers}`)) continue
    const step = `${writers === 1 ? 'one writer' : `${writers} writers`}, round ${round + 1} of ${rounds}: ${tool.name}`
    const began = nowMs()
    try {
      await runOnce({ tool, writers, context, held: isHeld(tool) })
      // One natural end shows what it drops.
      if (tool.cutsAtEnd && round === 0) await runOnce({ tool, writers, context, held: false })
      const rate = context.samples.values('lines', writers, tool.name).at(-1)
      context.progress(`${step}: ${rate.toFixed(2)} M lines a second`)
    } catch (error) {
      context.samples.fail('lines', writers, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(`${tool.name} ${writers}`, nowMs() - began)
  }
}

/** tw-run, its peers, and of the floors those that do the whole work. */
const growsHere = ({ name, kind, merges }) => name === 'tw-run' || kind === 'peer' || merges === true

const columns = (size) => [
  { figure: 'lines', size, title: 'M lines/s', digits: 2, ratio: true },
  { figure: 'cpu', size, title: 'CPU µs/line', digits: 3, ratio: true },
  { figure: 'peak', size, title: 'peak MB', digits: 0, ratio: true },
  { figure: 'lost', size, title: 'lost', digits: 0, worst: true },
  { figure: 'torn', size, title: 'torn', digits: 0, worst: true },
  { figure: 'doubled', size, title: 'doubled', digits: 0, worst: true },
  { figure: 'disordered', size, title: 'out of order', digits: 0, worst: true },
  { figure: 'lostAtEnd', size, title: 'lost at end', digits: 0, worst: true },
  { figure: 'writerMs', size, title: "writer's own ms", digits: 0, ratio: true, base: 'writer > file' },
]

export const lines = {
  figures: ['lines'],
  alsoFor: ['growth'],
  seconds: 165,
  run,
  tables: SIZES.map((size) => ({
    figure: 'lines',
    title: `Lines a second: ${size === 1 ? 'one writer' : `${size} writers`}, 100 bytes a line, into a pipe`,
    columns: columns(size),
    rounds: ROUNDS.lines,
  })),
  notes: ({ tools, scale }) => [
    "Lines: from the first writer's first write to the arrival of the last whole line. Worst round for lost, torn, doubled.",
    'Lost at end: when the tool ended by itself after the last writer; others were stopped when all had come.',
    "Writer's own ms: until the slowest writer had written all, of a share: times the share; × is to `writer > file`, which is what a process costs that nobody slows.",
    'CPU and peak memory (sum of VmHWM) are those of the manager and its helpers, its own start included.',
    `${(LINES * scale).toLocaleString('en')} lines in all${tools
      .filter(({ slowness }) => slowness > 1)
      .map(({ name, slowness }) => `; for ${name} a share of 1/${slowness}`)
      .join('')}.`,
    'mprocs shows one process at a time, in a terminal: its lines are counted in the log files that it writes.',
  ],
}
