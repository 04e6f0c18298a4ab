import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { begun, ended, examine, healthChange, UNTRIED } from '../../src/core/health.ts'
import type { Trial } from '../../src/core/health.ts'
import type { Health } from '../../src/core/process.ts'
import { BOOT_LIMIT_MS, LISTENS } from '../../src/core/rules.ts'
import type { Check, CheckKind, Probe } from '../../src/core/rules.ts'

const COMMAND: Probe = { by: 'command', command: ['x'] }
const HTTP: Probe = { by: 'http', path: '/', headers: {}, content: undefined, port: undefined }

function check(kind: CheckKind, change: Partial<Check> = {}): Check {
  const usual = { attempts: 3, timeoutMs: 1_000, waitMs: 500, initialDelayMs: 0 }
  return { kind, name: kind, probe: COMMAND, ...usual, ...change }
}

interface Try {
  readonly index: number
  readonly begunAt: number
  readonly endedAt: number
  readonly reason: string | undefined
}

/** What a try takes and whether it passes: ms, and a reason if it fails. */
type Behave = (index: number, at: number) => { readonly takes: number; readonly reason?: string }

/** Plays the schedule from 0 to an end, as the prober does, with tries that behave so. */
function play(
  checks: readonly Check[],
  behave: Behave,
  until: number,
  isListening: boolean | undefined = true,
) {
  const trials: Trial[] = checks.map(() => UNTRIED)
  const underWay = new Map<number, { readonly endsAt: number; readonly reason: string | undefined }>()
  const tries: Try[] = []
  const story: { readonly at: number; readonly health: Health }[] = []
  let health: Health = {}
  let now = 0
  let looks = 0
  const end = (index: number, reason: string | undefined): void => {
    tries.push({ index, begunAt: trials[index]?.begunAt ?? -1, endedAt: now, reason })
    underWay.delete(index)
    trials[index] = ended(trials[index] ?? UNTRIED, reason, now)
  }
  while (now <= until) {
    if ((looks += 1) > 20_000) throw new Error('it looks without end')
    for (const [index, { endsAt, reason }] of underWay) if (endsAt <= now) end(index, reason)
    const found = examine({ startedAt: 0, checks, trials, health, isListening: () => isListening }, now)
    for (const index of found.overdue) end(index, 'too slow')
    for (const index of found.begin) {
      if (underWay.has(index)) throw new Error('two tries of one check at once')
      const { takes, reason } = behave(index, now)
      underWay.set(index, { endsAt: now + takes, reason })
      trials[index] = begun(trials[index] ?? UNTRIED, now)
    }
    if (found.begin.length + found.overdue.length > 0) continue
    if (JSON.stringify(found.health) !== JSON.stringify(health)) story.push({ at: now, health: found.health })
    health = found.health
    if (!(found.wakeAt > now)) throw new Error('it would look again at once, for nothing')
    now = Math.min(found.wakeAt, ...[...underWay.values()].map(({ endsAt }) => endsAt))
    if (now === Infinity) break
  }
  return { tries, story, health, looks }
}

const passes: Behave = () => ({ takes: 10 })

