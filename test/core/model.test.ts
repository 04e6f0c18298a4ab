import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { outcome } from '../../src/core/outcome.ts'
import type { ProcessId } from '../../src/core/names.ts'
import type { Desired, Observed } from '../../src/core/process.ts'
import { GIVE_UP_MS, KILL_AGAIN_MS, LOOK_AGAIN_MS, reconcile } from '../../src/core/reconcile.ts'
import { codeOfReason, generationOf } from '../../src/core/session.ts'
import type { Reason } from '../../src/core/session.ts'
import { observeAll, play, readSlots, typeOf } from '../support/fake-host.ts'
import type { Behaviour, Change, Child, FakeSupervisor, Story, Told } from '../support/fake-host.ts'

/** Stories a property, of three; CI tells twenty times as many, MODEL_RUNS=50000 is for a night. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 200)
const TIMEOUT = 60_000 + RUNS * 5

const OBEDIENT: Behaviour = {
  pidAfter: 2,
  lives: Infinity,
  status: 0,
  ignoresTerm: false,
  termTakes: 10,
  killTakes: 0,
  shimTakes: 1,
  children: [],
  shot: undefined,
}

const some = <T>(...values: [T, ...T[]]): fc.Arbitrary<T> => fc.constantFrom(...values)

const child: fc.Arbitrary<Child> = fc.record({
  escaped: fc.boolean(),
  ignoresTerm: fc.boolean(),
  lives: some(Infinity, 3, 800, 7_000),
  heir: some(false, false, true),
})

const anyStatus = fc.oneof(some(0, 1, 7, 143), fc.nat(255))

/** Half of them loop in crashes; the others do what processes do. */
const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc
    .tuple(some(0, 1, 5, 900), some(1, 7, 0), some(0, 1, 3))
    .map(([lives, status, pidAfter]) => ({ ...OBEDIENT, lives, status, pidAfter })),
  fc.record({
    pidAfter: some(0, 2, 30, 120),
    lives: some(Infinity, Infinity, 20, 3_000, 70_000),
    status: anyStatus,
    ignoresTerm: some(false, true),
    termTakes: some(0, 10, 1_200),
    killTakes: some(0, 0, 5, 1_500),
    shimTakes: some(0, 1, 40),
    children: fc.array(child, { maxLength: 2 }),
    shot: fc.option(
      fc.record({
        after: some(0, 1, 50, 2_000),
        what: some<'shim' | 'command' | 'group'>('shim', 'command', 'group'),
      }),
      { nil: undefined, freq: 3 },
    ),
  }),
)

const counts = fc
  .tuple(some(0, 1, 1, 2), some(0, 1, 1, 2))
  .map(([web, worker]): Record<string, number> => ({ web, worker }))

const change: fc.Arbitrary<Change> = fc.oneof(
  some(['web=0'], ['web=2', 'worker=1'], ['all=1'], ['worker+1'], ['web-1'], []).map((words): Change => ({
    kind: 'scale',
    words,
  })),
  fc.record({
    kind: some<'restart' | 'stop'>('restart', 'stop'),
    words: some([], ['web'], ['worker'], ['web.1'], ['web.2', 'worker.1']),
  }),
  some<Change>({ kind: 'replace', type: 'web' }, { kind: 'replace', type: 'worker' }),
)

const after = some(0, 1, 15, 60, 900, 900, 4_000, 4_000, 130_000)
const dated = (what: fc.Arbitrary<Change>): fc.Arbitrary<Story['changes'][number]> =>
  fc.record({ after, change: what })

const refusal = fc
  .tuple(some(0, 1_000, 1_500, 4_000), some(5, 700, 9_000), some<'prepare' | 'spawn'>('prepare', 'spawn'))
  .map(([from, length, where]) => ({ from, to: from + length, where }))

const policy = some<Story['policy']>(
  { when: 'always' },
  { when: 'on-failure' },
  { when: 'on-failure', limit: 2 },
  { when: 'no' },
)

const kill = fc.record({
  steps: fc.nat(30),
  down: some(0, 0, 3, 700, 8_000),
  isRevival: fc.boolean(),
})

/** Anything may happen, but nobody asks for the end. */
const anyStory = fc.record({
  behaviours: fc.array(behaviour, { minLength: 1, maxLength: 6 }),
  refusals: fc.oneof(
    { arbitrary: fc.constant([]), weight: 3 },
    { arbitrary: fc.array(refusal, { maxLength: 2 }), weight: 1 },
  ),
  policy,
  graceMs: some(200, 0, 1_000),
  stepTakes: some(0, 1, 30),
  counts,
  leftByAnotherBoot: some(false, false, true),
  changes: fc.array(dated(change), { maxLength: 4 }),
  kills: fc.array(kill, { maxLength: 6 }),
})

