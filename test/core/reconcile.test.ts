import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exitCodeOf } from '../../src/core/exit.ts'
import { observe } from '../../src/core/observe.ts'
import type { ProcessId } from '../../src/core/names.ts'
import type {
  Action,
  Desired,
  End,
  Exit,
  Phase,
  Plan,
  ProcessState,
  RestartPolicy,
  Run,
  Slot,
  Want,
} from '../../src/core/process.ts'
import {
  GIVE_UP_MS,
  isUnkillable,
  KILL_AGAIN_MS,
  LOOK_AGAIN_MS,
  reconcile,
} from '../../src/core/reconcile.ts'
import { runOf } from '../support/runs.ts'

const FAILED: Exit = { kind: 'code', code: 1 }
const POLICY: RestartPolicy = { when: 'on-failure', limit: 2 }
const PLAN = { id: 'web.1', type: 'web', instance: 1, port: 5000, command: 'x' } as const
const GRACE_MS = 5_000

/** A healthy run; times in ms since boot. */
const RUN = runOf({ startedAt: 9_000 })

const STOP = { signal: 'SIGTERM', killAt: 12_000 }

/** All that the next step is made from. */
interface Situation {
  readonly slot: Slot
  readonly want: Want | undefined
  readonly hurried: boolean
  readonly now: number
}

function end(run: number, change: Partial<End> = {}): End {
  const times = { startedAt: 9_000, endedAt: 9_500 }
  return { run, generation: 1, exit: FAILED, ...times, asked: false, jitter: 0, ...change }
}

function situation(run: Partial<Run> | undefined, ends: readonly End[] = []): Situation {
  const want = { plan: PLAN, generation: 1, policy: POLICY }
  return { slot: { run: run && { ...RUN, ...run }, ends }, want, hurried: false, now: 10_000 }
}

function over(ends: readonly End[]): Situation {
  return situation({ number: ends.length, life: 'dead', exit: FAILED, endedAt: 9_500, done: true }, ends)
}

/** A typical process in each phase. */
const CANONICAL: Readonly<Record<Phase, Situation>> = {
  absent: situation(undefined),
  starting: situation({ pid: undefined }),
  up: situation({}),
  stopping: situation({ stop: STOP }),
  sweeping: situation({ life: 'dead', exit: FAILED, endedAt: 9_500 }),
  stopped: over([end(1, { asked: true })]),
  backoff: over([end(1), end(2)]),
  exited: over([end(1, { exit: { kind: 'code', code: 0 } })]),
  crashed: over([end(1), end(2), end(3)]),
}

/** Something that happens to a run; undefined if there is none that it could happen to. */
function happens(change: Partial<Run>): (before: Situation) => Situation | undefined {
  return (before) => {
    const { run, ends } = before.slot
    return run && { ...before, slot: { run: { ...run, ...change }, ends } }
  }
}

function recorded(asked: boolean): (before: Situation) => Situation | undefined {
  return (before) => {
    const { run, ends } = before.slot
    if (run === undefined || (run.done && !asked)) return run && before
    const others = ends.filter((one) => one.run !== run.number)
    const slot = { run: { ...run, done: true }, ends: [...others, end(run.number, { asked })] }
    return { ...before, slot }
  }
}

/** Every single thing that can happen. */
const FACTS = {
  nothing: (before) => before,
  'its lifeline ends': happens({ life: 'dead' }),
  'its pid appears': happens({ pid: 100 }),
  'its exit appears': happens({ exit: FAILED, endedAt: 9_500 }),
  'its stop is intended': happens({ stop: STOP }),
  'it was told': happens({ told: true }),
  'it was killed': happens({ killedAt: 9_900 }),
  'no leftovers were found': happens({ leftovers: { pids: [], lookedAt: 9_990 } }),
  'a leftover was found': happens({ leftovers: { pids: [101], lookedAt: 9_990 } }),
  'its leftovers were told': happens({ leftoversKillAt: 12_000 }),
  'its end is recorded': recorded(false),
  'its end is recorded as asked': recorded(true),
  'its type is replaced': (before) => ({ ...before, want: before.want && { ...before.want, generation: 2 } }),
  'it is not wanted': (before) => ({ ...before, want: undefined }),
  'killAt passes': (before) => ({ ...before, now: 12_000 }),
  'retryAt passes': (before) => ({ ...before, now: 10_500 }),
  'the end is hurried': (before) => ({ ...before, hurried: true }),
} satisfies Record<string, (before: Situation) => Situation | undefined>

