// Start of processes that are one program each, as in most Procfiles (`node web.js`), in place of a few words of shell.
// Part of the suite of lifetimes: a harness that has had 500 processes takes 12 ms longer to fork.
import { MarkerCount } from '../lib/consumers.js'
import { programApp } from '../lib/app.js'
import { roundsOf } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'
import { waitForAll } from '../lib/wait-for-all.js'

export const PROGRAMS = 'programs'
export const PROGRAM_ROUNDS = { own: 5, peers: 1 }

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

/** Adds one start of this tool, where it is asked for and there is still a round of it. */
export async function takeProgramStart({ tool, size, round, context }) {
  const { figures, peers, samples, rounds } = context
  if (!figures.includes(PROGRAMS) || round >= (rounds ?? roundsOf(PROGRAM_ROUNDS, tool))) return
  if (samples.reason(PROGRAMS, size, tool.name) !== undefined) return
  try {
    const why = peers.get(tool.peer)?.why ?? tool.unfit?.('start', size)
    if (why !== undefined) throw new Error(why)
    const took = await startMs(tool, size, context)
    samples.add(PROGRAMS, size, tool.name, took)
    context.progress(`${size} programs, round ${round + 1}: ${tool.name}: up in ${took.toFixed(0)} ms`)
  } catch (error) {
    samples.fail(PROGRAMS, size, tool.name, error.message)
  }
}
