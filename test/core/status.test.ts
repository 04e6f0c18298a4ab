import { describe, expect, test } from 'vitest'
import type { ProcessId } from '../../src/core/names.ts'
import type { End, Exit, ProcessState, Run } from '../../src/core/process.ts'
import { isReady, READY_AFTER_MS } from '../../src/core/readiness.ts'
import { statusOf } from '../../src/core/status.ts'
import type { ProcessStatus, StatusContext } from '../../src/core/status.ts'
import { runOf } from '../support/runs.ts'

const NOW = 100_000
const WALL = 1_700_000_000_000
const FAILED: Exit = { kind: 'code', code: 1 }
const STOP = { signal: 'SIGTERM', killAt: 105_000 }

const RUN = runOf({ number: 3, generation: 2, startedAt: 90_000, startedWall: WALL - 10_000 })

const DEAD: Run = { ...RUN, life: 'dead', exit: FAILED, endedAt: 94_000 }

function up(change: Partial<Run> = {}): ProcessState {
  return { phase: 'up', run: { ...RUN, ...change }, pid: 100 }
}

function end(change: Partial<End> = {}): End {
  const times = { startedAt: 1_000, endedAt: 2_000 }
  return { run: 2, generation: 2, exit: FAILED, ...times, asked: false, jitter: 0, ...change }
}

function context(change: Partial<StatusContext> = {}): StatusContext {
  return {
    now: NOW,
    node: 'here',
    isSupervised: true,
    isoOf: (wall) => new Date(wall).toISOString(),
    endsOf: () => [],
    pidOf: () => 101,
    ...change,
  }
}

function rowOf(
  state: ProcessState,
  ends: readonly End[] = [],
  change: Partial<StatusContext> = {},
): ProcessStatus | undefined {
  return statusOf(new Map([['web.1', state]]), ['web'], context({ endsOf: () => ends, ...change }))[0]
}

/** In the order in which they should come, `web` before `worker` as in the file. */
const ORDERED: ProcessId[] = ['web.1', 'web.2', 'web.10', 'clock.1', 'another.2', 'other.1']

describe('the rows of ps', () => {
  test('have the names that are the same everywhere, in JSON too', () => {
    const row = rowOf(up())
    expect(JSON.parse(JSON.stringify(row))).toEqual({
      process: 'web.1',
      type: 'web',
      instance: 1,
      phase: 'up',
      ready: true,
      pid: 101,
      port: 5000,
      startedAt: '2023-11-14T22:13:10.000Z',
      upFor: 10_000,
      restarts: 0,
      lastExit: null,
      engine: 'local',
      node: 'here',
    })
  })

  test('come by the order of the types in the file, then by name, and by number', () => {
    const observed = new Map(ORDERED.toReversed().map((id) => [id, up()]))
    const rows = statusOf(observed, ['web', 'clock', 'unused'], context())
    expect(rows.map(({ process }) => process)).toEqual(ORDERED)
    expect(rows.at(-1)).toMatchObject({ type: 'other', instance: 1 })
  })

  test('leave out what never ran', () => {
    expect(rowOf({ phase: 'absent' })).toBeUndefined()
    expect(statusOf(new Map(), ['web'], context())).toEqual([])
  })

  test('leave out what is no process', () => {
    expect(statusOf(new Map([['a/b.1', up()]]), [], context())).toEqual([])
  })

  test('are asked for by process and by run', () => {
    const observed = new Map<ProcessId, ProcessState>([
      ['web.1', up()],
      ['web.2', up({ id: 'web.2', token: '00000000000000bb' })],
    ])
    const endsOf = (id: ProcessId): End[] => (id === 'web.2' ? [end()] : [])
    const pidOf = ({ token }: Run): number | undefined => (token === RUN.token ? 7 : undefined)
    const rows = statusOf(observed, ['web'], context({ endsOf, pidOf }))
    expect(rows.map(({ restarts, pid }) => [restarts, pid])).toEqual([
      [0, 7],
      [1, null],
    ])
  })
})