type Fact = keyof typeof FACTS

function desiredIn({ want, hurried }: Situation): Desired {
  const wants = new Map(want && [[PLAN.id, want]])
  return { wants, stops: new Map(), stop: { signal: 'SIGTERM', graceMs: GRACE_MS, drainMs: 0 }, hurried }
}

function planIn(here: Situation): Plan {
  const observed = new Map([[PLAN.id, observe(here.slot, here.want?.policy ?? { when: 'no' })]])
  return reconcile(desiredIn(here), observed, here.now)
}

/** The phase and the step: "up: rest", "stopping: kill". */
function answer(here: Situation): string {
  return `${observe(here.slot, here.want?.policy ?? { when: 'no' }).phase}: ${stepIn(here)}`
}

function stepIn(here: Situation): string {
  const { actions, wakeAt } = planIn(here)
  expect(actions.length).toBeLessThanOrEqual(1)
  const [action] = actions
  if (action !== undefined) return describeAction(action)
  return wakeAt === undefined ? 'rest' : `wake at ${wakeAt}`
}

function describeAction(action: Action): string {
  switch (action.do) {
    case 'stop': {
      const { signal, killAt, drainUntil } = action.intent
      return `stop ${signal} by ${killAt}${drainUntil === undefined ? '' : `, drained until ${drainUntil}`}`
    }
    case 'tell':
      return `tell ${action.signal}`
    case 'tell-leftovers':
      return `tell-leftovers ${action.signal} by ${action.killAt}`
    case 'finish':
      return `finish ${action.exit.kind} ${exitCodeOf(action.exit)}${action.asked ? ' asked' : ''}`
    case 'start':
    case 'kill':
    case 'look':
    case 'kill-leftovers':
      return action.do
  }
}