describe('startup', () => {
  test('a run without checks is ready at once', () => {
    expect(play([], passes, 100).health).toEqual({ bootedAt: 0, readyAt: 0 })
  })

  test('it is ready when each startup check has passed once, and they are not made again', () => {
    const checks = [check('startup', { initialDelayMs: 50 }), check('startup')]
    const { tries, health } = play(checks, passes, 100_000)
    expect(tries.map(({ index, begunAt }) => [index, begunAt])).toEqual([
      [1, 0],
      [0, 50],
    ])
    expect(health).toEqual({ bootedAt: 60, readyAt: 60 })
  })

  test('a failed one is made again after its wait, and the reason is there from a second on', () => {
    const { tries, story } = play(
      [check('startup', { attempts: 9 })],
      (_, at) => ({ takes: 100, ...(at < 1_500 && { reason: 'not yet' }) }),
      10_000,
    )
    expect(tries.map(({ begunAt }) => begunAt)).toEqual([0, 600, 1_200, 1_800])
    expect(story).toEqual([
      { at: 1_000, health: { reason: 'startup: not yet' } },
      { at: 1_900, health: { bootedAt: 1_900, readyAt: 1_900 } },
    ])
  })

  test('after its attempts it is late, is tried on, and may get ready all the same', () => {
    const { story } = play(
      [check('startup')],
      (_, at) => ({ takes: 0, ...(at < 3_000 && { reason: 'no' }) }),
      10_000,
    )
    expect(story).toEqual([
      { at: 1_000, health: { reason: 'startup: no', late: true } },
      { at: 3_000, health: { bootedAt: 3_000, readyAt: 3_000 } },
    ])
  })

  test('who does not listen for long is asked less and less often, to once a second', () => {
    const { tries } = play([LISTENS], () => ({ takes: 0, reason: 'no' }), 600_000)
    for (const [at, { begunAt }] of tries.entries()) {
      const before = tries[at - 1]?.begunAt ?? -LISTENS.waitMs
      expect(begunAt - before).toBeGreaterThanOrEqual(LISTENS.waitMs)
      expect(begunAt - before).toBeLessThanOrEqual(Math.min(1_000, 2 * LISTENS.waitMs + begunAt / 40))
    }
    expect(tries.filter(({ begunAt }) => begunAt < 60_000).length).toBeLessThan(300)
    expect(tries.length).toBeLessThan(1_000)
  })

  test('who waits as long is looked at in the same moment', () => {
    const dueAt = (startedAt: number): number => {
      const trials = [{ endedAt: 30_020 + startedAt / 3, failures: 9, hasPassed: false }]
      const run = { startedAt, checks: [LISTENS], trials, health: {}, isListening: () => false }
      return examine(run, 30_250).wakeAt
    }
    expect(new Set([0, 12, 345, 678].map(dueAt)).size).toBe(1)
  })

  test('without a limit of attempts it is late at the boot limit', () => {
    const { story } = play([LISTENS], () => ({ takes: 0, reason: 'does not listen on port 5000' }), 70_000)
    const reason = 'does not listen on port 5000'
    expect(story).toEqual([
      { at: 1_000, health: { reason } },
      { at: BOOT_LIMIT_MS, health: { reason, late: true } },
    ])
  })

  test('a readiness check that never passes is late too', () => {
    const { story } = play([check('readiness')], () => ({ takes: 0, reason: 'no' }), 70_000)
    expect(story.at(-1)).toEqual({
      at: BOOT_LIMIT_MS,
      health: { bootedAt: 0, reason: 'readiness: no', late: true },
    })
  })

  test('nobody is asked over HTTP as long as nobody listens, and no attempt is lost on it', () => {
    const { tries, health } = play([check('startup', { probe: HTTP })], passes, 2_000, false)
    expect(tries).toEqual([])
    expect(health).toEqual({ reason: 'startup: nobody listens yet' })
  })

  test('over HTTP it is asked at once where somebody listens, or nobody can tell', () => {
    for (const isListening of [true, undefined]) {
      const { tries } = play([check('startup', { probe: HTTP })], passes, 2_000, isListening)
      expect(tries.map(({ begunAt }) => begunAt)).toEqual([0])
    }
  })

  test('a command is run whether somebody listens or not', () => {
    expect(play([check('startup')], passes, 2_000, false).health).toEqual({ bootedAt: 10, readyAt: 10 })
  })

  test('all times count from its start', () => {
    const checks = [check('startup', { initialDelayMs: 700 })]
    const look = (now: number, trial: Trial = UNTRIED) =>
      examine({ startedAt: 50_000, checks, trials: [trial], health: {}, isListening: () => true }, now)
    expect(look(50_600)).toEqual({ begin: [], overdue: [], wakeAt: 50_700, health: {} })
    expect(look(50_700).begin).toEqual([0])
    const failed = ended(UNTRIED, 'no', 50_900)
    expect(look(50_999, failed)).toEqual({ begin: [], overdue: [], wakeAt: 51_000, health: {} })
    expect(look(51_000, failed).health).toEqual({ reason: 'startup: no' })
    expect(look(50_000 + BOOT_LIMIT_MS - 1, failed).health).toEqual({ reason: 'startup: no' })
    expect(look(50_000 + BOOT_LIMIT_MS, failed).health).toEqual({ reason: 'startup: no', late: true })
  })

  test('it is looked at when its time to get ready is over, though nothing is to be tried then', () => {
    const checks = [check('startup', { waitMs: 1e9 })]
    const trials = [ended(UNTRIED, 'no', 50_900)]
    const found = examine({ startedAt: 50_000, checks, trials, health: {}, isListening: () => true }, 51_000)
    expect(found.wakeAt).toBe(50_000 + BOOT_LIMIT_MS)
  })

  test.each<[string, Check, boolean]>([
    ['somebody listens and has not answered yet', check('startup', { probe: HTTP, timeoutMs: 9_000 }), true],
    ['a command is under way', check('startup', { timeoutMs: 9_000 }), false],
  ])('there is no reason while %s', (_, one, isListening) => {
    expect(play([one], () => ({ takes: 5_000 }), 3_000, isListening).health).toEqual({})
  })

  test('the reason is what is not met, of several', () => {
    const checks = [check('startup', { probe: { by: 'uptime', ms: 500 } }), check('startup', { attempts: 9 })]
    const behave: Behave = (index) => ({ takes: 0, ...(index === 1 && { reason: 'no' }) })
    expect(play(checks, behave, 3_000).health).toEqual({ reason: 'startup: no' })
  })

  test('uptime is met by time alone, once', () => {
    const { story, looks } = play(
      [check('startup', { probe: { by: 'uptime', ms: 3_000 } })],
      () => ({ takes: 0 }),
      100_000,
    )
    expect(story).toEqual([
      { at: 1_000, health: { reason: 'has to be up for 3 s' } },
      { at: 3_000, health: { bootedAt: 3_000, readyAt: 3_000 } },
    ])
    expect(looks).toBeLessThan(10)
  })
})

