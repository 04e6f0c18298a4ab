// Stop of processes that ignore every polite signal: how much later than the grace period the tool is gone.
import { deafApp } from '../lib/app.js'
import { MarkerCount } from '../lib/consumers.js'
import { nowMs } from '../lib/output.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'
import { waitForAll } from '../lib/wait-for-all.js'

const SIZE = 10
const GRACE_SECONDS = 1
const ROUNDS = { own: 3, peers: 1 }
const BUDGET_MS = 12_000

async function overshoot(tool, { peers, samples }) {
  const markers = new MarkerCount()
  const app = deafApp(SIZE, GRACE_SECONDS)
  const session = new Session({ tool, app, dir: sessionFolder(), consumer: markers, peers })
  try {
    await waitForAll(session, markers, SIZE)
    const took = await session.stop()
    if (took === undefined) throw new Error('did not end when it was asked to')
    return took - GRACE_SECONDS * 1_000
  } finally {
    const left = await session.close()
    if (left.length > 0)
      samples.trouble(tool.name, `left ${left.length} processes behind that ignore SIGTERM`)
  }
}

async function run(context) {
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? mostRounds(ROUNDS)
  const tools = context.tools.filter(({ takesGrace }) => takesGrace)
  for (const { round, tool } of interleaved({ sizes: [SIZE], rounds, tools })) {
    if (round >= (context.rounds ?? roundsOf(ROUNDS, tool)) || tool.unfit?.('deaf', SIZE) !== undefined)
      continue
    if (!budget.allows(tool.name)) continue
    const step = `deaf, round ${round + 1} of ${rounds}: ${tool.name}`
    const began = nowMs()
    try {
      const why = context.peers.get(tool.peer)?.why
      if (why !== undefined) throw new Error(why)
      const ms = await overshoot(tool, context)
      context.samples.add('deaf', SIZE, tool.name, ms)
      context.progress(`${step}: ${ms.toFixed(0)} ms over`)
    } catch (error) {
      context.samples.fail('deaf', SIZE, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(tool.name, nowMs() - began)
  }
}

export const deaf = {
  figures: ['deaf'],
  seconds: 15,
  run,
  tables: [
    {
      figure: 'deaf',
      title: `Stop of ${SIZE} processes that ignore SIGTERM and SIGINT, with a grace period of ${GRACE_SECONDS} s`,
      columns: [{ figure: 'deaf', size: SIZE, title: 'ms over the grace period', digits: 0 }],
      rounds: ROUNDS,
    },
  ],
  notes: () => [
    'Tools without a grace period to be set are left out (concurrently: --kill-timeout does not hold for its own end).',
    'Below 0: it did not wait that long.',
  ],
}
