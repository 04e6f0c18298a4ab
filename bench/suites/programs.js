// Start of processes that are one program each, as in most Procfiles (`node web.js`), in place of a few words of shell.
import { MarkerCount } from '../lib/consumers.js'
import { programApp } from '../lib/app.js'
import { nowMs } from '../lib/output.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'
import { waitForAll } from './lifetimes.js'

const FIGURE = 'programs'
const SIZES = [1, 50, 200]
const ROUNDS = { own: 5, peers: 2 }
const BUDGET_MS = 5_000

async function startMs(tool, size, { peers }) {
  const markers = new MarkerCount()
  const dir = sessionFolder()
  const session = new Session({ tool, app: programApp(size, dir), dir, consumer: markers, peers })
  try {
    const took = await waitForAll(session, markers, size)
    // The others may take seconds, and how they end is not asked here.
    if (tool.kind === 'tw-run') await session.stop()
    return took
  } finally {
    await session.close()
  }
}

async function run(context) {
  const { peers, samples } = context
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? mostRounds(ROUNDS)
  for (const { size, round, tool } of interleaved({ sizes: SIZES, rounds, tools: context.tools })) {
    if (round >= (context.rounds ?? roundsOf(ROUNDS, tool)) || !budget.allows(`${tool.name} ${size}`))
      continue
    if (samples.reason(FIGURE, size, tool.name) !== undefined) continue
    const began = nowMs()
    try {
      const why = peers.get(tool.peer)?.why ?? tool.unfit?.('start', size)
      if (why !== undefined) throw new Error(why)
      samples.add(FIGURE, size, tool.name, await startMs(tool, size, context))
    } catch (error) {
      samples.fail(FIGURE, size, tool.name, error.message)
    }
    budget.spend(`${tool.name} ${size}`, nowMs() - began)
    context.progress(`${size} programs, round ${round + 1} of ${rounds}: ${tool.name}`)
  }
}

export const programs = {
  figures: [FIGURE],
  seconds: 45,
  run,
  tables: [
    {
      figure: FIGURE,
      title:
        'Start of programs: from exec of the tool to the first line of the last of N processes, each one program without a word of shell',
      columns: SIZES.map((size) => ({
        figure: FIGURE,
        size,
        title: `${size === 1 ? 'one' : size}, ms`,
        digits: 1,
        ratio: true,
      })),
      rounds: ROUNDS,
    },
  ],
}
