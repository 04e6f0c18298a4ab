import { describe, expect, test } from 'vitest'
import type { ProcessId } from '../../src/core/names.ts'
import { outcome } from '../../src/core/outcome.ts'
import type { Outcome } from '../../src/core/outcome.ts'
import type { Desired, Exit, ProcessState, RestartPolicy, Run } from '../../src/core/process.ts'
import type { Ending, Session, Stage } from '../../src/core/session.ts'
import { runOf } from '../support/runs.ts'

const NO: RestartPolicy = { when: 'no' }
const ON_FAILURE: RestartPolicy = { when: 'on-failure' }
const AGAIN: Exit = { kind: 'unstarted', message: 'too many open files', again: true }
const NOW = 100_000
const STOP = { signal: 'SIGTERM', killAt: 50_000 }

const run = runOf()

const code = (number: number): Exit => ({ kind: 'code', code: number })
const absent: ProcessState = { phase: 'absent' }
const starting: ProcessState = { phase: 'starting', run }
const up: ProcessState = { phase: 'up', run, pid: 100 }
const stopping: ProcessState = { phase: 'stopping', run, stop: STOP }
const stopped: ProcessState = { phase: 'stopped', run }
const backoff: ProcessState = { phase: 'backoff', run, exit: code(1), retryAt: NOW }

function exited(exit: Exit, endedAt = 5_000, generation = 1): ProcessState {
  return { phase: 'exited', run: { ...run, generation }, exit, endedAt }
}

function crashed(exit: Exit, endedAt = 5_000): ProcessState {
  return { phase: 'crashed', run, exit, endedAt }
}

function sweeping(exit: Exit, facts: Partial<Run> = {}): ProcessState {
  return { phase: 'sweeping', run: { ...run, endedAt: 5_000, ...facts }, exit }
}

function session(change: Partial<Session> = {}): Session {
  const place = { bootId: 'boot', pidNamespace: 'pid', beganAt: 0 }
  const started = {
    stages: ['formation'] as const,
    types: [],
    counts: {},
    isDetached: false,
    hasRouter: false,
    flags: {},
  }
  const untouched = { generations: {}, stopped: [], ending: undefined, over: false }
  return { version: 1, id: 'this', ...place, ...started, ...untouched, ...change }
}

interface Given {
  readonly policy?: RestartPolicy
  readonly stages?: readonly Stage[]
  readonly ending?: Ending
  readonly isFixture?: true
  readonly counts?: Readonly<Record<string, number>>
  /** Of what is wanted; all that is observed by default. */
  readonly wanted?: readonly ProcessId[]
}

type States = Readonly<Record<ProcessId, ProcessState>>

function of(states: States, given: Given = {}): Outcome {
  const observed = new Map(Object.entries(states) as [ProcessId, ProcessState][])
  const {
    policy = NO,
    stages = ['formation'],
    ending,
    isFixture,
    counts = {},
    wanted = [...observed.keys()],
  } = given
  const wants = wanted.map((id) => {
    const plan = { id, type: 'web', instance: 1, port: 5000, command: 'x' }
    return [id, { plan, generation: 1, policy }] as const
  })
  const hurried = ending?.hurried ?? false
  const desired: Desired = {
    wants: new Map(wants),
    stops: new Map(),
    stop: { signal: 'SIGTERM', graceMs: 5_000, drainMs: 0 },
    hurried,
  }
  return outcome(session({ stages, ending, isFixture, counts }), desired, observed, NOW)
}

function ends(id: ProcessId, exit: Exit, exitCode: number): Outcome {
  const reason = { kind: 'exit', process: id, exit } as const
  return { do: 'end', ending: { code: exitCode, reason, hurried: false } }
}

describe('under the policy no, the first process to end ends the run', () => {
  test.each([0, 1, 7, 127, 255])('with its code %i', (status) => {
    const states: States = { 'web.1': up, 'web.2': exited(code(status)) }
    expect(of(states)).toEqual(ends('web.2', code(status), status))
  })

  test.each<[string, Exit, number]>([
    ['128 + its signal', { kind: 'signal', signal: 'SIGSEGV' }, 139],
    ['1 if nobody saw how', { kind: 'lost', why: 'shim' }, 1],
    ['1 if it cannot be started', { kind: 'unstarted', message: 'x', again: false }, 1],
  ])('with %s', (_, exit, expected) => {
    expect(of({ 'web.1': up, 'web.2': exited(exit) })).toEqual(ends('web.2', exit, expected))
  })

  test('by the time at which it ended, not by its place in the file nor by what was seen first', () => {
    const states: States = {
      'web.1': exited(code(1), 5_002),
      'web.2': sweeping(code(2), { endedAt: 5_001 }),
      'web.3': exited(code(3), 5_003),
    }
    expect(of(states)).toEqual(ends('web.2', code(2), 2))
  })

  test('by its place in the file when two ended in the same moment', () => {
    const states: States = { 'web.1': exited(code(1)), 'web.2': exited(code(2)) }
    expect(of(states)).toEqual(ends('web.1', code(1), 1))
    const turned: States = { 'web.2': exited(code(2)), 'web.1': exited(code(1)) }
    expect(of(turned, { wanted: ['web.1', 'web.2'] })).toEqual(ends('web.1', code(1), 1))
  })

  test('one whose time of end nobody knows comes after those whose time is known', () => {
    const lost = sweeping({ kind: 'lost', why: 'shim' }, { endedAt: undefined })
    expect(of({ 'web.1': lost, 'web.2': exited(code(2), 9_000) })).toEqual(ends('web.2', code(2), 2))
    expect(of({ 'web.1': lost, 'web.2': lost })).toMatchObject({ ending: { reason: { process: 'web.1' } } })
  })

  test('as soon as it is dead, before what it left behind is swept', () => {
    expect(of({ 'web.1': sweeping(code(4)) })).toEqual(ends('web.1', code(4), 4))
  })

  test('also when its end is a good one', () => {
    expect(of({ 'web.1': exited(code(0)), 'web.2': up })).toEqual(ends('web.1', code(0), 0))
  })
})

