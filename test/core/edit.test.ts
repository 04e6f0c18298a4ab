import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expandIds, restart, scale, stop, targetsOf, withoutStopped } from '../../src/core/edit.ts'
import type { Edit, Edited } from '../../src/core/edit.ts'
import { formatFormation } from '../../src/core/formation.ts'
import { processId } from '../../src/core/names.ts'
import type { ProcessId } from '../../src/core/names.ts'
import { generationOf } from '../../src/core/session.ts'
import type { Session } from '../../src/core/session.ts'

const TYPES = ['web', 'worker', 'my-job', 'release']

const SESSION: Session = {
  version: 1,
  id: 'this',
  bootId: 'boot',
  pidNamespace: 'pid:[1]',
  beganAt: 0,
  stages: ['formation'],
  types: [],
  counts: { web: 2, worker: 1, 'my-job': 0, release: 0 },
  generations: { web: 3 },
  stopped: [],
  isDetached: true,
  hasRouter: false,
  flags: { port: '6000' },
  ending: undefined,
  over: false,
}

const FEW = { numRuns: 40 }

function of(change: Partial<Session>): Session {
  return { ...SESSION, ...change }
}

/** What an edit does, or why it does not. */
function edited(edit: Edit): Edited {
  if ('problems' in edit) throw new Error(edit.problems.map(({ message }) => message).join('; '))
  return edit
}

function problemsOf(edit: object): string[] {
  if (!('problems' in edit)) return []
  return (edit.problems as { message: string; hint?: string }[]).map((one) => `${one.message} / ${one.hint}`)
}

function printed({ counts }: Session, types = TYPES): string {
  return formatFormation(new Map(types.map((type) => [type, counts[type] ?? 0])))
}

describe('scale sets and changes counts, and says what it changed', () => {
  test.each<[string[], string, string[]]>([
    [['web=3'], 'web=3,worker=1,my-job=0', ['web: 2 -> 3']],
    [['web=3', 'worker=2'], 'web=3,worker=2,my-job=0', ['web: 2 -> 3', 'worker: 1 -> 2']],
    [['worker=2,web=3'], 'web=3,worker=2,my-job=0', ['web: 2 -> 3', 'worker: 1 -> 2']],
    [['web+1'], 'web=3,worker=1,my-job=0', ['web: 2 -> 3']],
    [['web-2', 'my-job+1'], 'web=0,worker=1,my-job=1', ['web: 2 -> 0', 'my-job: 0 -> 1']],
    [['all=0'], 'web=0,worker=0,my-job=0', ['web: 2 -> 0', 'worker: 1 -> 0']],
    [['all=1', 'web+1'], 'web=3,worker=1,my-job=1', ['web: 2 -> 3', 'my-job: 0 -> 1']],
    [['web=2'], 'web=2,worker=1,my-job=0', ['nothing to change: web=2,worker=1,my-job=0']],
    [['web+0'], 'web=2,worker=1,my-job=0', ['nothing to change: web=2,worker=1,my-job=0']],
    [[], 'web=2,worker=1,my-job=0', ['nothing to change: web=2,worker=1,my-job=0']],
  ])('%j', (words, formation, lines) => {
    const { session, lines: said } = edited(scale(SESSION, words, TYPES))
    expect(printed(session)).toBe(formation)
    expect(said).toEqual(lines)
    expect({ ...session, counts: SESSION.counts, generations: SESSION.generations }).toEqual(SESSION)
  })

  test.each<[string[], string[]]>([
    [['worker-2'], ['"worker-2": only 1 of it in the formation / undefined']],
    [['web+9999'], ['"web": at most 9999 of one type / undefined']],
    [
      ['release=1'],
      [
        '"release" is a stage: it runs to completion and is never part of the formation / run it with: tw-run run release',
      ],
    ],
    [
      ['wbe=1', 'web=x', 'worker-2'],
      [
        'unknown process type "wbe" / did you mean "web"? (process types: web, worker, my-job)',
        '"web=x": the count is no whole number from 0 to 9999 / write web=2',
        '"worker-2": only 1 of it in the formation / undefined',
      ],
    ],
    [['web+1', 'web+1'], ['"web" is set twice, the second time by "web+1" / undefined']],
  ])('%j changes nothing, and every fault in it is named', (words, problems) => {
    expect(problemsOf(scale(SESSION, words, TYPES))).toEqual(problems)
  })
})

