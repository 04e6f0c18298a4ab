import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  beginOrCarryOn,
  codeOfReason,
  generationOf,
  isPast,
  isUnfinished,
  replace,
  SESSION_VERSION,
} from '../../src/core/session.ts'
import type { Asked, Ending, Reason, Session, Stage } from '../../src/core/session.ts'
import { stagesAfter } from '../../src/core/stages.ts'

const PLACE = { bootId: 'this boot', pidNamespace: 'pid:[1]', beganAt: 1_000 }
const FEW = { numRuns: 50 }
const HERE = { ...PLACE, id: 'new' }
const ENDING: Ending = { code: 130, reason: { kind: 'signal', signal: 'SIGINT' }, hurried: false }

const INTERRUPTED: Session = {
  version: SESSION_VERSION,
  id: 'old',
  ...PLACE,
  stages: ['release', 'formation'],
  types: [{ name: 'web', command: 'node old.js', line: 1 }],
  counts: { web: 1 },
  generations: { web: 4, 'web.2': 3 },
  stopped: ['web.1'],
  isDetached: false,
  hasRouter: false,
  flags: { port: '6000' },
  ending: undefined,
  over: false,
}

const ASKED: Asked = {
  types: [{ name: 'web', command: 'node new.js', line: 2 }],
  counts: { web: 3, worker: 2 },
  stages: ['formation'],
  isDetached: true,
  hasRouter: false,
  flags: { restart: 'always', types: ['web'] },
}

describe('a session that was interrupted', () => {
  test('is carried on where it stood, as it is now asked for and with nothing kept down', () => {
    const { session, carriedOn } = beginOrCarryOn(INTERRUPTED, ASKED, HERE, { web: 9 })
    expect(carriedOn).toBe(true)
    const { types, counts, isDetached, flags } = ASKED
    expect(session).toEqual({ ...INTERRUPTED, types, counts, isDetached, flags, stopped: [] })
  })

  test('comes back to a terminal, and forgets the options of before', () => {
    const asked = { ...ASKED, isDetached: false, flags: {} }
    const previous = { ...INTERRUPTED, isDetached: true }
    const { session } = beginOrCarryOn(previous, asked, HERE, {})
    expect(session).toMatchObject({ isDetached: false, flags: {} })
    expect(session.flags).toEqual({})
  })

  test('is revived as it was: scaled, with what was stopped kept down, and with its own options', () => {
    const previous = { ...INTERRUPTED, isDetached: true }
    const { session, carriedOn } = beginOrCarryOn(previous, { ...ASKED, isRevival: true }, HERE, { web: 9 })
    expect({ session, carriedOn }).toEqual({ session: previous, carriedOn: true })
  })

  test('while it was ending is carried on to its end, whatever is asked for', () => {
    const previous = { ...INTERRUPTED, ending: ENDING }
    const { session, carriedOn } = beginOrCarryOn(previous, ASKED, HERE, { web: 9 })
    expect({ session, carriedOn }).toEqual({ session: previous, carriedOn: true })
  })
})

describe('stages that are asked for', () => {
  const stages = ['release', 'formation'] as const
  const serving: Session = { ...INTERRUPTED, stages: ['formation'] }

  test('come too late where the formation is carried on', () => {
    expect(isPast(stages, serving, PLACE)).toBe(true)
  })

  test.each<[string, readonly Stage[], Session | undefined]>([
    ['none is asked for', ['formation'], serving],
    ['there was no session', stages, undefined],
    ['it is carried on within a stage', stages, INTERRUPTED],
    ['it was ending, which comes first', stages, { ...serving, ending: ENDING }],
    ['it is over', stages, { ...serving, over: true }],
    ['it is of another boot', stages, { ...serving, bootId: 'x' }],
  ])('do not where %s', (_, asked, previous) => {
    expect(isPast(asked, previous, PLACE)).toBe(false)
  })
})