/** What is the case after each thing happened to a process in each phase. */
const ANSWERS: Readonly<Record<Phase, Readonly<Record<Fact, string>>>> = {
  absent: {
    nothing: 'absent: start',
    'its lifeline ends': 'impossible',
    'its pid appears': 'impossible',
    'its exit appears': 'impossible',
    'its stop is intended': 'impossible',
    'it was told': 'impossible',
    'it was killed': 'impossible',
    'no leftovers were found': 'impossible',
    'a leftover was found': 'impossible',
    'its leftovers were told': 'impossible',
    'its end is recorded': 'impossible',
    'its end is recorded as asked': 'impossible',
    'its type is replaced': 'absent: start',
    'it is not wanted': 'absent: rest',
    'killAt passes': 'absent: start',
    'retryAt passes': 'absent: start',
    'the end is hurried': 'absent: start',
  },
  starting: {
    nothing: 'starting: wake at 10050',
    'its lifeline ends': 'sweeping: look',
    'its pid appears': 'up: rest',
    'its exit appears': 'starting: wake at 10050',
    'its stop is intended': 'stopping: wake at 10050',
    'it was told': 'starting: wake at 10050',
    'it was killed': 'starting: wake at 10050',
    'no leftovers were found': 'starting: wake at 10050',
    'a leftover was found': 'starting: wake at 10050',
    'its leftovers were told': 'starting: wake at 10050',
    'its end is recorded': 'backoff: start',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'starting: stop SIGTERM by 15000',
    'it is not wanted': 'starting: stop SIGTERM by 15000',
    'killAt passes': 'starting: wake at 12050',
    'retryAt passes': 'starting: wake at 10550',
    'the end is hurried': 'starting: wake at 10050',
  },
  up: {
    nothing: 'up: rest',
    'its lifeline ends': 'sweeping: look',
    'its pid appears': 'up: rest',
    'its exit appears': 'up: rest',
    'its stop is intended': 'stopping: tell SIGTERM',
    'it was told': 'up: rest',
    'it was killed': 'up: rest',
    'no leftovers were found': 'up: rest',
    'a leftover was found': 'up: rest',
    'its leftovers were told': 'up: rest',
    'its end is recorded': 'backoff: start',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'up: stop SIGTERM by 15000',
    'it is not wanted': 'up: stop SIGTERM by 15000',
    'killAt passes': 'up: rest',
    'retryAt passes': 'up: rest',
    'the end is hurried': 'up: rest',
  },
  stopping: {
    nothing: 'stopping: tell SIGTERM',
    'its lifeline ends': 'sweeping: look',
    'its pid appears': 'stopping: tell SIGTERM',
    'its exit appears': 'stopping: tell SIGTERM',
    'its stop is intended': 'stopping: tell SIGTERM',
    'it was told': 'stopping: wake at 12000',
    'it was killed': 'stopping: tell SIGTERM',
    'no leftovers were found': 'stopping: tell SIGTERM',
    'a leftover was found': 'stopping: tell SIGTERM',
    'its leftovers were told': 'stopping: tell SIGTERM',
    'its end is recorded': 'backoff: start',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'stopping: tell SIGTERM',
    'it is not wanted': 'stopping: tell SIGTERM',
    'killAt passes': 'stopping: stop SIGTERM by 17000',
    'retryAt passes': 'stopping: tell SIGTERM',
    'the end is hurried': 'stopping: kill',
  },
  sweeping: {
    nothing: 'sweeping: look',
    'its lifeline ends': 'sweeping: look',
    'its pid appears': 'sweeping: look',
    'its exit appears': 'sweeping: look',
    'its stop is intended': 'sweeping: look',
    'it was told': 'sweeping: look',
    'it was killed': 'sweeping: look',
    'no leftovers were found': 'sweeping: finish code 1',
    'a leftover was found': 'sweeping: tell-leftovers SIGTERM by 15000',
    'its leftovers were told': 'sweeping: look',
    'its end is recorded': 'backoff: start',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'sweeping: look',
    'it is not wanted': 'sweeping: look',
    'killAt passes': 'sweeping: look',
    'retryAt passes': 'sweeping: look',
    'the end is hurried': 'sweeping: look',
  },
  stopped: {
    nothing: 'stopped: start',
    'its lifeline ends': 'stopped: start',
    'its pid appears': 'stopped: start',
    'its exit appears': 'stopped: start',
    'its stop is intended': 'stopped: start',
    'it was told': 'stopped: start',
    'it was killed': 'stopped: start',
    'no leftovers were found': 'stopped: start',
    'a leftover was found': 'stopped: start',
    'its leftovers were told': 'stopped: start',
    'its end is recorded': 'stopped: start',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'stopped: start',
    'it is not wanted': 'stopped: rest',
    'killAt passes': 'stopped: start',
    'retryAt passes': 'stopped: start',
    'the end is hurried': 'stopped: start',
  },
  backoff: {
    nothing: 'backoff: wake at 10500',
    'its lifeline ends': 'backoff: wake at 10500',
    'its pid appears': 'backoff: wake at 10500',
    'its exit appears': 'backoff: wake at 10500',
    'its stop is intended': 'backoff: wake at 10500',
    'it was told': 'backoff: wake at 10500',
    'it was killed': 'backoff: wake at 10500',
    'no leftovers were found': 'backoff: wake at 10500',
    'a leftover was found': 'backoff: wake at 10500',
    'its leftovers were told': 'backoff: wake at 10500',
    'its end is recorded': 'backoff: wake at 10500',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'backoff: start',
    'it is not wanted': 'exited: rest',
    'killAt passes': 'backoff: start',
    'retryAt passes': 'backoff: start',
    'the end is hurried': 'backoff: wake at 10500',
  },
  exited: {
    nothing: 'exited: rest',
    'its lifeline ends': 'exited: rest',
    'its pid appears': 'exited: rest',
    'its exit appears': 'exited: rest',
    'its stop is intended': 'exited: rest',
    'it was told': 'exited: rest',
    'it was killed': 'exited: rest',
    'no leftovers were found': 'exited: rest',
    'a leftover was found': 'exited: rest',
    'its leftovers were told': 'exited: rest',
    'its end is recorded': 'exited: rest',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'exited: start',
    'it is not wanted': 'exited: rest',
    'killAt passes': 'exited: rest',
    'retryAt passes': 'exited: rest',
    'the end is hurried': 'exited: rest',
  },
  crashed: {
    nothing: 'crashed: rest',
    'its lifeline ends': 'crashed: rest',
    'its pid appears': 'crashed: rest',
    'its exit appears': 'crashed: rest',
    'its stop is intended': 'crashed: rest',
    'it was told': 'crashed: rest',
    'it was killed': 'crashed: rest',
    'no leftovers were found': 'crashed: rest',
    'a leftover was found': 'crashed: rest',
    'its leftovers were told': 'crashed: rest',
    'its end is recorded': 'crashed: rest',
    'its end is recorded as asked': 'stopped: start',
    'its type is replaced': 'crashed: start',
    'it is not wanted': 'exited: rest',
    'killAt passes': 'crashed: rest',
    'retryAt passes': 'crashed: rest',
    'the end is hurried': 'crashed: rest',
  },
}

