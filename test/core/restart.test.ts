import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { End, Exit, RestartPolicy } from '../../src/core/process.ts'
import { afterEnd, delayBefore, HEALTHY_AFTER_MS } from '../../src/core/restart.ts'

const FAILED: Exit = { kind: 'code', code: 1 }
const WELL: Exit = { kind: 'code', code: 0 }
const REFUSED: Exit = { kind: 'unstarted', message: 'too many open files', again: true }
const HOPELESS: Exit = { kind: 'unstarted', message: 'the folder is gone', again: false }
const UNBORN: Exit = { kind: 'unstarted', message: 'tw-run was killed before it could', again: true }

/** Runs of one generation, one after the other, each a second long and without jitter. */
function history(...ends: (Exit | (Partial<End> & { exit: Exit }))[]): End[] {
  return ends.map((one, index) => {
    const given = 'exit' in one ? one : { exit: one }
    const startedAt = index * 100_000
    const endedAt = startedAt + 1_000
    return { run: index + 1, generation: 1, startedAt, endedAt, asked: false, jitter: 0, ...given }
  })
}

/** "leave", "give-up", or how long after its end (ms) the process is started again. */
function verdict(policy: RestartPolicy, ends: readonly End[]): string | number {
  const next = afterEnd(policy, ends)
  return next.next === 'retry' ? next.at - (ends.at(-1)?.endedAt ?? 0) : next.next
}

const always: RestartPolicy = { when: 'always' }
const onFailure: RestartPolicy = { when: 'on-failure' }
const no: RestartPolicy = { when: 'no' }
const upTo = (limit: number): RestartPolicy => ({ when: 'on-failure', limit })

describe('the delay before a restart', () => {
  test.each([
    [0, 0],
    [1, 0],
    [2, 1_000],
    [3, 2_000],
    [4, 4_000],
    [5, 8_000],
    [6, 16_000],
    [7, 32_000],
    [8, 60_000],
    [9, 60_000],
    [100, 60_000],
    [5_000, 60_000],
  ])('after %i short runs in a row is %i ms', (streak, delay) => {
    expect(delayBefore(streak, 0)).toBe(delay)
  })

  test('is stretched by its jitter, by a quarter at most, and never shortened', () => {
    const streaks = fc.nat(40)
    const jitters = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(streaks, jitters, (streak, jitter) => {
        const delay = delayBefore(streak, 0)
        expect(delayBefore(streak, jitter)).toBeGreaterThanOrEqual(delay)
        expect(delayBefore(streak, jitter)).toBeLessThanOrEqual(delay * 1.25)
      }),
    )
    expect(delayBefore(3, 0.5)).toBe(2_250)
    expect(delayBefore(9, 1)).toBe(75_000)
  })

  test('follows from the history alone: 0, 1, 2, 4 ... 60 s for a process that fails again and again', () => {
    const ends = history(...Array.from({ length: 9 }, () => ({ exit: FAILED })))
    const delays = ends.map((_, index) => verdict(always, ends.slice(0, index + 1)))
    expect(delays).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  })

  test('is stretched by the jitter of the last end', () => {
    expect(verdict(always, history(FAILED, FAILED, { exit: FAILED, jitter: 0.5 }))).toBe(2_250)
  })
})

describe('the policy says whether a process that ended by itself is started again', () => {
  test.each<[string, RestartPolicy, Exit, string | number]>([
    ['no leaves a failure', no, FAILED, 'leave'],
    ['no leaves a good end', no, WELL, 'leave'],
    ['on-failure leaves a good end', onFailure, WELL, 'leave'],
    ['on-failure retries a failure', onFailure, FAILED, 0],
    ['on-failure retries a death by a signal', onFailure, { kind: 'signal', signal: 'SIGSEGV' }, 0],
    ['on-failure retries an end nobody saw', onFailure, { kind: 'lost', why: 'shim' }, 0],
    ['on-failure retries what could not start', onFailure, HOPELESS, 0],
    ['always retries a failure', always, FAILED, 0],
    ['always retries a good end', always, WELL, 0],
    ['no leaves what cannot start', no, HOPELESS, 'leave'],
    ['on-failure:1 retries a first failure', upTo(1), FAILED, 0],
    ['on-failure:1 leaves a good end', upTo(1), WELL, 'leave'],
  ])('%s', (_, policy, exit, expected) => {
    expect(verdict(policy, history(exit))).toBe(expected)
  })

  test('a process that never ended is left as it is', () => {
    expect(verdict(always, [])).toBe('leave')
  })
})