describe('a process', () => {
  test.each<[string, ProcessState, Partial<ProcessStatus>]>([
    ['that starts', { phase: 'starting', run: { ...RUN, pid: undefined } }, { phase: 'starting' }],
    ['that is up', up(), { phase: 'up', ready: true, pid: 101, upFor: 10_000 }],
    ['that stops', { phase: 'stopping', run: RUN, stop: STOP }, { phase: 'stopping', pid: 101 }],
    [
      'whose descendants are sought',
      { phase: 'sweeping', run: DEAD, exit: FAILED },
      { phase: 'stopping', pid: null, upFor: 4_000, lastExit: { code: 1 } },
    ],
    ['that was stopped', { phase: 'stopped', run: DEAD }, { phase: 'stopped', pid: null, upFor: 4_000 }],
    [
      'that waits for its restart',
      { phase: 'backoff', run: DEAD, exit: FAILED, retryAt: NOW },
      { phase: 'backoff', pid: null, lastExit: { code: 1 } },
    ],
    [
      'that is left alone',
      { phase: 'exited', run: DEAD, exit: FAILED, endedAt: 94_000 },
      { phase: 'exited', pid: null, upFor: 4_000 },
    ],
    [
      'that gave up',
      { phase: 'crashed', run: DEAD, exit: FAILED, endedAt: 94_000 },
      { phase: 'crashed', pid: null, upFor: 4_000 },
    ],
  ])('%s', (_, state, expected) => {
    expect(rowOf(state)).toMatchObject(expected)
    expect(rowOf(state)?.ready).toBe(state.phase === 'up')
  })

  test('that ended while nobody is there to seek its descendants is at rest', () => {
    const left = { phase: 'sweeping', run: DEAD, exit: FAILED } as const
    const alone = { isSupervised: false }
    expect(rowOf(left, [], alone)).toMatchObject({ phase: 'exited', pid: null, lastExit: { code: 1 } })
    const told = { ...left, run: { ...DEAD, stop: STOP } }
    expect(rowOf(told, [], alone)).toMatchObject({ phase: 'stopped' })
    expect(rowOf({ phase: 'stopping', run: RUN, stop: STOP }, [], alone)).toMatchObject({ phase: 'stopping' })
  })

  test('that is up and not ready says why, and nobody else does', () => {
    const health = { reason: 'GET /: answered 500' }
    expect(rowOf(up({ isProbed: true, health }))).toMatchObject({ ready: false, ...health })
    expect(rowOf(up({ isProbed: true }))).not.toHaveProperty('reason')
    expect(rowOf({ phase: 'stopping', run: { ...RUN, health }, stop: STOP })).not.toHaveProperty('reason')
  })

  test('started when it did by the clock of then, whenever one looks and whatever the clock says now', () => {
    const looks = [NOW, NOW + 0.5, NOW + 1_000_000].map((now) => rowOf(up(), [], { now })?.startedAt ?? '')
    expect(looks.map((startedAt) => Date.parse(startedAt))).toEqual(Array(3).fill(WALL - 10_000))
  })

  test('has lasted whole milliseconds, and never fewer than none', () => {
    expect(rowOf(up({ startedAt: NOW - 10.4 }))?.upFor).toBe(10)
    expect(rowOf(up({ startedAt: NOW + 5 }))?.upFor).toBe(0)
  })
})

describe('up is not ready', () => {
  test.each<[string, ProcessState, boolean]>([
    ['just started', up({ startedAt: NOW }), false],
    ['almost long enough', up({ startedAt: NOW - READY_AFTER_MS + 1 }), false],
    ['long enough', up({ startedAt: NOW - READY_AFTER_MS }), true],
    ['starting for long', { phase: 'starting', run: RUN }, false],
    ['stopping', { phase: 'stopping', run: RUN, stop: STOP }, false],
    ['absent', { phase: 'absent' }, false],
    ['at rest', { phase: 'exited', run: DEAD, exit: FAILED, endedAt: 94_000 }, false],
  ])('%s', (_, state, expected) => {
    expect(isReady(state, NOW)).toBe(expected)
    expect(rowOf(state)?.ready ?? false).toBe(expected)
  })
})

describe('the last exit', () => {
  test.each<[Exit, object]>([
    [{ kind: 'code', code: 0 }, { code: 0 }],
    [{ kind: 'code', code: 7 }, { code: 7 }],
    [{ kind: 'signal', signal: 'SIGSEGV' }, { signal: 'SIGSEGV' }],
    [{ kind: 'lost', why: 'reboot' }, { unknown: 'reboot' }],
    [{ kind: 'lost', why: 'shim' }, { unknown: 'shim' }],
    [{ kind: 'unstarted', message: 'no more pids', again: true }, { unknown: 'no more pids' }],
  ])('%j', (exit, expected) => {
    expect(rowOf(up(), [end({ exit })])?.lastExit).toEqual(expected)
    expect(rowOf({ phase: 'stopped', run: { ...DEAD, exit } })?.lastExit).toEqual(expected)
  })

  test('is the one that its phase is for, where the run itself knows none', () => {
    const run = { ...DEAD, exit: undefined }
    const lost: Exit = { kind: 'lost', why: 'shim' }
    const unstarted: Exit = { kind: 'unstarted', message: 'no more pids', again: true }
    expect(rowOf({ phase: 'sweeping', run, exit: lost }, [end()])?.lastExit).toEqual({ unknown: 'shim' })
    const waiting = { phase: 'backoff', run: DEAD, exit: unstarted, retryAt: NOW } as const
    expect(rowOf(waiting)?.lastExit).toEqual({ unknown: 'no more pids' })
  })

  test('is the newest: of this run if it has one, else of the one before', () => {
    const ends = [end({ run: 1, exit: { kind: 'code', code: 8 } }), end({ exit: { kind: 'code', code: 9 } })]
    expect(rowOf(up(), ends)?.lastExit).toEqual({ code: 9 })
    expect(rowOf({ phase: 'stopped', run: DEAD }, ends)?.lastExit).toEqual({ code: 1 })
  })

  test('is of an older generation, if there is no newer one', () => {
    expect(rowOf(up(), [end({ generation: 1, exit: FAILED })])?.lastExit).toEqual({ code: 1 })
  })
})

describe('restarts', () => {
  test.each<[string, End[], number]>([
    ['none', [], 0],
    ['one', [end()], 1],
    ['two', [end({ run: 1 }), end()], 2],
    ['only those of this generation', [end({ run: 1, generation: 1 }), end()], 1],
    [
      'not what could not be started',
      [end({ run: 1, exit: { kind: 'unstarted', message: '', again: true } }), end()],
      1,
    ],
    ['not what was asked for', [end({ run: 1, asked: true }), end()], 1],
    ['not the end of the newest run itself', [end(), end({ run: 3 })], 1],
  ])('are counted: %s', (_, ends, expected) => {
    expect(rowOf({ phase: 'stopped', run: DEAD }, ends)?.restarts).toBe(expected)
  })
})