const PHASES = Object.keys(CANONICAL) as Phase[]
const PAIRS = PHASES.flatMap((phase) => (Object.keys(FACTS) as Fact[]).map((fact) => [phase, fact] as const))

describe('every fact has an answer in every phase', () => {
  test.each(PHASES)('%s is what its canonical facts say', (phase) => {
    expect(observe(CANONICAL[phase].slot, POLICY).phase).toBe(phase)
  })

  test.each(PAIRS)('%s, and %s', (phase, fact) => {
    const after = FACTS[fact](CANONICAL[phase])
    expect(after === undefined ? 'impossible' : answer(after)).toBe(ANSWERS[phase][fact])
  })

  test('and no answer is left from something that cannot happen any more', () => {
    const answered = Object.entries(ANSWERS).flatMap(([phase, row]) =>
      Object.keys(row).map((fact) => [phase, fact]),
    )
    expect(answered).toEqual(PAIRS)
  })
})

describe('what is wanted and not there', () => {
  test('is started, though nothing was ever heard of it', () => {
    const { actions } = reconcile(desiredIn(CANONICAL.up), new Map(), 10_000)
    expect(actions.map(describeAction)).toEqual(['start'])
  })

  test('is started as planned now, not as it was before', () => {
    const [action] = planIn(CANONICAL.stopped).actions
    expect(action).toEqual({ do: 'start', want: CANONICAL.stopped.want })
  })
})