const SIGNALS: [string, ...string[]] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']
const signal = fc.oneof(
  { arbitrary: some(...SIGNALS).map((name): Change => ({ kind: 'signal', signal: name })), weight: 3 },
  { arbitrary: fc.constant<Change>({ kind: 'asked' }), weight: 1 },
)

/** ... and in the end somebody presses Ctrl-C, perhaps twice, or types `tw-run stop`. */
const endingStory: fc.Arbitrary<Story> = fc
  .tuple(anyStory, fc.array(dated(signal), { minLength: 1, maxLength: 2 }))
  .map(([story, signals]) => ({ ...story, changes: [...story.changes, ...signals] }))

function nothing(): void {}

/** What each process gets done next, or when it is looked at again. */
function planOf(desired: Desired, observed: Observed, id: ProcessId, now: number): string {
  const want = desired.wants.get(id)
  const state = observed.get(id)
  const { actions, wakeAt } = reconcile(
    { ...desired, wants: new Map(want && [[id, want]]) },
    new Map(state && [[id, state]]),
    now,
  )
  const [action] = actions
  if (action === undefined) return wakeAt === undefined ? 'rest' : `wake ${wakeAt}`
  switch (action.do) {
    case 'start':
      return `start ${id} of generation ${action.want.generation}`
    case 'stop':
      return `stop ${action.run.number} ${action.intent.signal} by ${action.intent.killAt}`
    case 'tell':
      return `tell ${action.run.number} ${action.signal}`
    case 'tell-leftovers':
      return `tell-leftovers ${action.run.number} ${action.signal} by ${action.killAt}`
    case 'finish':
      return `finish ${action.run.number} ${JSON.stringify(action.exit)} ${action.asked}`
    case 'kill':
    case 'look':
    case 'kill-leftovers':
      return `${action.do} ${action.run.number}`
  }
}

/** A supervisor that comes to be at this instant takes the same next step as the one that was there. */
function mustBeReplaceable(supervisor: FakeSupervisor, desired: Desired, observed: Observed): void {
  if (!supervisor.isCurrent) return
  const { host, slots } = supervisor
  const { now } = host
  const afresh = observeAll(readSlots(host), desired)
  for (const id of new Set([...observed.keys(), ...desired.wants.keys()])) {
    const known = planOf(desired, observed, id, now)
    const read = planOf(desired, afresh, id, now)
    if (known === read) continue
    const state = afresh.get(id)
    // What only the kernel says has to be asked again.
    if (state?.phase === 'sweeping' && /^look|^tell-leftovers .*SIGKILL/.test(read)) continue
    // A run refused before its directory had a name leaves a line in the history, but no run to wait with.
    const newest = host.directories.get(id)?.at(-1)?.spec
    const isNameless = newest?.token !== slots.get(id)?.run?.token
    if (isNameless && newest?.generation !== desired.wants.get(id)?.generation) continue
    throw new Error(`${id} (${observed.get(id)?.phase}): ${known}, but read anew: ${read}`)
  }
  const known = outcome(supervisor.session, desired, observed, now)
  const read = outcome(supervisor.session, desired, withTimes(afresh, observed), now)
  if (known === undefined && read === undefined) return
  if (JSON.stringify(known) !== JSON.stringify(read))
    throw new Error(`${JSON.stringify(known)}, but read anew: ${JSON.stringify(read)}`)
}

/** When a run ended whose shim was killed is known only to who saw it. */
function withTimes(afresh: Observed, observed: Observed): Observed {
  return new Map(
    [...afresh].map(([id, state]) => {
      const seen = observed.get(id)
      if (state.phase !== 'sweeping' || seen?.phase !== 'sweeping') return [id, state]
      return [id, { ...state, run: { ...state.run, endedAt: seen.run.endedAt } }]
    }),
  )
}

/** How long all of a story's supervisors were away, and what their deaths in mid-kill cost. */
function delayed({ kills, stepTakes }: Story): number {
  const down = kills.reduce((sum, one) => sum + one.down, 0)
  return down + kills.length * (KILL_AGAIN_MS + 2 * LOOK_AGAIN_MS) + 100 * stepTakes
}