describe('scale starts again what was stopped', () => {
  const stopped: ProcessId[] = ['web.1', 'worker.1']

  test.each<[string[], ProcessId[]]>([
    [['web=2'], ['worker.1']],
    [['web+1'], ['worker.1']],
    [['web-1'], ['worker.1']],
    [['all=1'], []],
    [['all=1', 'web=2'], []],
    [['my-job=1'], stopped],
    [[], stopped],
  ])('of the types it names: %j leaves %j down', (words, left) => {
    expect(edited(scale(of({ stopped }), words, TYPES)).session.stopped).toEqual(left)
  })

  test.each<[string[], string[]]>([
    [['web=1'], ['web: 2 -> 1']],
    [['web=0'], ['web: 2 -> 0']],
    [['web=2'], ['starting again: web.2']],
    [['web=3'], ['web: 2 -> 3', 'starting again: web.2']],
  ])('and not what it takes away: %j says %j', (words, said) => {
    const { session, lines } = edited(scale(of({ stopped: ['web.2'] }), words, TYPES))
    expect(lines).toEqual(said)
    expect(session.stopped).toEqual([])
  })
})

describe('scale starts what it brings, whatever became of it before', () => {
  const newer = (before: Session, words: string[]): string[] => {
    const { session } = edited(scale(before, words, TYPES))
    return expandIds(session).filter((id) => {
      const [name = ''] = id.split('.')
      return generationOf(session, name, id) > generationOf(before, name, id)
    })
  }

  test.each<[string[], ProcessId[], string[]]>([
    [['my-job=1'], [], ['my-job.1']],
    [['web=4', 'worker=1'], [], ['web.3', 'web.4']],
    [['web=2'], ['web.2'], ['web.2']],
    [['web+1'], ['web.2', 'worker.1'], ['web.2', 'web.3']],
    [['web=1'], [], []],
    [['web=2'], [], []],
  ])('%j with %j stopped starts %j', (words, stopped, ids) => {
    expect(newer(of({ stopped }), words)).toEqual(ids)
  })

  test('again and again', () => {
    const once = edited(scale(SESSION, ['my-job=1'], TYPES)).session
    const away = edited(scale(once, ['my-job=0'], TYPES)).session
    expect(newer(away, ['my-job=1'])).toEqual(['my-job.1'])
  })

  test('and leaves no trace of what it takes away', () => {
    expect(edited(scale(SESSION, ['all=0'], TYPES)).session.generations).toEqual(SESSION.generations)
  })
})

test('scale counts from 0 for a type that came later, and keeps the count of one that is gone', () => {
  const { session, lines } = edited(scale(of({ counts: { gone: 4 } }), ['constructor+1'], ['constructor']))
  expect(session.counts).toEqual({ gone: 4, constructor: 1 })
  expect(lines).toEqual(['constructor: 0 -> 1'])
})

const type = fc.constantFrom('web', 'worker', 'my-job', 'constructor', '__proto__')
const counted = fc
  .uniqueArray(fc.tuple(type, fc.integer({ min: 0, max: 9999 })), { selector: ([name]) => name })
  .map((entries) => Object.fromEntries(entries) as Record<string, number>)

test('the formation that is printed changes nothing when it is fed back', () => {
  fc.assert(
    fc.property(counted, fc.boolean(), (counts, asWords) => {
      const types = [...Object.keys(counts), 'release']
      const session = of({ counts: { ...counts, release: 0 } })
      const formation = printed(session, types)
      const words = asWords ? formation.split(',') : [formation]
      const { session: after, lines } = edited(scale(session, words, types))
      expect(after).toEqual(session)
      expect(lines).toEqual([`nothing to change: ${formation}`])
    }),
    FEW,
  )
})