describe('several processes', () => {
  const up = observe(CANONICAL.up.slot, POLICY)
  const backoff = observe(CANONICAL.backoff.slot, POLICY)
  const wants = new Map([
    [PLAN.id, CANONICAL.up.want as Want],
    ['web.2', { ...(CANONICAL.up.want as Want), plan: { ...PLAN, id: 'web.2', port: 5001 } }],
  ] as const)
  const desired: Desired = { ...desiredIn(CANONICAL.up), wants }

  test('each get their own step, in one plan', () => {
    const observed = new Map([
      ['web.1', up],
      ['web.3', up],
    ] as const)
    expect(reconcile(desired, observed, 10_000).actions.map(describeAction)).toEqual([
      'start',
      'stop SIGTERM by 15000',
    ])
  })

  test('start in the order in which they are wanted, whichever of them ran before', () => {
    const before = observe(CANONICAL.stopped.slot, POLICY)
    const { actions } = reconcile(desired, new Map([['web.1', before]]), 10_000)
    expect(actions.map((action) => action.do === 'start' && action.want.plan.id)).toEqual(['web.1', 'web.2'])
  })

  test.each(['starting', 'up', 'stopping', 'sweeping'] as const)(
    'do not start on a port that another one still has, as long as that one is %s',
    (phase) => {
      const moved = { ...(CANONICAL.up.want as Want), plan: { ...PLAN, id: 'api.1', type: 'api' } } as const
      const holder = observe(CANONICAL[phase].slot, POLICY)
      const plan = (observed: typeof holder): string[] =>
        reconcile({ ...desired, wants: new Map([['api.1', moved]]) }, new Map([['web.1', observed]]), 10_000)
          .actions.map(describeAction)
          .filter((action) => action === 'start')
      expect(plan(holder)).toEqual([])
      expect(plan(observe(CANONICAL.stopped.slot, POLICY))).toEqual(['start'])
    },
  )

  test('wake the supervisor at the earliest of their times', () => {
    const starting = observe(CANONICAL.starting.slot, POLICY)
    const observed = new Map([
      ['web.1', backoff],
      ['web.2', starting],
    ] as const)
    expect(reconcile(desired, observed, 10_000)).toEqual({ actions: [], wakeAt: 10_050 })
    const reversed = new Map([...observed].toReversed())
    expect(reconcile(desired, reversed, 10_000)).toEqual({ actions: [], wakeAt: 10_050 })
  })
})

function at(now: number, run: Partial<Run>, change: Partial<Situation> = {}): string {
  return stepIn({ ...situation(run), now, ...change })
}

describe('a stop', () => {
  const told = { stop: STOP, told: true }

  test('is told once, waits out the grace period, and then kills again every second', () => {
    expect(at(10_000, { stop: STOP })).toBe('tell SIGTERM')
    expect(at(10_001, told)).toBe('wake at 12000')
    expect(at(11_999, told)).toBe('wake at 12000')
    expect(at(12_000, told)).toBe('kill')
    expect(at(12_001, { ...told, killedAt: 12_000 })).toBe(`wake at ${12_000 + KILL_AGAIN_MS}`)
    expect(at(13_000, { ...told, killedAt: 12_000 })).toBe('kill')
  })

  test('keeps the deadline and the signal of its intent, whatever the options say now', () => {
    expect(at(10_000, { stop: { signal: 'SIGINT', killAt: 99_000 } })).toBe('tell SIGINT')
    expect(at(10_000, { stop: { signal: 'SIGINT', killAt: 99_000 }, told: true })).toBe('wake at 99000')
  })

  test('is not called off because it is wanted again', () => {
    expect(at(10_001, told, { want: situation({}).want })).toBe('wake at 12000')
  })

  test('waits for the pid of its group, but not longer than until it kills', () => {
    expect(at(11_000, { stop: STOP, pid: undefined })).toBe(`wake at ${11_000 + LOOK_AGAIN_MS}`)
    expect(at(11_990, { stop: STOP, pid: undefined })).toBe('wake at 12000')
    expect(at(12_000, { stop: STOP, pid: undefined })).toBe('kill')
  })

  test('that is hurried kills at once, and again every second', () => {
    expect(at(10_500, told, { hurried: true })).toBe('kill')
    expect(at(10_600, { ...told, killedAt: 10_500 }, { hurried: true })).toBe('wake at 11500')
    expect(at(11_500, { ...told, killedAt: 10_500 }, { hurried: true })).toBe('kill')
    // How long it has not helped is counted from then.
    expect(planIn({ ...situation(told), now: 10_500, hurried: true }).actions).toMatchObject([
      { killAt: 10_500 },
    ])
    const leftover = {
      life: 'dead',
      leftovers: { pids: [101], lookedAt: 10_000 },
      leftoversKillAt: 12_000,
    } as const
    expect(planIn({ ...situation(leftover), now: 10_500, hurried: true }).actions).toMatchObject([
      { killAt: 10_500 },
    ])
  })

  test('whose kill came due while no supervisor was there has its time anew, so that it is not given up on', () => {
    expect(at(13_000, told)).toBe('stop SIGTERM by 13000')
    expect(at(20_000, { ...told, killedAt: 12_000 })).toBe('stop SIGTERM by 20000')
    const renewed = { ...told, stop: { ...STOP, killAt: 20_000 }, killedAt: 12_000 }
    expect(at(20_000, renewed)).toBe('kill')
  })

  test('that nobody told before its deadline, however short ago that was, has its whole grace period anew', () => {
    for (const now of [12_000, 12_300, 12_999, 13_000, 60_000])
      expect(at(now, { stop: STOP })).toBe(`stop SIGTERM by ${now + GRACE_MS}`)
    expect(at(12_300, { stop: STOP }, { hurried: true })).toBe('kill')
    expect(at(12_300, { stop: STOP, killedAt: 12_000 })).toBe('wake at 13000')
  })

  test('without a grace period kills at once', () => {
    const none = {
      ...desiredIn(situation({})),
      stop: { signal: 'SIGTERM', graceMs: 0, drainMs: 0 },
    }
    const state = observe({ run: { ...RUN, stop: { ...STOP, killAt: 10_000 } }, ends: [] }, POLICY)
    const { actions } = reconcile({ ...none, wants: new Map() }, new Map([[RUN.id, state]]), 10_000)
    expect(actions.map(describeAction)).toEqual(['kill'])
  })

  test('is given up on when SIGKILL had no effect for five seconds, not sooner and not unasked', () => {
    const isGivenUp = (now: number, killedAt: number | undefined): boolean =>
      isUnkillable({ ...RUN, ...told, killedAt }, STOP, now)
    expect(isGivenUp(12_000 + GIVE_UP_MS, 16_000)).toBe(true)
    expect(isGivenUp(11_999 + GIVE_UP_MS, 16_000)).toBe(false)
    expect(isGivenUp(12_000 + GIVE_UP_MS, undefined)).toBe(false)
    // Killed once, long ago: nobody knows what it would do today.
    expect(isGivenUp(60_000, 12_000)).toBe(false)
  })
})