/** From the last SIGKILL to the end of everything: the slowest deaths, and the looks between. */
const AFTER_KILL = 2 * 1_500 + 2 * KILL_AGAIN_MS

/** What is wrong with the end of a story. */
function faultsOfEnd(story: Story, told: Told): string[] {
  const { host, supervisor, endingAt, hurriedAt, isOver } = told
  const { ending, over } = supervisor.session
  const bound = Math.min(endingAt + story.graceMs, hurriedAt) + AFTER_KILL + delayed(story)
  const faults = host.alive.map(({ directory }) => `${directory.spec.id} lives`)
  if (!isOver || !over) faults.push('it is not over')
  if (host.now > bound) faults.push(`it was over at ${host.now} instead of ${bound}`)
  if (ending === undefined) return [...faults, 'it has no ending']
  if (ending.code !== codeOfReason(ending.reason)) faults.push(`its code is ${ending.code}`)
  if (!isTrue(ending.reason, story, told)) faults.push(`its reason is ${ending.reason.kind}`)
  return faults
}

/** Whether that can be the reason for which the story ended. */
function isTrue(reason: Reason, { policy: { when, limit }, changes }: Story, { host }: Told): boolean {
  switch (reason.kind) {
    case 'signal':
    case 'asked':
      return changes.some(({ change: { kind } }) => kind === reason.kind)
    case 'all-exited':
      return when === 'on-failure'
    case 'exit': {
      const last = host.histories.get(reason.process)?.at(-1)
      const isSame = JSON.stringify(last?.exit) === JSON.stringify(reason.exit)
      return isSame && last?.asked === false && (when === 'no' || limit !== undefined)
    }
    case 'reader-gone':
    case 'state-gone':
    case 'done':
      return false
  }
}

function hold<T>(stories: fc.Arbitrary<T>, rule: (story: T) => void): void {
  fc.assert(fc.property(stories, rule), { numRuns: RUNS })
}

describe('on every host, with supervisors killed at any step', () => {
  test(
    'no two runs of a process live at once, nothing is signalled that is not ours, an end is an end, and ' +
      'who comes next takes the step that the one before would have taken',
    () =>
      hold(endingStory, (story) => {
        const told = play(story, mustBeReplaceable)
        expect(faultsOfEnd(story, told)).toEqual([])
      }),
    TIMEOUT,
  )

  test(
    'when nothing is wanted any more, everything is gone after the grace period and a bounded time',
    () =>
      hold(anyStory, (story) => {
        const none: Change = { kind: 'scale', words: ['all=0'] }
        const changes = [...story.changes, { after: 30, change: none }]
        const { host, changedAt, endingAt, isOver } = play({ ...story, changes }, nothing)
        expect(host.alive).toEqual([])
        const since = isOver ? endingAt : changedAt
        expect(host.now).toBeLessThanOrEqual(since + story.graceMs + AFTER_KILL + delayed(story))
      }),
    TIMEOUT,
  )
})

/** Runs that crash at first, then do as they should. */
const obedientStory: fc.Arbitrary<Story> = fc
  .tuple(anyStory, fc.array(fc.record({ lives: some(0, 1, 40), status: some(1, 7) }), { maxLength: 9 }))
  .map(([story, crashes]) => ({
    ...story,
    policy: story.policy.when === 'always' ? story.policy : { when: 'on-failure' },
    behaviours: [...crashes.map((crash) => ({ ...OBEDIENT, ...crash })), OBEDIENT],
  }))

test(
  'on an obedient host every wanted process runs in the end, in its generation, and no other',
  () =>
    hold(obedientStory, (story) => {
      const { host, supervisor, changedAt } = play(story, nothing)
      const desired = supervisor.desired()
      const states = [...observeAll(supervisor.slots, desired)]
      const up = states.flatMap(([id, state]) =>
        state.phase === 'up' && host.isHeld(host.directoryOf(state.run)) ? [id] : [],
      )
      expect(up.toSorted()).toEqual([...desired.wants.keys()].toSorted())
      for (const id of up) {
        const run = supervisor.slots.get(id)?.run
        expect(run?.generation).toBe(generationOf(supervisor.session, typeOf(id), id))
      }
      expect(new Set(host.alive.map(({ directory }) => directory.spec.id))).toEqual(new Set(up))
      // Nine crashes in a row wait 0, 0, 1, 2, 4 ... 60 s; refusals and the slowest process add their own.
      expect(host.now).toBeLessThanOrEqual(changedAt + 9 * 75_000 + GIVE_UP_MS + delayed(story))
    }),
  TIMEOUT,
)
