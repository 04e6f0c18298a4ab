// What a supervisor costs that has adopted processes of a dead one, beside the one that started them.
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlledSession } from '../lib/controlled.js'
import { nowMs } from '../lib/output.js'
import { corePercent, privateMb, signal } from '../lib/proc.js'
import { Budget, interleaved } from '../lib/rounds.js'

const SIZE = 200
const ROUNDS = 1
const BUDGET_MS = 40_000
const SETTLE_MS = 2_000
const IDLE_MS = 5_000
const REVIVE_TIMEOUT_MS = 10_000
const FIGURES = ['supervisorMb', 'allMb', 'idlePercent']
const [STARTED, ADOPTED] = ['started them', 'adopted them']

/** The supervisor, other than the one of pid `not`, when there is exactly one. */
async function supervisorOf({ session }, control, not) {
  const deadline = nowMs() + REVIVE_TIMEOUT_MS
  while (nowMs() < deadline) {
    const found = session.processes().filter((one) => control.isSupervisor(one) && one.pid !== not)
    if (found.length === 1) return found[0].pid
    await sleep(50)
  }
  throw new Error(not === undefined ? 'there is no supervisor' : 'the dead supervisor was not replaced')
}

async function cost({ session }, supervisor) {
  await sleep(SETTLE_MS)
  const pids = session.managerPids()
  const idlePercent = await corePercent(() => session.managerPids(), IDLE_MS)
  const supervisorMb = privateMb(supervisor)
  return { supervisorMb, allMb: pids.reduce((sum, pid) => sum + privateMb(pid), 0), idlePercent }
}

async function adoption(tool, context) {
  const controlled = await ControlledSession.start({ tool, size: SIZE, context })
  const { session, arrivals, options } = controlled
  try {
    const first = await supervisorOf(controlled, tool.control)
    const costs = { [STARTED]: await cost(controlled, first) }
    signal(first, 'SIGKILL')
    const { exited } = session.command(tool.control.revive(options))
    const { code, error } = await exited
    if (error !== undefined || code !== 0)
      throw new Error(`it was not revived: ${error?.message ?? session.lastWords('command')}`)
    costs[ADOPTED] = await cost(controlled, await supervisorOf(controlled, tool.control, first))
    const begun = arrivals.all.length
    if (begun !== SIZE) throw new Error(`${begun - SIZE} processes began anew in place of being adopted`)
    const alive = session.processes().filter(({ role }) => role === 'app').length
    if (alive !== SIZE) throw new Error(`${alive} of ${SIZE} live after the adoption`)
    for (const [who, values] of Object.entries(costs))
      for (const figure of FIGURES) context.samples.add(figure, SIZE, who, values[figure])
    return `${costs[STARTED].supervisorMb.toFixed(1)} MB before, ${costs[ADOPTED].supervisorMb.toFixed(1)} MB after`
  } finally {
    await controlled.end()
  }
}

/** For the exit code, and for the table. */
function fail({ samples }, tool, why) {
  for (const name of [tool, ADOPTED]) for (const figure of FIGURES) samples.fail(figure, SIZE, name, why)
}

async function run(context) {
  const tools = context.tools.filter(
    ({ control, unfit }) => control?.revive && unfit?.('adopted') === undefined,
  )
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? ROUNDS
  for (const { round, tool } of interleaved({ sizes: [SIZE], rounds, tools })) {
    if (!budget.allows(tool.name)) continue
    const step = `adopted, round ${round + 1} of ${rounds}: ${tool.name}`
    const began = nowMs()
    try {
      context.progress(`${step}: ${await adoption(tool, context)}`)
    } catch (error) {
      fail(context, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(tool.name, nowMs() - began)
  }
}

export const adopted = {
  figures: ['adopted'],
  seconds: 20,
  run,
  tables: [
    {
      figure: 'adopted',
      title: `Adopted: tw-run's supervisor of ${SIZE} idle processes after kill -9 of the one that started them`,
      rows: [{ name: STARTED }, { name: ADOPTED }],
      base: STARTED,
      columns: [
        { figure: 'supervisorMb', size: SIZE, title: 'supervisor, MB', digits: 1, ratio: true },
        { figure: 'allMb', size: SIZE, title: 'with helpers, MB', digits: 1, ratio: true },
        { figure: 'idlePercent', size: SIZE, title: 'idle, % of a core', digits: 3, ratio: true },
      ],
      rounds: ROUNDS,
    },
  ],
  notes: () => [`Memory is private; CPU over ${IDLE_MS / 1000} s, after ${SETTLE_MS / 1000} s to settle.`],
}
