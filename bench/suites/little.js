// CPU of managers where little happens: a line now and then, or processes that never listen on their ports.
import { setTimeout as sleep } from 'node:timers/promises'
import { speakingApp, unheardApp } from '../lib/app.js'
import { MarkerCount } from '../lib/consumers.js'
import { nowMs } from '../lib/output.js'
import { corePercent } from '../lib/proc.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'
import { waitForAll } from '../lib/wait-for-all.js'

const ROUNDS = { own: 2, peers: 1 }
/** Of each tool, for each of what is measured. */
const BUDGET_MS = { own: 12_000, peers: 8_000 }
const SETTLE_MS = 2_000
const OVER_MS = { own: 3_000, peers: 2_000 }
const MANY = 10
const isOwn = ({ kind }) => kind === 'tw-run'
/** What is measured; nobody but tw-run minds who listens. */
const PLAN = [
  { figure: 'speak', size: 1, app: speakingApp, isFor: isOwn },
  { figure: 'speak', size: MANY, app: speakingApp, isFor: () => true },
  { figure: 'unheard', size: 1, app: unheardApp, isFor: isOwn },
  { figure: 'unheard', size: MANY, app: unheardApp, isFor: isOwn },
]

const timeOf = (times, { kind }) => times[kind === 'peer' ? 'peers' : 'own']

async function percent({ tool, plan, context: { peers, samples } }) {
  const { size } = plan
  const markers = new MarkerCount()
  const session = new Session({ tool, app: plan.app(size), dir: sessionFolder(), consumer: markers, peers })
  try {
    await waitForAll(session, markers, size)
    await sleep(SETTLE_MS)
    return await corePercent(() => session.managerPids(), timeOf(OVER_MS, tool))
  } finally {
    const left = await session.close()
    if (left.length > 0) samples.trouble(tool.name, `left ${left.length} processes behind that say little`)
  }
}

async function run(context) {
  const { samples, peers, progress } = context
  const budgets = {
    own: new Budget(BUDGET_MS.own, context.until),
    peers: new Budget(BUDGET_MS.peers, context.until),
  }
  const rounds = context.rounds ?? mostRounds(ROUNDS)
  for (const { round, tool, size: plan } of interleaved({ sizes: PLAN, rounds, tools: context.tools })) {
    const { figure, size, isFor } = plan
    if (!isFor(tool) || tool.unfit?.(figure, size) !== undefined) continue
    if (round >= (context.rounds ?? roundsOf(ROUNDS, tool))) continue
    const budget = timeOf(budgets, tool)
    const what = `${tool.name}: ${figure} ${size}`
    if (!budget.allows(what)) continue
    const began = nowMs()
    const step = `${figure} ${size}, round ${round + 1} of ${rounds}: ${tool.name}`
    try {
      const why = peers.get(tool.peer)?.why
      if (why !== undefined) throw new Error(why)
      const value = await percent({ tool, plan, context })
      samples.add(figure, size, tool.name, value)
      progress(`${step}: ${value.toFixed(2)} %`)
    } catch (error) {
      samples.fail(figure, size, tool.name, error.message)
      progress(`${step}: ${error.message}`)
    }
    budget.spend(what, nowMs() - began)
  }
}

export const little = {
  figures: ['little'],
  seconds: 60,
  run,
  tables: [
    {
      figure: 'little',
      title: 'CPU where little happens, % of a core, manager and helpers',
      columns: [
        { figure: 'speak', size: 1, title: 'a line 10 times a second', digits: 2 },
        { figure: 'speak', size: MANY, title: `${MANY} such processes`, digits: 2, ratio: true },
        { figure: 'unheard', size: 1, title: 'a web that does not listen', digits: 2 },
        { figure: 'unheard', size: MANY, title: `${MANY} of these`, digits: 2 },
      ],
      rounds: ROUNDS,
    },
  ],
  notes: () => [
    `Over ${OVER_MS.own / 1_000} s (peers: ${OVER_MS.peers / 1_000}), ${SETTLE_MS / 1_000} s after the last first line.`,
    'Only tw-run looks whether somebody listens.',
  ],
}
