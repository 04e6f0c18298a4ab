// Start, memory, idle CPU and stop: all from the same runs of idle processes, since a run has a start, a life
// and an end anyway. In turn with them, starts of programs.
import { setTimeout as sleep } from 'node:timers/promises'
import { idleApp } from '../lib/app.js'
import { MarkerCount } from '../lib/consumers.js'
import { nowMs } from '../lib/output.js'
import { corePercent, privateMb } from '../lib/proc.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'
import { waitForAll } from '../lib/wait-for-all.js'
import { PROGRAMS, PROGRAM_ROUNDS, takeProgramStart } from './programs.js'

const SIZES = [1, 50, 200]
const STOP_SIZE = 50
const IDLE_SIZE = 200
/** Of the figure 'growth': all four at each. */
export const GROWTH_SIZES = [1, 10, 100, 500]
const SETTLE_MS = 600
/**
 * How long after the start, and over how long, idle CPU is measured where it is a table of its own. V8 tidies up after a
 * start for some 15 s, and tw-run compares everything each 10 s.
 */
const IDLE = { own: { after: 20_000, over: 30_000 }, others: { after: SETTLE_MS, over: 3_000 } }
/** Where it is a point of a curve: of tw-run, and of others. */
const GROWTH_IDLE_MS = { own: 2_000, peers: 1_000 }
/** For start and stop of one tool at one size, all rounds together. */
const BUDGET_MS = { own: 16_000, peers: 8_000 }

// Memory hardly differs between rounds, and a round of idle CPU takes seconds a tool.
const ROUNDS = {
  start: { own: 5, peers: 2 },
  stop: { own: 5, peers: 2 },
  memory: { own: 2, peers: 1 },
  idle: { own: 1, peers: 1 },
  growth: { own: 2, peers: 1 },
}
const TAKEN = ['start', 'stop', 'memory', 'idle']
/** What is measured: sample, size, and the figure of the command line that asks for it. */
const PLAN = [
  ...SIZES.flatMap((size) => [
    { figure: 'start', sample: 'start', size },
    { figure: 'memory', sample: 'memory', size },
  ]),
  { figure: 'stop', sample: 'stop', size: STOP_SIZE },
  { figure: 'idle', sample: 'idle', size: IDLE_SIZE },
  ...GROWTH_SIZES.flatMap((size) => TAKEN.map((sample) => ({ figure: 'growth', sample, size }))),
]
const ALL_SIZES = [...new Set(PLAN.map(({ size }) => size))].toSorted((a, b) => a - b)

function idleTimes({ kind }, size) {
  if (size === IDLE_SIZE) return IDLE[kind === 'tw-run' ? 'own' : 'others']
  return { after: SETTLE_MS, over: GROWTH_IDLE_MS[kind === 'peer' ? 'peers' : 'own'] }
}

async function lifetime({ tool, size, wants, context }) {
  const { samples, peers } = context
  const markers = new MarkerCount()
  const session = new Session({ tool, app: idleApp(size), dir: sessionFolder(), consumer: markers, peers })
  const began = nowMs()
  let idled = 0
  let asked // ms that the stop took
  try {
    const startMs = await waitForAll(session, markers, size)
    if (wants.has('start')) samples.add('start', size, tool.name, startMs)
    if (wants.has('memory') || wants.has('idle')) {
      const settling = nowMs()
      await sleep(SETTLE_MS)
      if (wants.has('memory')) {
        const megabytes = session.managerPids().reduce((sum, pid) => sum + privateMb(pid), 0)
        samples.add('memory', size, tool.name, megabytes)
      }
      if (wants.has('idle')) {
        const { after, over } = idleTimes(tool, size)
        await sleep(after - SETTLE_MS)
        samples.add('idle', size, tool.name, await corePercent(() => session.managerPids(), over))
      }
      idled = nowMs() - settling
    }
    // Of the others only where it is a figure: some take seconds.
    if (wants.has('stop') || tool.kind === 'tw-run') asked = await session.stop()
    if (wants.has('stop')) {
      if (asked === undefined) samples.fail('stop', size, tool.name, `did not end when it was asked to`)
      else samples.add('stop', size, tool.name, asked)
    }
    const stopped = asked === undefined ? '' : `, stopped in ${asked.toFixed(0)} ms`
    return { spent: nowMs() - began - idled, said: `up in ${startMs.toFixed(0)} ms${stopped}` }
  } finally {
    const left = await session.close()
    if (left.length > 0) {
      samples.trouble(
        tool.name,
        `left ${left.length} processes behind after a run of ${size}: ${left[0].argv.join(' ').trim().slice(0, 80)}`,
      )
    }
  }
}