describe('readiness', () => {
  test('it is lost after so many failures in a row, no sooner, and regained by one success', () => {
    const bad = (at: number): boolean => (at > 2_000 && at < 2_900) || (at > 5_000 && at < 8_000)
    const { story } = play(
      [check('readiness')],
      (_, at) => ({ takes: 0, ...(bad(at) && { reason: 'no' }) }),
      10_000,
    )
    expect(story).toEqual([
      { at: 0, health: { bootedAt: 0, readyAt: 0 } },
      { at: 6_500, health: { bootedAt: 0, lostAt: 6_500, reason: 'readiness: no' } },
      { at: 8_000, health: { bootedAt: 0, readyAt: 8_000 } },
    ])
  })

  test('uptime makes ready, too', () => {
    const { story } = play([check('readiness', { probe: { by: 'uptime', ms: 3_000 } })], passes, 10_000)
    expect(story.at(-1)).toEqual({ at: 3_010, health: { bootedAt: 0, readyAt: 3_010 } })
  })

  test('why it was lost is said at once', () => {
    const checks = [check('readiness', { attempts: 1 })]
    const patient = { startedAt: 0, checks, isListening: () => true, health: { bootedAt: 0, readyAt: 0 } }
    expect(examine({ ...patient, trials: [ended(UNTRIED, 'no', 90)] }, 100).health).toEqual({
      bootedAt: 0,
      lostAt: 100,
      reason: 'readiness: no',
    })
  })

  test('what was lost is never late', () => {
    const { health } = play(
      [check('readiness')],
      (_, at) => ({ takes: 0, ...(at > 1_000 && { reason: 'no' }) }),
      200_000,
    )
    expect(health).toEqual({ bootedAt: 0, lostAt: expect.any(Number) as number, reason: 'readiness: no' })
  })

  test('a new supervisor, which knows no try, keeps what is on disk', () => {
    const health: Health = { bootedAt: 5, readyAt: 7 }
    const checks = [check('startup'), check('readiness'), check('liveness')]
    const trials = checks.map(() => UNTRIED)
    const found = examine({ startedAt: 0, checks, trials, health, isListening: () => true }, 9)
    expect(found.health).toEqual(health)
    expect(found.begin).toEqual([1, 2])
  })

  test.each<Health>([
    { bootedAt: 5, readyAt: 7, failed: 'liveness: no' },
    { bootedAt: 5, lostAt: 9 },
    { late: true },
  ])('also where that is %j', (health) => {
    const checks = [check('startup'), check('readiness'), check('liveness')]
    const trials = checks.map(() => UNTRIED)
    const found = examine({ startedAt: 0, checks, trials, health, isListening: () => true }, 900)
    expect(found.health).toEqual(health)
  })
})