describe('a process does not end the run', () => {
  test.each<[string, ProcessState]>([
    ['that is not there yet', absent],
    ['that starts', starting],
    ['that is up', up],
    ['that is being stopped', stopping],
    ['that was stopped', stopped],
    ['that is to be restarted', backoff],
    ['that ended after it was asked to', sweeping(code(0), { stop: STOP })],
    ['that the kernel had no room for', sweeping(AGAIN)],
    ['that is of an older generation and will be replaced', exited(code(1), 5_000, 0)],
  ])('%s', (_, state) => {
    expect(of({ 'web.1': state, 'web.2': up })).toBeUndefined()
  })

  test('that nobody wants any more', () => {
    expect(of({ 'web.1': exited(code(1)), 'web.2': up }, { wanted: ['web.2'] })).toBeUndefined()
  })
})

describe('under a policy that restarts', () => {
  const policy = ON_FAILURE

  test('a process that ended and is left alone leaves the others alone', () => {
    expect(of({ 'web.1': exited(code(0)), 'web.2': up }, { policy })).toBeUndefined()
    expect(of({ 'web.1': sweeping(code(1)), 'web.2': up }, { policy })).toBeUndefined()
  })

  test('the run ends with 0 when none is left', () => {
    const all = { code: 0, reason: { kind: 'all-exited' }, hurried: false }
    const states: States = { 'web.1': exited(code(0)), 'web.2': exited(code(0)) }
    expect(of(states, { policy })).toEqual({ do: 'end', ending: all })
  })

  test('the run does not end while the last one is being swept, or is to be restarted', () => {
    expect(of({ 'web.1': exited(code(0)), 'web.2': sweeping(code(0)) }, { policy })).toBeUndefined()
    expect(of({ 'web.1': exited(code(0)), 'web.2': backoff }, { policy })).toBeUndefined()
    expect(of({ 'web.1': exited(code(0)), 'web.2': stopped }, { policy })).toBeUndefined()
  })

  test('the run does not end because everything in it was stopped', () => {
    expect(of({ 'web.1': stopped, 'web.2': stopped }, { policy, wanted: [] })).toBeUndefined()
    expect(of({ 'web.1': exited(code(0)), 'web.2': stopped }, { policy, wanted: [] })).toBeUndefined()
  })

  test('the run of a fixture goes on when none is left, until its command has ended', () => {
    const states: States = { 'web.1': exited(code(0)), 'router.1': up }
    expect(of(states, { policy, isFixture: true })).toBeUndefined()
    const ending: Ending = { code: 0, reason: { kind: 'done' }, hurried: false }
    const over: States = { 'web.1': exited(code(0)), 'router.1': stopped }
    expect(of(over, { policy, isFixture: true, ending })).toEqual({ do: 'over', code: 0 })
    expect(of({ 'web.1': crashed(code(4)) }, { policy, isFixture: true })).toEqual(ends('web.1', code(4), 4))
  })

  test('the run ends when none is left but what was stopped', () => {
    const all = { code: 0, reason: { kind: 'all-exited' }, hurried: false }
    const states: States = { 'web.1': exited(code(0)), 'web.2': stopped }
    expect(of(states, { policy, wanted: ['web.1'] })).toEqual({ do: 'end', ending: all })
  })

  test('the run ends when none is left but the router', () => {
    const all = { code: 0, reason: { kind: 'all-exited' }, hurried: false }
    const states: States = { 'web.1': exited(code(0)), 'router.1': up }
    expect(of(states, { policy })).toEqual({ do: 'end', ending: all })
    expect(of({ 'web.1': stopped, 'router.1': up }, { policy, wanted: ['router.1'] })).toBeUndefined()
  })

  test('the run does not end while one has not been heard of', () => {
    expect(of({ 'web.1': exited(code(0)) }, { policy, wanted: ['web.1', 'web.2'] })).toBeUndefined()
  })

  test('a process that gave up ends the run with its code', () => {
    expect(of({ 'web.1': up, 'web.2': crashed(code(9)) }, { policy })).toEqual(ends('web.2', code(9), 9))
  })

  test('the first that gave up says the code, also if another ended well before', () => {
    const states: States = {
      'web.1': exited(code(0), 1_000),
      'web.2': crashed(code(2), 6_000),
      'web.3': crashed(code(3), 5_000),
    }
    expect(of(states, { policy })).toEqual(ends('web.3', code(3), 3))
  })

  test('a formation of nothing goes on for ever', () => {
    expect(of({}, { policy })).toBeUndefined()
    expect(of({ 'web.1': exited(code(0)) }, { policy, wanted: [] })).toBeUndefined()
  })
})