/** Ups and downs of one type each, as six terminals would send them. */
const steps = fc.array(fc.tuple(fc.constantFrom('web', 'worker'), fc.constantFrom(1, -1, 3, -2)), {
  maxLength: 6,
})

describe('edits that come at the same time', () => {
  const scaled = (session: Session, changes: readonly (readonly [string, number])[]): Session => {
    let after = session
    for (const [name, by] of changes)
      after = edited(scale(after, [`${name}${by < 0 ? by : `+${by}`}`], TYPES)).session
    return after
  }

  test('add up, in whatever order they come', () => {
    const shuffled = steps.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    const session = of({ counts: { web: 50, worker: 60, 'my-job': 0, release: 0 } })
    fc.assert(
      fc.property(shuffled, ([list, reordered]) => {
        const sum = (name: string): number =>
          list.reduce((all, [one, by]) => all + (one === name ? by : 0), 0)
        const { counts } = scaled(session, list)
        expect(counts).toEqual({ ...session.counts, web: 50 + sum('web'), worker: 60 + sum('worker') })
        expect(scaled(session, reordered).counts).toEqual(counts)
      }),
      FEW,
    )
  })

  test('and that set a count leave the last one', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 9999 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(counts, (list) => {
        let session = SESSION
        for (const count of list) session = edited(scale(session, [`web=${count}`], TYPES)).session
        expect(session.counts).toEqual({ ...SESSION.counts, web: list.at(-1) ?? 0 })
      }),
      FEW,
    )
  })
})

describe('targets are the processes that words name', () => {
  test.each<[string[], ProcessId[]]>([
    [[], ['web.1', 'web.2', 'worker.1']],
    [['web'], ['web.1', 'web.2']],
    [['web.2'], ['web.2']],
    [
      ['worker', 'web.1'],
      ['worker.1', 'web.1'],
    ],
    [
      ['web.2', 'web', 'web.2'],
      ['web.2', 'web.1'],
    ],
    [['my-job'], []],
  ])('%j', (words, ids) => {
    expect(targetsOf(words, SESSION, TYPES)).toEqual({ ids })
  })

  test('and one that was stopped is among them', () => {
    expect(targetsOf(['web'], of({ stopped: ['web.1'] }), TYPES)).toEqual({ ids: ['web.1', 'web.2'] })
  })

  test.each<[string, string]>([
    ['web.3', 'web.3 is not part of the formation: web=2 / tw-run scale web=3'],
    ['my-job.1', 'my-job.1 is not part of the formation: my-job=0 / tw-run scale my-job=1'],
    ['wbe.1', 'unknown process type "wbe" / did you mean "web"? (process types: web, worker, my-job)'],
    ['wbe', 'unknown process type "wbe" / did you mean "web"? (process types: web, worker, my-job)'],
    ['web.0', 'unknown process type "web.0" / did you mean "web"? (process types: web, worker, my-job)'],
    ['../web.1', 'unknown process type "../web.1" / process types: web, worker, my-job'],
    [
      'release.1',
      '"release" is a stage: it runs to completion and is never part of the formation / run it with: tw-run run release',
    ],
  ])('%j is none', (word, problem) => {
    expect(problemsOf(targetsOf([word], SESSION, TYPES))).toEqual([problem])
  })

  test('all the faults are named, and none of the others is meant', () => {
    const found = targetsOf(['web', 'web.9', 'wbe'], SESSION, TYPES)
    expect(found).not.toHaveProperty('ids')
    expect(problemsOf(found)).toHaveLength(2)
  })

  test('a type may have any name that objects have too', () => {
    expect(targetsOf(['constructor'], SESSION, ['constructor'])).toEqual({ ids: [] })
    expect(targetsOf([], of({ counts: { toString: 1 } }), ['toString'])).toEqual({ ids: ['toString.1'] })
  })
})