describe('liveness', () => {
  test('it is asked after the start only, and its failure is for good', () => {
    const checks = [check('startup', { initialDelayMs: 700 }), check('liveness', { name: 'pulse' })]
    const { tries, health } = play(
      checks,
      (index, at) => ({ takes: 0, ...(index === 1 && at > 2_000 && { reason: 'no' }) }),
      60_000,
    )
    expect(tries.find(({ index }) => index === 1)?.begunAt).toBe(700)
    expect(health).toEqual({ bootedAt: 700, failed: 'pulse: no, 3 times in a row', readyAt: 700 })
    expect(tries.at(-1)?.endedAt).toBe(3_200)
  })

  test('one at whose port nobody listens any more has failed', () => {
    const refuses: Behave = () => ({ takes: 0, reason: 'nobody listens' })
    const { health } = play([check('liveness', { probe: HTTP })], refuses, 60_000, false)
    expect(health.failed).toBe('liveness: nobody listens, 3 times in a row')
  })

  test('one that answers too late has failed', () => {
    const { tries, health } = play([check('liveness', { attempts: 1 })], () => ({ takes: 5_000 }), 60_000)
    expect(tries).toEqual([{ index: 0, begunAt: 0, endedAt: 1_000, reason: 'too slow' }])
    expect(health.failed).toBe('liveness: too slow')
  })
})

test('only what changes is worth a word', () => {
  expect(healthChange({}, { readyAt: 1 })).toBeUndefined()
  expect(healthChange({}, { reason: 'x' })).toBeUndefined()
  expect(healthChange({ reason: 'x' }, { reason: 'x', late: true })).toBe('late')
  expect(healthChange({ late: true }, { late: true, reason: 'y' })).toBeUndefined()
  expect(healthChange({ readyAt: 1 }, { lostAt: 2 })).toBe('lost')
  expect(healthChange({ lostAt: 2 }, { readyAt: 3 })).toBe('regained')
  expect(healthChange({ readyAt: 1 }, { readyAt: 1, failed: 'x' })).toBeUndefined()
  expect(healthChange({ lostAt: 2 }, { lostAt: 2, reason: 'x' })).toBeUndefined()
})

const checks = fc.array(
  fc.record({
    kind: fc.constantFrom<CheckKind>('startup', 'readiness', 'liveness'),
    attempts: fc.integer({ min: 1, max: 4 }),
    timeoutMs: fc.integer({ min: 1, max: 50 }),
    waitMs: fc.integer({ min: 1, max: 50 }),
    initialDelayMs: fc.integer({ min: 0, max: 100 }),
    probe: fc.constantFrom<Probe>(COMMAND, HTTP, { by: 'uptime', ms: 40 }),
  }),
  { maxLength: 4 },
)
const behaviours = fc.array(fc.record({ takes: fc.integer({ min: 0, max: 80 }), isGood: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
})

test('whatever the checks do: one try at a time, apart, in time, and the verdict follows from the tries', () => {
  fc.assert(
    fc.property(checks, behaviours, (rules, acts) => {
      const all = rules.map((rule) => ({ name: 'x', ...rule }))
      let serial = 0
      const { tries, story, health } = play(
        all,
        (index) => {
          const { takes, isGood } = acts[(serial += 1) % acts.length] ?? { takes: 0, isGood: true }
          // Time alone decides of uptime.
          if (all[index]?.probe.by === 'uptime') return { takes: 0 }
          return { takes, ...(!isGood && { reason: 'no' }) }
        },
        600,
      )
      const bootedAt = health.bootedAt ?? Infinity
      for (const [index, one] of all.entries()) {
        const own = tries.filter((other) => other.index === index)
        for (const [at, { begunAt, endedAt }] of own.entries()) {
          const before = own[at - 1]
          expect(endedAt - begunAt).toBeLessThanOrEqual(one.timeoutMs)
          expect(begunAt).toBeGreaterThanOrEqual(one.probe.by === 'uptime' ? 40 : one.initialDelayMs)
          expect(begunAt - (before?.endedAt ?? -Infinity)).toBeGreaterThanOrEqual(one.waitMs)
          expect(one.kind === 'startup' || begunAt >= bootedAt).toBe(true)
        }
        const passed = own.some(({ reason }) => reason === undefined)
        expect(one.kind !== 'startup' || passed || health.bootedAt === undefined).toBe(true)
        let row = 0
        let longest = 0
        for (const { reason } of own) longest = Math.max(longest, (row = reason === undefined ? 0 : row + 1))
        expect(one.kind !== 'liveness' || longest < one.attempts || health.failed !== undefined).toBe(true)
      }
      for (const { health: then } of story) {
        expect(then.readyAt === undefined || then.bootedAt !== undefined).toBe(true)
        expect(then.readyAt === undefined || then.reason === undefined).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})