describe('a stage', () => {
  const stages: readonly Stage[] = ['release', 'formation']

  test('that succeeded and is swept makes way for the next', () => {
    expect(of({ 'release.1': exited(code(0)) }, { stages })).toEqual({ do: 'next-stage' })
  })

  test('that succeeded is swept first', () => {
    expect(of({ 'release.1': sweeping(code(0)) }, { stages })).toBeUndefined()
  })

  test('that failed ends the run with its code, at once', () => {
    expect(of({ 'release.1': exited(code(3)) }, { stages })).toEqual(ends('release.1', code(3), 3))
    expect(of({ 'release.1': sweeping(code(3)) }, { stages })).toEqual(ends('release.1', code(3), 3))
  })

  test('after which nothing runs is the end of all, when it is swept', () => {
    const all = { code: 0, reason: { kind: 'all-exited' }, hurried: false }
    const last: Given = { stages: ['release'], counts: { web: 0 } }
    expect(of({ 'release.1': exited(code(0)) }, last)).toEqual({ do: 'end', ending: all })
    expect(of({ 'release.1': sweeping(code(0)) }, last)).toBeUndefined()
    expect(of({ 'release.1': up }, last)).toBeUndefined()
    expect(of({ 'release.1': exited(code(4)) }, last)).toEqual(ends('release.1', code(4), 4))
    expect(of({ 'build.1': exited(code(0)) }, { ...last, stages: ['build', 'release'] })).toEqual({
      do: 'next-stage',
    })
  })

  test('is not the last where something was asked for while it ran', () => {
    const scaled: Given = { stages: ['release'], counts: { web: 1 } }
    expect(of({ 'release.1': exited(code(0)) }, scaled)).toEqual({ do: 'next-stage' })
  })

  test.each<[string, ProcessState]>([
    ['runs', up],
    ['starts', starting],
    ['the kernel had no room for', backoff],
  ])('that %s is waited for', (_, state) => {
    expect(of({ 'release.1': state }, { stages })).toBeUndefined()
  })
})

describe('an ending run', () => {
  const ending: Ending = { code: 143, reason: { kind: 'signal', signal: 'SIGTERM' }, hurried: false }

  test.each<[string, ProcessState]>([
    ['not there', absent],
    ['stopped', stopped],
    ['not yet restarted', backoff],
    ['exited', exited(code(1))],
    ['crashed', crashed(code(1))],
  ])('is over, with the code it began to end with, when every process is at rest: %s', (_, state) => {
    const states: States = { 'web.1': stopped, 'web.2': state }
    expect(of(states, { ending, wanted: [] })).toEqual({ do: 'over', code: 143 })
  })

  test.each<[string, ProcessState]>([
    ['starts', starting],
    ['is up', up],
    ['is being stopped', stopping],
    ['is being swept', sweeping(code(0))],
  ])('is not over while one process %s', (_, state) => {
    expect(of({ 'web.1': state, 'web.2': stopped }, { ending, wanted: [] })).toBeUndefined()
  })

  test('is over at once if there is nothing to end', () => {
    expect(of({}, { ending })).toEqual({ do: 'over', code: 143 })
  })

  test('keeps its reason, whatever ends now', () => {
    expect(of({ 'web.1': exited(code(1)) }, { ending })).toEqual({ do: 'over', code: 143 })
  })

  test('does not wait for what SIGKILL cannot end', () => {
    const killed = (killedAt: number, killAt: number): ProcessState => ({
      phase: 'stopping',
      run: { ...run, killedAt },
      stop: { signal: 'SIGTERM', killAt },
    })
    const given = { ending, wanted: [] }
    expect(of({ 'web.1': killed(NOW - 1_000, NOW - 5_000) }, given)).toEqual({ do: 'over', code: 143 })
    expect(of({ 'web.1': killed(NOW - 1_000, NOW - 4_999) }, given)).toBeUndefined()
    // Its deadline passed while no supervisor was there to kill it.
    expect(of({ 'web.1': killed(NOW - 2_000, NOW - 5_000) }, given)).toBeUndefined()
  })
})