/** What is still wanted of a tool at a size in this round. */
function wantsOf({ tool, size, round, context, budget }) {
  const wants = new Set()
  for (const { figure, sample, size: at } of PLAN) {
    if (at !== size || !context.figures.includes(figure)) continue
    if (round >= (context.rounds ?? roundsOf(ROUNDS[figure], tool))) continue
    // A point of a curve is the first thing to go.
    if (figure === 'growth' && tool.kind === 'peer' && nowMs() > context.until) continue
    const why = context.peers.get(tool.peer)?.why ?? tool.unfit?.(sample, size)
    if (why !== undefined) context.samples.fail(sample, size, tool.name, why)
    else if (context.samples.reason(sample, size, tool.name) === undefined) wants.add(sample)
  }
  return budget.allows(`${tool.name} ${size}`) ? wants : new Set()
}

async function run(context) {
  const budgets = {
    own: new Budget(BUDGET_MS.own, context.until),
    peers: new Budget(BUDGET_MS.peers, context.until),
  }
  const most = Math.max(...Object.values(ROUNDS).map((rounds) => context.rounds ?? mostRounds(rounds)))
  for (const { size, round, tool } of interleaved({ sizes: ALL_SIZES, rounds: most, tools: context.tools })) {
    const budget = budgets[tool.kind === 'peer' ? 'peers' : 'own']
    if (SIZES.includes(size)) await takeProgramStart({ tool, size, round, context })
    const wants = wantsOf({ tool, size, round, context, budget })
    if (wants.size === 0) continue
    const step = `${size} idle, round ${round + 1} of ${most} (${[...wants].join(', ')}): ${tool.name}`
    try {
      const { spent, said } = await lifetime({ tool, size, wants, context })
      budget.spend(`${tool.name} ${size}`, spent)
      context.progress(`${step}: ${said}`)
    } catch (error) {
      for (const figure of wants) context.samples.fail(figure, size, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
  }
}

const bySize = (figure, unit, digits) => (size) => ({
  figure,
  size,
  title: `${size === 1 ? 'one' : size}, ${unit}`,
  digits,
  ratio: true,
})

export const lifetimes = {
  figures: [...TAKEN, PROGRAMS],
  alsoFor: ['growth'],
  seconds: 325,
  run,
  tables: [
    {
      figure: 'start',
      title: 'Start: from exec of the tool to the first line of the last of N processes on its stdout',
      columns: SIZES.map(bySize('start', 'ms', 1)),
      rounds: ROUNDS.start,
    },
    {
      figure: PROGRAMS,
      title:
        'Start of programs: the same of processes that are one program each, `cat` of two files, without a word of shell',
      columns: SIZES.map(bySize(PROGRAMS, 'ms', 1)),
      rounds: PROGRAM_ROUNDS,
    },
    {
      figure: 'stop',
      title: 'Stop: from the signal to the exit of the tool, well-behaved processes',
      columns: [bySize('stop', 'ms', 1)(STOP_SIZE)],
      rounds: ROUNDS.stop,
    },
    {
      figure: 'memory',
      title: 'Memory: private, of the manager and its helpers (shims, wrappers), N idle processes',
      columns: SIZES.map(bySize('memory', 'MB', 1)),
      rounds: ROUNDS.memory,
    },
    {
      figure: 'idle',
      title: `Idle CPU: of the manager and its helpers; of tw-run over ${IDLE.own.over / 1000} s, ${IDLE.own.after / 1000} s after its start, of others over ${IDLE.others.over / 1000} s`,
      columns: [bySize('idle', '% of a core', 3)(IDLE_SIZE)],
      rounds: ROUNDS.idle,
    },
  ],
}
