// From a command, or a crash, to the first instruction of the process that it brings.
//
// That first act is, for every tool, the same line of sh: `echo $$` into a FIFO that the harness reads, which
// costs no further process. All processes of a session are fresh, so that no tool is in a backoff.
//
// A tool's `control`: { launch as in tools/index.js, or a promise of it; detaches?: its process ends when all
//   are up, stop?({ dir }) -> argv of the command that ends it then,
//   scale and restart: ({ app, dir, peer, launch, index }) -> argv, or a text that says why there is no such
//   verb; crash: true when it starts a crashed process again, untilExit?: its commands bring no process,
//   endedByForce?: whatever its stopSignal; revive? and isSupervisor?: see adopted.js }
import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../lib/output.js'
import { signal } from '../lib/proc.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'
import { ControlledSession } from '../lib/controlled.js'
import { median } from '../lib/samples.js'

const SIZE = 6
const ROUNDS = { own: 3, peers: 2 }
/** Of each figure in a round: at most half of SIZE, so that a process is restarted or killed only once. */
const TAKES = 3
/** For all rounds of one tool. */
const BUDGET_MS = 10_000
const TAKE_TIMEOUT_MS = 10_000
/** Between two takes, for what the last one still has to do. */
const PAUSE_MS = 100
/** mprocs gives up what ends within a second. */
const OLD_ENOUGH_MS = 1_200
const VERBS = ['scale', 'restart', 'crash']

/** Why a tool cannot do it, or undefined. */
function lackOf(tool, verb) {
  if (tool.control === undefined) return 'no such verb, and a crashed process is not started again'
  const how = tool.control[verb]
  return how === undefined ? 'no such verb' : typeof how === 'string' ? how : undefined
}

/** Runs a command; ms from its exec to the first act of the process that it brings. */
async function takeCommand(controlled, argv, untilExit) {
  const known = controlled.arrivals.all.length
  const { beganAt, exited } = controlled.session.command(argv)
  const failed = exited.then(({ error, code, signal: name, at }) => {
    if (error !== undefined) throw error
    if (code !== 0)
      throw new Error(`the command ended with ${name ?? code}: ${controlled.session.lastWords('command')}`)
    return at
  })
  if (untilExit) return (await failed) - beganAt
  // Most commands return after the process began, some before.
  await Promise.all([failed, controlled.arrive(known + 1, TAKE_TIMEOUT_MS)])
  return controlled.arrivals.all[known].at - beganAt
}

const livePids = ({ session }) =>
  session.processes().flatMap(({ pid, role }) => (role === 'app' ? [pid] : []))

async function takeCrash(controlled, firstOnes) {
  await sleep(Math.max(0, controlled.arrivals.all[SIZE - 1].at + OLD_ENOUGH_MS - nowMs()))
  const alive = new Set(livePids(controlled))
  const pid = firstOnes.findLast((one) => alive.has(one))
  if (pid === undefined) throw new Error('no first process is left to be killed')
  const known = controlled.arrivals.all.length
  const killedAt = nowMs()
  signal(pid, 'SIGKILL')
  await controlled.arrive(known + 1, TAKE_TIMEOUT_MS)
  return controlled.arrivals.all[known].at - killedAt
}

async function takeAll(controlled, tool, verb) {
  const { control } = tool
  const firstOnes = controlled.arrivals.all.slice(0, SIZE).map(({ pid }) => pid)
  const taken = []
  for (let index = 0; index < TAKES; index += 1) {
    const known = controlled.arrivals.all.length
    taken.push(
      verb === 'crash'
        ? await takeCrash(controlled, firstOnes)
        : await takeCommand(controlled, control[verb]({ ...controlled.options, index }), control.untilExit),
    )
    await sleep(PAUSE_MS)
    const brought = controlled.arrivals.all.length - known
    const wanted = control.untilExit ? 0 : 1
    if (brought !== wanted) throw new Error(`${brought} processes began in place of ${wanted}`)
  }
  return taken
}

async function measureVerb(controlled, tool, verb, { samples }) {
  try {
    const before = livePids(controlled).length
    const taken = await takeAll(controlled, tool, verb)
    const more = livePids(controlled).length - before
    const wanted = verb === 'scale' ? TAKES : 0
    // A floor replaces nothing.
    if (tool.kind !== 'floor' && more !== wanted)
      throw new Error(`${more} processes more in place of ${wanted}`)
    for (const value of taken) samples.add(verb, SIZE, tool.name, value)
    return `${verb} ${median(taken).toFixed(1)} ms`
  } catch (error) {
    samples.fail(verb, SIZE, tool.name, error.message)
    return `${verb}: ${error.message}`
  }
}

async function measure(tool, verbs, context) {
  const controlled = await ControlledSession.start({ tool, size: SIZE, context })
  const said = []
  try {
    await sleep(PAUSE_MS)
    for (const verb of verbs) said.push(await measureVerb(controlled, tool, verb, context))
  } finally {
    await controlled.end()
  }
  return said.join(', ')
}

/** What there is to measure; a reason against it is noted. */
function wantedVerbs(tool, { peers, samples }) {
  return VERBS.filter((verb) => {
    if (tool.unfit?.(verb, SIZE) !== undefined) return false
    const why = peers.get(tool.peer)?.why ?? lackOf(tool, verb)
    // A floor that lacks something is no news.
    if (why !== undefined && tool.kind !== 'floor') samples.fail(verb, SIZE, tool.name, why)
    return why === undefined && samples.reason(verb, SIZE, tool.name) === undefined
  })
}

async function run(context) {
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? mostRounds(ROUNDS)
  for (const { round, tool } of interleaved({ sizes: [SIZE], rounds, tools: context.tools })) {
    const verbs = wantedVerbs(tool, context)
    if (round >= (context.rounds ?? roundsOf(ROUNDS, tool))) continue
    if (verbs.length === 0 || !budget.allows(tool.name)) continue
    const step = `control, round ${round + 1} of ${rounds}: ${tool.name}`
    const began = nowMs()
    try {
      context.progress(`${step}: ${await measure(tool, verbs, context)}`)
    } catch (error) {
      for (const verb of verbs) context.samples.fail(verb, SIZE, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(tool.name, nowMs() - began)
  }
}

export const control = {
  figures: ['control'],
  seconds: 42,
  run,
  tables: [
    {
      figure: 'control',
      title: `Control: to the first instruction of the new process, ${SIZE} idle ones beside it`,
      columns: [
        { figure: 'scale', size: SIZE, title: 'scale +1, ms', digits: 1, ratio: true },
        { figure: 'restart', size: SIZE, title: 'restart of one, ms', digits: 1, ratio: true },
        { figure: 'crash', size: SIZE, title: 'crash to restart, ms', digits: 1, ratio: true },
      ],
      rounds: ROUNDS,
      takes: TAKES,
    },
  ],
  notes: () => [
    'Commands: from their exec. Crash: from kill -9 of the process; the first one of each, so that nobody backs off.',
    'pm2-runtime is told by pm2, mprocs by mprocs --ctl (add-proc, restart-proc), supervisord by supervisorctl.',
    'node -e 0: to its exit, for it brings no process.',
    'node that spawns: for commands node -e with one spawn of sh, for a crash a Node program that spawns anew on exit.',
  ],
}