describe('what outlived its run', () => {
  const dead: Partial<Run> = { life: 'dead', exit: FAILED, endedAt: 9_500 }
  const found = (lookedAt: number): Partial<Run> => ({ ...dead, leftovers: { pids: [101], lookedAt } })
  const told = { leftoversKillAt: 12_000 }

  test('is told to stop, looked for every 50 ms, killed after the grace period, and the run is finished', () => {
    expect(at(10_000, dead)).toBe('look')
    expect(at(10_000, found(10_000))).toBe('tell-leftovers SIGTERM by 15000')
    expect(at(10_001, { ...found(10_000), ...told })).toBe(`wake at ${10_000 + LOOK_AGAIN_MS}`)
    expect(at(10_050, { ...found(10_000), ...told })).toBe('look')
    expect(at(12_000, { ...found(11_950), ...told })).toBe('kill-leftovers')
    expect(at(12_010, { ...found(12_000), ...told })).toBe('wake at 12050')
    expect(at(12_050, { ...found(12_000), ...told })).toBe('kill-leftovers')
    expect(at(12_050, { ...dead, ...told, leftovers: { pids: [], lookedAt: 12_000 } })).toBe('finish code 1')
  })

  test('has the rest of the grace period of its stop, with the signal of that', () => {
    const stop = { signal: 'SIGINT', killAt: 11_500 }
    expect(at(10_000, { ...found(10_000), stop })).toBe('tell-leftovers SIGINT by 11500')
  })

  test('is not given up on because its stop lies long behind', () => {
    expect(at(60_000, { ...found(60_000), stop: STOP })).toBe('tell-leftovers SIGTERM by 60000')
  })

  test('is killed anew by a supervisor that comes after the grace period', () => {
    expect(at(11_999, { ...dead, ...told })).toBe('look')
    expect(at(12_000, { ...dead, ...told })).toBe('tell-leftovers SIGKILL by 12000')
    expect(at(60_000, { ...dead, ...told })).toBe('tell-leftovers SIGKILL by 60000')
  })

  test('is killed at once when the end is hurried', () => {
    expect(at(10_050, { ...found(10_000), ...told }, { hurried: true })).toBe('kill-leftovers')
  })

  test('is given up on when SIGKILL had no effect for five seconds, also when the end is hurried', () => {
    for (const hurried of [false, true]) {
      expect(at(16_999, { ...found(16_900), ...told }, { hurried })).toBe('kill-leftovers')
      expect(at(17_000, { ...found(16_900), ...told }, { hurried })).toBe('finish code 1')
    }
  })
})

