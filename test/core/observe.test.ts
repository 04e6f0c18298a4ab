import { describe, expect, test } from 'vitest'
import { isAsked, observe } from '../../src/core/observe.ts'
import type { End, Exit, RestartPolicy, Run } from '../../src/core/process.ts'
import { runOf } from '../support/runs.ts'

const FAILED: Exit = { kind: 'code', code: 1 }
const UNBORN: Exit = { kind: 'unstarted', message: 'tw-run was killed before it could', again: true }
const ALWAYS: RestartPolicy = { when: 'always' }
const NO: RestartPolicy = { when: 'no' }

function run(change: Partial<Run> = {}): Run {
  return runOf({ number: 3, ...change })
}

function end(change: Partial<End> = {}): End {
  const times = { startedAt: 1_000, endedAt: 2_000 }
  return { run: 3, generation: 1, exit: FAILED, ...times, asked: false, jitter: 0, ...change }
}

const STOP = { signal: 'SIGTERM', killAt: 9_000 }

describe('the phase of a process that is not at rest', () => {
  test.each<[string, Partial<Run>, string]>([
    ['its shim lives and has not written its pid', { pid: undefined }, 'starting'],
    ['its shim lives', {}, 'up'],
    ['its command has ended and its shim not yet', { exit: FAILED }, 'up'],
    ['it is meant to stop', { stop: STOP }, 'stopping'],
    ['it is meant to stop before its pid is known', { stop: STOP, pid: undefined }, 'stopping'],
    ['it was told and killed and still lives', { stop: STOP, told: true, killedAt: 9_000 }, 'stopping'],
    ['its shim is dead', { life: 'dead' }, 'sweeping'],
    ['its shim is dead and it was meant to stop', { life: 'dead', stop: STOP }, 'sweeping'],
    ['its shim is dead and nobody saw it', { life: 'dead', pid: undefined }, 'sweeping'],
  ])('%s', (_, facts, phase) => {
    expect(observe({ run: run(facts), ends: [] }, ALWAYS).phase).toBe(phase)
  })

  test('is absent if it has no run, whatever its history', () => {
    expect(observe({ run: undefined, ends: [end()] }, ALWAYS)).toEqual({ phase: 'absent' })
  })

  test('does not follow from the ends of earlier runs', () => {
    expect(observe({ run: run(), ends: [end({ run: 2 })] }, NO).phase).toBe('up')
  })
})

describe('the phase of a process at rest', () => {
  const atRest = (ends: readonly End[], policy: RestartPolicy): string =>
    observe({ run: run({ life: 'dead', done: true }), ends }, policy).phase

  test.each<[string, readonly End[], RestartPolicy, string]>([
    ['ended by itself, not to be restarted', [end()], NO, 'exited'],
    ['ended by itself, to be restarted', [end()], ALWAYS, 'backoff'],
    [
      'ended well, under on-failure',
      [end({ exit: { kind: 'code', code: 0 } })],
      { when: 'on-failure' },
      'exited',
    ],
    ['failed too often', [end({ run: 2 }), end()], { when: 'on-failure', limit: 1 }, 'crashed'],
    ['stopped as asked', [end({ asked: true })], ALWAYS, 'stopped'],
    ['stopped as asked, without a restart', [end({ asked: true })], NO, 'stopped'],
    ['refused by the kernel', [end({ exit: UNBORN })], NO, 'backoff'],
    ['never came to be', [end({ exit: UNBORN, asked: true })], NO, 'backoff'],
    ['no history of it is left', [], ALWAYS, 'stopped'],
    ['only older ends are left', [end({ run: 2 })], NO, 'stopped'],
    [
      'a later run was refused before it had a directory',
      [end(), end({ run: 4, exit: UNBORN })],
      NO,
      'backoff',
    ],
  ])('%s', (_, ends, policy, phase) => {
    expect(atRest(ends, policy)).toBe(phase)
  })

  test('says how and when the last run ended, and when the next one starts', () => {
    const slot = { run: run({ life: 'dead', done: true }), ends: [end({ run: 2 }), end()] }
    expect(observe(slot, ALWAYS)).toMatchObject({ exit: FAILED, retryAt: 3_000 })
    expect(observe(slot, NO)).toMatchObject({ exit: FAILED, endedAt: 2_000 })
    expect(observe(slot, { when: 'on-failure', limit: 1 })).toMatchObject({ exit: FAILED, endedAt: 2_000 })
  })
})

describe('the end of a run was asked for', () => {
  test.each<[string, Partial<Run>, boolean]>([
    ['if it was meant to stop', { stop: STOP }, true],
    ['if it was meant to stop and had ended before', { stop: STOP, exit: FAILED }, true],
    ['if it never came to be', { pid: undefined }, true],
    ['not if it ended by itself', { exit: FAILED }, false],
    ['not if its shim was killed', {}, false],
    ['not if its exit is known, though its pid is not', { pid: undefined, exit: FAILED }, false],
  ])('%s', (_, facts, expected) => {
    expect(isAsked(run({ life: 'dead', ...facts }))).toBe(expected)
  })
})