describe('on-failure:N', () => {
  test.each([1, 2, 5])('tries %i restarts in a row, then gives up', (limit) => {
    const fails = (count: number): End[] =>
      history(...Array.from({ length: count }, () => ({ exit: FAILED })))
    expect(verdict(upTo(limit), fails(limit))).toBeTypeOf('number')
    expect(verdict(upTo(limit), fails(limit + 1))).toBe('give-up')
  })

  test('does not count refusals, which are no end of the process', () => {
    expect(verdict(upTo(1), history(REFUSED, REFUSED, FAILED))).toBe(2_000)
    expect(verdict(upTo(1), history(REFUSED, FAILED, REFUSED, FAILED))).toBe('give-up')
  })

  test('does not count a start over which tw-run was killed', () => {
    const unborn = { exit: UNBORN, asked: true }
    expect(verdict(upTo(1), history(unborn, FAILED))).toBe(1_000)
  })
})

describe('the count of failures in a row begins anew', () => {
  const longer = (ms: number): Partial<End> & { exit: Exit } => ({ exit: FAILED, startedAt: 0, endedAt: ms })

  test('after a healthy run, which is itself the first of nothing', () => {
    expect(verdict(always, history(FAILED, FAILED, FAILED, longer(HEALTHY_AFTER_MS)))).toBe(0)
    expect(verdict(always, history(FAILED, FAILED, longer(HEALTHY_AFTER_MS), FAILED))).toBe(0)
    expect(verdict(upTo(1), history(FAILED, longer(HEALTHY_AFTER_MS), FAILED))).toBe(0)
  })

  test('not after one that lasted a moment less', () => {
    expect(verdict(always, history(FAILED, FAILED, longer(HEALTHY_AFTER_MS - 1)))).toBe(2_000)
  })

  test('with a new generation, also back to an older one', () => {
    const second = { exit: FAILED, generation: 2 }
    expect(verdict(always, history(FAILED, FAILED, FAILED, second))).toBe(0)
    expect(verdict(upTo(1), history(FAILED, FAILED, second))).toBe(0)
    expect(verdict(always, history(FAILED, FAILED, second, FAILED))).toBe(0)
  })

  test('after a stop that was asked for', () => {
    expect(verdict(always, history(FAILED, FAILED, { exit: FAILED, asked: true }, FAILED))).toBe(0)
  })

  test('not after a start over which tw-run was killed: that must not make it forget a crash loop', () => {
    const unborn = { exit: UNBORN, asked: true }
    expect(verdict(always, history(FAILED, FAILED, FAILED, unborn, FAILED))).toBe(8_000)
  })
})

describe('a refusal by the kernel', () => {
  test.each<RestartPolicy>([no, onFailure, upTo(1), always])('is retried under %o, and paced', (policy) => {
    expect(verdict(policy, history(REFUSED))).toBe(1_000)
    expect(verdict(policy, history(REFUSED, REFUSED))).toBe(2_000)
    expect(verdict(policy, history(...Array.from({ length: 20 }, () => REFUSED)))).toBe(60_000)
  })
})

describe('a start over which tw-run, or the shim, was killed', () => {
  const unborn = { exit: UNBORN, asked: true }

  test.each<RestartPolicy>([no, onFailure, upTo(1), always])('is repeated at once under %o', (policy) => {
    expect(verdict(policy, history(unborn))).toBe(0)
  })

  test('is paced when it happens again and again', () => {
    expect(verdict(no, history(unborn, unborn))).toBe(1_000)
    expect(verdict(no, history(unborn, unborn, unborn))).toBe(2_000)
  })
})

test('every history has an answer, and no answer lies before the last end', () => {
  const end = fc.record({
    run: fc.nat(50),
    generation: fc.nat(3),
    exit: fc.constantFrom(FAILED, WELL, REFUSED, HOPELESS, UNBORN),
    startedAt: fc.nat(100_000),
    endedAt: fc.nat(200_000),
    asked: fc.boolean(),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const policy = fc.constantFrom(no, onFailure, upTo(1), upTo(3), always)
  fc.assert(
    fc.property(policy, fc.array(end, { minLength: 1, maxLength: 12 }), (which, ends) => {
      const next = verdict(which, ends)
      const isAnswer = typeof next === 'number' ? next >= 0 && next <= 75_000 : next !== ''
      expect(isAnswer).toBe(true)
    }),
  )
})