describe('a run is finished', () => {
  const swept: Partial<Run> = { life: 'dead', leftovers: { pids: [], lookedAt: 9_990 } }

  test.each<[string, Partial<Run>, string]>([
    ['with what its shim wrote', { exit: { kind: 'code', code: 7 } }, 'finish code 7'],
    ['as asked if it was to stop', { exit: FAILED, stop: STOP }, 'finish code 1 asked'],
    ['with what its shim wrote, though it was killed', { exit: FAILED, killedAt: 9_900 }, 'finish code 1'],
    ['as killed if it was, and its shim with it', { stop: STOP, killedAt: 9_900 }, 'finish signal 137 asked'],
    ['as lost if nobody wrote how it ended', {}, 'finish lost 1'],
    ['as lost and asked for if it was to stop', { stop: STOP }, 'finish lost 1 asked'],
    ['as never started if there is no trace of a shim', { pid: undefined }, 'finish unstarted 1 asked'],
    ['as never started, also if it was to stop', { pid: undefined, stop: STOP }, 'finish unstarted 1 asked'],
    ['with its exit, though its pid was never seen', { pid: undefined, exit: FAILED }, 'finish code 1'],
  ])('%s', (_, facts, expected) => {
    expect(at(10_000, { ...swept, ...facts })).toBe(expected)
  })
})