describe('a session of nothing but stages', () => {
  const stages = ['build', 'release', 'formation'] as const
  const none = { web: 0, worker: 0 }
  const begun = (change: Partial<Asked>): readonly Stage[] =>
    beginOrCarryOn(undefined, { ...ASKED, stages, ...change }, HERE, {}).session.stages
  const goesOn = (previous: Session, change: Partial<Asked>): readonly Stage[] =>
    beginOrCarryOn(previous, { ...ASKED, stages, ...change }, HERE, {}).session.stages

  test('is one that was begun with nothing to run after them', () => {
    expect(begun({ counts: none })).toEqual(['build', 'release'])
    expect(begun({ counts: none, hasRouter: true })).toEqual(['build', 'release'])
  })

  test.each<[string, Partial<Asked>]>([
    ['where something runs', {}],
    ['where a command comes after them', { counts: none, isFixture: true }],
  ])('is not one %s', (_, change) => {
    expect(begun(change)).toEqual(stages)
  })

  test('is not one without a stage', () => {
    expect(begun({ counts: none, stages: ['formation'] })).toEqual(['formation'])
  })

  const stagesOnly: Session = { ...INTERRUPTED, stages: ['release'], counts: none }
  test.each<[string, Partial<Session>, Partial<Asked>, readonly Stage[]]>([
    ['nothing is asked for now', {}, { counts: none }, ['release']],
    ['something is', {}, {}, ['release', 'formation']],
    ['a command comes after it', {}, { counts: none, isFixture: true }, ['release', 'formation']],
    ['no counts are asked for', {}, { counts: none, keepsCounts: true }, ['release']],
    ['it is revived', {}, { isRevival: true }, ['release']],
    ['nothing more is asked for', { stages: ['release', 'formation'] }, { counts: none }, ['release']],
  ])('killed within one, goes on as it is asked for: %s', (_, was, change, expected) => {
    expect(goesOn({ ...stagesOnly, ...was }, change)).toEqual(expected)
  })

  test.each<[string, readonly Stage[]]>([
    ['within a stage', ['release', 'formation']],
    ['after the stages', ['formation']],
  ])('is none of what was scaled to nothing %s, killed or not', (_, left) => {
    const scaled: Session = { ...INTERRUPTED, stages: left, counts: none }
    expect(goesOn(scaled, { counts: none, keepsCounts: true })).toEqual(left)
    expect(goesOn(scaled, { isRevival: true })).toEqual(left)
  })

  test('is over after the last, unless something was asked for meanwhile', () => {
    expect(stagesAfter({ ...stagesOnly, stages: ['build', 'release'] })).toEqual(['release'])
    expect(stagesAfter(stagesOnly)).toEqual([])
    expect(stagesAfter({ ...stagesOnly, counts: { web: 1 } })).toEqual(['formation'])
    expect(stagesAfter({ ...stagesOnly, stages: ['release', 'formation'] })).toEqual(['formation'])
  })
})

describe('a new session begins', () => {
  test.each<[string, Session | undefined]>([
    ['where there was none', undefined],
    ['after one that is over', { ...INTERRUPTED, ending: ENDING, over: true }],
    ['after the machine was booted', { ...INTERRUPTED, bootId: 'another boot' }],
    ['in another container', { ...INTERRUPTED, pidNamespace: 'pid:[2]' }],
    [
      'after the machine was booted, though the old one was ending',
      { ...INTERRUPTED, bootId: 'x', ending: ENDING },
    ],
  ])('%s', (_, previous) => {
    const { session, carriedOn } = beginOrCarryOn(previous, ASKED, HERE, { web: 9, worker: 1 })
    expect(carriedOn).toBe(false)
    expect(session).toEqual({
      version: SESSION_VERSION,
      ...HERE,
      ...ASKED,
      generations: { web: 10, worker: 2 },
      stopped: [],
      ending: undefined,
      over: false,
    })
  })

  test('of a newer generation than every run there is', () => {
    const { session } = beginOrCarryOn(undefined, ASKED, HERE, { web: 9 })
    expect(generationOf(session, 'web', 'web.1')).toBe(10)
    expect(generationOf(session, 'worker', 'worker.1')).toBe(1)
  })

  test('in which no process is ahead of the others of its type', () => {
    const { session } = beginOrCarryOn({ ...INTERRUPTED, over: true }, ASKED, HERE, { web: 9 })
    expect(generationOf(session, 'web', 'web.2')).toBe(generationOf(session, 'web', 'web.1'))
  })
})

test.each<[string, Session, boolean]>([
  ['that is neither over nor of another place', INTERRUPTED, true],
  ['that is ending', { ...INTERRUPTED, ending: ENDING }, true],
  ['that is over', { ...INTERRUPTED, over: true }, false],
  ['of another boot', { ...INTERRUPTED, bootId: 'x' }, false],
  ['of another pid namespace', { ...INTERRUPTED, pidNamespace: 'x' }, false],
])('a session %s is unfinished: %o %s', (_, session, expected) => {
  expect(isUnfinished(session, PLACE)).toBe(expected)
})

/** Names that a Procfile may have and that objects have too. */
const TYPE = fc.constantFrom('web', 'worker', 'constructor', 'toString', 'hasOwnProperty', '__proto__')