describe('the router', () => {
  const routed = of({ hasRouter: true })

  test('is a process of the formation, and is named by itself only', () => {
    expect(expandIds(routed)).toEqual(['web.1', 'web.2', 'worker.1', 'router.1'])
    expect(expandIds({ ...routed, stopped: ['router.1', 'web.1'] })).toEqual(['web.2', 'worker.1'])
    expect(targetsOf([], routed, TYPES)).toEqual({ ids: ['web.1', 'web.2', 'worker.1'] })
    for (const word of ['router', 'router.1'])
      expect(targetsOf([word, 'worker'], routed, TYPES)).toEqual({ ids: ['router.1', 'worker.1'] })
  })

  test('is unknown where there is none', () => {
    expect(expandIds(SESSION)).toEqual(['web.1', 'web.2', 'worker.1'])
    for (const word of ['router', 'router.1'])
      expect(problemsOf(targetsOf([word], SESSION, TYPES))).toEqual([
        expect.stringContaining('unknown process type "router"'),
      ])
  })
})

describe('restart', () => {
  const newer = (before: Session, after: Session): string[] =>
    (['web.1', 'web.2', 'worker.1'] as const).filter((id) => {
      const [name = ''] = id.split('.')
      return generationOf(after, name, id) > generationOf(before, name, id)
    })

  test('replaces the processes it is given, and no others', () => {
    const after = restart(SESSION, ['web.2', 'worker.1'])
    expect(newer(SESSION, after)).toEqual(['web.2', 'worker.1'])
    expect({ ...after, generations: SESSION.generations }).toEqual(SESSION)
  })

  test('starts those that were stopped among them', () => {
    const session = of({ stopped: ['web.1', 'web.2'] })
    const after = restart(session, ['web.2'])
    expect(after.stopped).toEqual(['web.1'])
    expect(newer(session, after)).toEqual(['web.2'])
  })

  test('twice replaces them twice', () => {
    const once = restart(SESSION, ['web.2'])
    expect(newer(once, restart(once, ['web.2']))).toEqual(['web.2'])
  })

  test('of nothing changes nothing', () => {
    expect(restart(of({ stopped: ['web.1'] }), [])).toEqual(of({ stopped: ['web.1'] }))
  })
})

describe('stop', () => {
  const plan = (id: ProcessId) => ({ id, type: 'web', instance: 1, port: 5_000, command: 'x' })
  const plans = [plan('web.1'), plan('web.2'), plan('worker.1')]

  test('keeps processes down, and changes nothing else', () => {
    const { session, lines } = stop(SESSION, ['web.2', 'worker.1'])
    expect(session).toEqual(of({ stopped: ['web.2', 'worker.1'] }))
    expect(lines).toEqual(['stopping web.2, worker.1'])
    expect(withoutStopped(plans, session).map(({ id }) => id)).toEqual(['web.1'])
  })

  test('names twenty, and counts the others', () => {
    const ids = Array.from({ length: 21 }, (_, index) => processId('web', index + 1))
    const twenty = ids.slice(0, 20).join(', ')
    expect(stop(SESSION, ids.slice(0, 20)).lines).toEqual([`stopping ${twenty}`])
    expect(stop(SESSION, ids).lines).toEqual([`stopping ${twenty} and 1 more`])
  })

  test('twice is stop once', () => {
    const once = stop(of({ stopped: ['worker.1'] }), ['web.2']).session
    expect(once.stopped).toEqual(['worker.1', 'web.2'])
    expect(stop(once, ['web.2', 'worker.1']).session).toEqual(once)
  })

  test('of nothing says so', () => {
    expect(stop(SESSION, [])).toEqual({ session: SESSION, lines: ['nothing to stop'] })
  })

  test('is undone by restart', () => {
    expect(restart(stop(SESSION, ['web.2']).session, ['web.2']).stopped).toEqual([])
  })

  test('takes nothing away from a formation in which nothing was stopped', () => {
    expect(withoutStopped(plans, SESSION)).toEqual(plans)
  })

  test('takes nothing away for what is no longer in the formation', () => {
    expect(withoutStopped(plans, of({ stopped: ['web.7'] }))).toEqual(plans)
  })
})