describe('whatever the facts', () => {
  const time = fc.constantFrom(0, 9_000, 9_500, 9_999, 10_000, 10_001, 10_050, 12_000, 80_000)
  const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined })
  const exit = fc.constantFrom<Exit[]>(
    FAILED,
    { kind: 'code', code: 0 },
    { kind: 'signal', signal: 'SIGKILL' },
    { kind: 'lost', why: 'shim' },
    { kind: 'unstarted', message: '', again: true },
  )
  const run = fc.record({
    number: fc.nat(4),
    generation: fc.nat(2),
    life: fc.constantFrom<Run['life'][]>('alive', 'dead'),
    pid: maybe(fc.constant(100)),
    exit: maybe(exit),
    endedAt: maybe(time),
    stop: maybe(time.map((killAt) => ({ signal: 'SIGTERM', killAt }))),
    isProbed: fc.boolean(),
    health: fc.constant({}),
    drained: fc.boolean(),
    told: fc.boolean(),
    killedAt: maybe(time),
    leftovers: maybe(fc.record({ pids: fc.array(fc.constant(101), { maxLength: 1 }), lookedAt: time })),
    leftoversKillAt: maybe(time),
    done: fc.boolean(),
  })
  const anEnd = fc
    .record({ run: fc.nat(4), generation: fc.nat(2), exit, endedAt: time, asked: fc.boolean() })
    .map(({ run: number, ...facts }) => end(number, facts))
  const here = fc.record({
    slot: fc.record({
      run: maybe(run.map((facts) => ({ ...RUN, ...facts }))),
      ends: fc.array(anEnd, { maxLength: 4 }),
    }),
    want: maybe(fc.nat(2).map((generation) => ({ plan: PLAN, generation, policy: POLICY }))),
    hurried: fc.boolean(),
    now: time,
  })

  test('there is one step at most, and never a waking in the past', () => {
    fc.assert(
      fc.property(here, (situated) => {
        const { actions, wakeAt } = planIn(situated)
        expect(actions.length).toBeLessThanOrEqual(1)
        expect(wakeAt ?? Infinity).toBeGreaterThan(situated.now)
      }),
      { numRuns: 1_000 },
    )
  })

  test('nothing is done to a run that is done, and nothing is started beside one that is not', () => {
    fc.assert(
      fc.property(here, (situated) => {
        const { actions } = planIn(situated)
        const isOver = situated.slot.run?.done ?? true
        expect(actions.filter((action) => (action.do === 'start') !== isOver)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })
})

test('one that nobody told, because nobody was there when its time went by, is told and has its grace period', () => {
  const stopping = CANONICAL.stopping.slot.run as Run
  const missed = { ...stopping, told: false, stop: { signal: 'SIGTERM', killAt: 1_000 } }
  expect(stepIn({ ...situation(missed), now: 60_000 })).toContain('stop SIGTERM by 65000')
})

describe('a process behind the router', () => {
  const router: ProcessState = { phase: 'up', run: runOf({ id: 'router.1', pid: 7 }), pid: 7 }
  const crashed: ProcessState = {
    phase: 'crashed',
    run: runOf({ id: 'router.1', life: 'dead', done: true }),
    exit: FAILED,
    endedAt: 9_500,
  }

  function stepOf(
    change: Partial<Run>,
    { routed = true, lives = true, hurried = false, drainMs = 3_000, now = 10_000 } = {},
  ): string {
    const run = { ...RUN, ...change }
    const observed = new Map([[RUN.id, observe({ run, ends: [] }, POLICY)]])
    const wants = new Map<ProcessId, Want>()
    if (routed) {
      observed.set('router.1', lives ? router : crashed)
      const plan = { id: 'router.1', type: 'router', instance: 1, port: 8080, command: 'x' } as const
      wants.set('router.1', { plan, generation: 1, policy: POLICY })
    }
    const stops = new Map([['web', { signal: 'SIGTERM', graceMs: GRACE_MS, drainMs }]])
    const stop = { signal: 'SIGTERM', graceMs: GRACE_MS, drainMs: 0 }
    const { actions, wakeAt } = reconcile({ wants, stops, stop, hurried }, observed, now)
    return actions.map(describeAction).join(', ') || `wake at ${wakeAt}`
  }

  const draining = { stop: { signal: 'SIGTERM', killAt: 18_000, drainUntil: 13_000 } }

  test.each<[string, string, string]>([
    ['is drained before it is told', stepOf({}), 'stop SIGTERM by 18000, drained until 13000'],
    ['but not without a router', stepOf({}, { routed: false }), 'stop SIGTERM by 15000'],
    ['or with one that is dead', stepOf({}, { lives: false }), 'stop SIGTERM by 15000'],
    ['or where nothing goes through it', stepOf({}, { drainMs: 0 }), 'stop SIGTERM by 15000'],
    ['or when nobody wants to wait', stepOf({}, { hurried: true }), 'stop SIGTERM by 15000'],
    ['waits while requests are under way', stepOf(draining), 'wake at 10050'],
    [
      'has its whole grace period when they are over',
      stepOf({ ...draining, drained: true }),
      'stop SIGTERM by 15000',
    ],
    ['waits no longer than it may', stepOf(draining, { now: 13_000 }), 'stop SIGTERM by 18000'],
    ['or than there is a router', stepOf(draining, { routed: false }), 'stop SIGTERM by 15000'],
    ['or than that lives', stepOf(draining, { lives: false }), 'stop SIGTERM by 15000'],
    ['or when the second Ctrl-C comes', stepOf(draining, { hurried: true }), 'stop SIGTERM by 15000'],
  ])('%s', (_, step, expected) => {
    expect(step).toBe(expected)
  })
})