describe('replacing a type', () => {
  test('raises the generation of that type alone', () => {
    const session = replace({ ...INTERRUPTED, generations: { web: 4, worker: 2, 'web.1': 1 } }, ['web'])
    expect(session.generations).toEqual({ web: 5, worker: 2, 'web.1': 1 })
  })

  test('raises it from 1 if it never had one', () => {
    expect(generationOf(replace(INTERRUPTED, ['clock']), 'clock', 'clock.1')).toBe(2)
  })

  test('changes nothing else, and not the session it was given', () => {
    const before = structuredClone(INTERRUPTED)
    expect({ ...replace(INTERRUPTED, ['web']), generations: {} }).toEqual({ ...before, generations: {} })
    expect(INTERRUPTED).toEqual(before)
  })

  test('counts for every name that a type may have', () => {
    fc.assert(
      fc.property(fc.array(TYPE, { maxLength: 8 }), (types) => {
        let session = INTERRUPTED
        for (const type of types) {
          const before = generationOf(session, type, `${type}.1`)
          session = replace(session, [type])
          expect(generationOf(session, type, `${type}.1`)).toBe(before + 1)
        }
        const stored = JSON.parse(JSON.stringify(session)) as Session
        for (const type of types) {
          const id = `${type}.1` as const
          expect(generationOf(stored, type, id)).toBe(generationOf(session, type, id))
        }
      }),
      FEW,
    )
  })
})

describe('replacing a process', () => {
  const generations = (session: Session): number[] =>
    [1, 2, 3].map((instance) => generationOf(session, 'web', `web.${instance}`))

  test('raises its generation alone', () => {
    expect(generations(INTERRUPTED)).toEqual([4, 7, 4])
    expect(generations(replace(INTERRUPTED, ['web.1']))).toEqual([5, 7, 4])
    expect(generations(replace(INTERRUPTED, ['web.2']))).toEqual([4, 8, 4])
  })

  test('raises it above 1 if its type never had one', () => {
    const session = replace({ ...INTERRUPTED, generations: {} }, ['web.2'])
    expect(generations(session)).toEqual([1, 2, 1])
  })

  test('adds to what its type has, and its type to it', () => {
    expect(generations(replace(INTERRUPTED, ['web', 'web.3']))).toEqual([5, 8, 6])
    expect(generations(replace(INTERRUPTED, ['web.3', 'web']))).toEqual([5, 8, 6])
  })

  test('is told apart from its type, which may have no number yet', () => {
    const session = replace(INTERRUPTED, ['worker.1'])
    expect(generationOf(session, 'worker', 'worker.2')).toBe(1)
    expect(session.generations).toEqual({ ...INTERRUPTED.generations, 'worker.1': 1 })
  })

  test('of whatever names and in whatever order makes every generation named newer and no other', () => {
    const name = fc.oneof(
      TYPE,
      fc.tuple(TYPE, fc.integer({ min: 1, max: 3 })).map(([type, n]) => `${type}.${n}`),
    )
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 6 }), (names) => {
        const session = replace(INTERRUPTED, names)
        for (const type of ['web', 'constructor', '__proto__']) {
          for (const id of [`${type}.1`, `${type}.2`] as const) {
            const raised = [type, id].filter((one) => names.includes(one)).length
            const before = generationOf(INTERRUPTED, type, id)
            expect(generationOf(session, type, id)).toBe(before + raised)
          }
        }
      }),
      FEW,
    )
  })
})

describe('a run that ends for a reason ends with its code', () => {
  test.each<[Reason, number]>([
    [{ kind: 'signal', signal: 'SIGINT' }, 130],
    [{ kind: 'signal', signal: 'SIGTERM' }, 143],
    [{ kind: 'signal', signal: 'SIGHUP' }, 129],
    [{ kind: 'reader-gone' }, 141],
    [{ kind: 'state-gone' }, 1],
    [{ kind: 'all-exited' }, 0],
    [{ kind: 'asked' }, 0],
    [{ kind: 'exit', process: 'web.1', exit: { kind: 'code', code: 7 } }, 7],
    [{ kind: 'exit', process: 'web.1', exit: { kind: 'signal', signal: 'SIGKILL' } }, 137],
    [{ kind: 'exit', process: 'web.1', exit: { kind: 'lost', why: 'shim' } }, 1],
  ])('%o', (reason, code) => {
    expect(codeOfReason(reason)).toBe(code)
  })
})

test('an interrupted session keeps its counts, and what was stopped, if none are asked for', () => {
  const asked = { ...ASKED, counts: { web: 1, worker: 1 }, keepsCounts: true }
  const scaled = { ...INTERRUPTED, counts: { web: 7 } }
  const { session } = beginOrCarryOn(scaled, asked, HERE, {})
  expect(session.counts).toEqual({ web: 7, worker: 1 })
  expect(session.stopped).toEqual(['web.1'])
})

test('a session that is carried on keeps nothing of a type that the Procfile does not have any more', () => {
  const asked = { ...ASKED, counts: { web: 1, jobs: 1 }, keepsCounts: true }
  const scaled: Session = {
    ...INTERRUPTED,
    counts: { worker: 2, web: 7 },
    stopped: ['worker.2', 'web.1', 'router.1'],
  }
  const { session } = beginOrCarryOn(scaled, asked, HERE, {})
  expect(Object.entries(session.counts)).toEqual([
    ['web', 7],
    ['jobs', 1],
  ])
  expect(session.stopped).toEqual(['web.1', 'router.1'])
})
