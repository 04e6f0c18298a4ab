import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { End, Exit, Health, RestartPolicy, StopIntent } from '../../src/core/process.ts'
import {
  decodeEnd,
  decodeHealth,
  decodeRunSpec,
  decodeStop,
  decodeWork,
  isToken,
} from '../../src/core/records.ts'
import type { RunSpec } from '../../src/core/records.ts'
import { decodeSession } from '../../src/core/session-record.ts'
import type { Ending, Reason, Session } from '../../src/core/session.ts'
import type { Flags } from '../../src/core/settings.ts'

const RUNS = { numRuns: 60 }

const count = fc.oneof(fc.nat(20), fc.maxSafeNat())
const time = fc.oneof(fc.nat(100_000), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }))
const date = fc.oneof(fc.constantFrom(0, 8.64e15), fc.double({ min: 0, max: 8.64e15, noNaN: true }))
const text = fc.string({ unit: 'binary', maxLength: 20 })
const type = fc.constantFrom('web', 'my-job', 'Worker_2', 'constructor', '__proto__', 'x'.repeat(63))
const id = fc.tuple(type, fc.integer({ min: 1, max: 99 })).map(([name, n]): RunSpec['id'] => `${name}.${n}`)
const signal = fc.constantFrom('SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL', 'SIGUSR1', 'SIGQUIT')
const token = fc.stringMatching(/^[0-9a-f]{16}$/)
const status = fc.nat(255)

const exit: fc.Arbitrary<Exit> = fc.oneof(
  fc.record({ kind: fc.constant('code'), code: status }),
  fc.record({ kind: fc.constant('signal'), signal }),
  fc.record({ kind: fc.constant('lost'), why: fc.constantFrom('reboot', 'shim') }),
  fc.record({ kind: fc.constant('unstarted'), message: text, again: fc.boolean() }),
  fc.record({ kind: fc.constant('unhealthy'), why: text }),
)

const policy: fc.Arbitrary<RestartPolicy> = fc.record(
  { when: fc.constantFrom('no', 'on-failure', 'always'), limit: count },
  { requiredKeys: ['when'] },
)

const spec: fc.Arbitrary<RunSpec> = fc
  .record({
    policy: fc.option(policy, { nil: undefined }),
    version: fc.constant(1),
    id,
    number: count,
    generation: count,
    session: text,
    command: text,
    port: count,
    isProbed: fc.boolean(),
    cwd: text,
    token,
    scratch: text,
    bootId: text,
    pidNamespace: text,
    startedAt: time,
    startedWall: date,
  })
  .map(({ policy: given, ...one }) => ({
    ...one,
    ...(given !== undefined && { policy: given }),
    scratch: one.scratch + one.token,
  }))

const stop: fc.Arbitrary<StopIntent> = fc.record(
  { signal, killAt: time, drainUntil: time, why: text },
  { requiredKeys: ['signal', 'killAt'] },
)

const end: fc.Arbitrary<End> = fc.record({
  run: count,
  generation: count,
  exit,
  startedAt: time,
  endedAt: time,
  asked: fc.boolean(),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
})

const reason: fc.Arbitrary<Reason> = fc.oneof(
  fc.record({ kind: fc.constantFrom('all-exited', 'reader-gone', 'asked', 'state-gone') }),
  fc.record({ kind: fc.constant('signal'), signal }),
  fc.record(
    { kind: fc.constant('exit'), process: id, exit, inVain: fc.uniqueArray(id, { maxLength: 3 }) },
    { requiredKeys: ['kind', 'process', 'exit'] },
  ),
)

const ending: fc.Arbitrary<Ending> = fc.record({ code: status, reason, hurried: fc.boolean() })

const counts = fc
  .uniqueArray(fc.tuple(type, count), { selector: ([name]) => name, maxLength: 4 })
  .map((entries) => Object.fromEntries(entries))

/** Of types, and of processes that were restarted alone. */
const generations = fc
  .uniqueArray(fc.tuple(fc.oneof(type, id), count), { selector: ([name]) => name, maxLength: 4 })
  .map((entries) => Object.fromEntries(entries))

const flags: fc.Arbitrary<Flags> = fc.record(
  {
    root: text,
    env: fc.array(text, { maxLength: 2 }),
    formation: text,
    port: text,
    prefix: fc.boolean(),
    color: fc.constantFrom('always', 'never'),
    types: fc.array(type, { maxLength: 2 }),
  },
  { requiredKeys: [] },
)

const stages = fc.constantFrom<Session['stages'][]>(
  ['formation'],
  ['release', 'formation'],
  ['build', 'release', 'formation'],
)

const session: fc.Arbitrary<Session> = fc.record({
  version: fc.constant(1),
  id: text,
  bootId: text,
  pidNamespace: text,
  beganAt: time,
  stages,
  types: fc.array(fc.record({ name: type, command: text, line: fc.nat() }), { maxLength: 3 }),
  counts,
  generations,
  stopped: fc.uniqueArray(id, { maxLength: 3 }),
  hasRouter: fc.boolean(),
  isDetached: fc.boolean(),
  isFixture: fc.constantFrom(true as const, undefined),
  flags,
  ending: fc.option(ending, { nil: undefined }),
  over: fc.boolean(),
})

/** Parts that may be empty, or hold more than one kind of thing. */
const LOOSE = new Set(['types', 'counts', 'generations', 'stopped', 'flags'])

const RECORDS: [string, fc.Arbitrary<object>, (text: string) => object | undefined][] = [
  ['a run', spec, decodeRunSpec],
  ['a stop', stop, decodeStop],
  ['an end', end, decodeEnd],
  ['a session', session, decodeSession],
]

describe.each(RECORDS)('the record of %s', (_, records, decode) => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decode(JSON.stringify(record))).toEqual(record)
        expect(decode(`${JSON.stringify(record)}\n`)).toEqual(record)
      }),
      RUNS,
    )
  })

  test('cut off anywhere is no record', () => {
    const cut = fc.tuple(records, fc.nat())
    fc.assert(
      fc.property(cut, ([record, at]) => {
        const whole = JSON.stringify(record)
        expect(decode(whole.slice(0, at % whole.length))).toBeUndefined()
      }),
      RUNS,
    )
  })

  test('with a byte changed is no record, or one of the same shape', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.string({ maxLength: 1 }), (record, at, other) => {
        const whole = JSON.stringify(record)
        const place = at % whole.length
        const damaged = decode(whole.slice(0, place) + other + whole.slice(place + 1))
        expect(damaged && decode(JSON.stringify(damaged))).toEqual(damaged)
      }),
      RUNS,
    )
  })

  test('without one of its parts, or with another kind of thing in its place, is no record', () => {
    const optional = new Set(['types', 'ending', 'drainUntil', 'isFixture', 'why', 'policy'])
    const stranger = fc.constantFrom(null, [], {}, -1, 'xxx', Infinity, [1], { kind: 'x' })
    fc.assert(
      fc.property(records, fc.nat(), stranger, (record, at, other) => {
        const keys = Object.keys(record).filter((key) => !optional.has(key))
        const key = keys[at % keys.length] ?? ''
        const { [key]: _gone, ...rest } = record as Record<string, unknown>
        expect(decode(JSON.stringify(rest))).toBeUndefined()
        const isPossible = typeof other === 'string' || LOOSE.has(key)
        const strange = JSON.stringify({ ...rest, [key]: isPossible ? null : other })
        expect(decode(strange)).toBeUndefined()
      }),
      RUNS,
    )
  })

  test('of any other JSON is no record, and nothing makes it throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 2 }), fc.string()), (other) => {
        expect(decode(other)).toBeUndefined()
      }),
      RUNS,
    )
    for (const other of ['', 'null', '[]', '{}', '1', '"x"', '\0', '{"__proto__":null}', '[{}]'])
      expect(decode(other)).toBeUndefined()
  })

  test('keeps nothing that it does not know', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decode(JSON.stringify({ ...record, PASSWORD: 'x' }))).toEqual(record)
      }),
      RUNS,
    )
  })
})

const sound = {
  run: { ...fc.sample(spec, { numRuns: 1, seed: 1 })[0], scratch: '/tmp/x00000000000000aa' },
  end: {
    run: 1,
    generation: 1,
    exit: { kind: 'code', code: 1 },
    startedAt: 1,
    endedAt: 2,
    asked: false,
    jitter: 0,
  },
  session: {
    version: 1,
    id: 'x',
    bootId: 'x',
    pidNamespace: 'x',
    beganAt: 0,
    types: [{ name: 'web', command: 'node web.js', line: 1 }],
    counts: { web: 1 },
    generations: {},
    stopped: ['web.1'],
    isDetached: true,
    hasRouter: false,
    flags: { port: '6000' },
    stages: ['formation'],
    over: false,
  },
}

const health: fc.Arbitrary<Health> = fc.record(
  { bootedAt: time, readyAt: time, lostAt: time, reason: text, late: fc.constant(true), failed: text },
  { requiredKeys: [] },
)

test('the health of a run is read as it was written, and nothing is known where it is damaged', () => {
  fc.assert(
    fc.property(health, (record) => {
      expect(decodeHealth(JSON.stringify(record))).toEqual(record)
    }),
    RUNS,
  )
  for (const damaged of ['', '{', '[]', '7', '{"readyAt":"1","late":1,"failed":{},"reason":3,"lostAt":-1}'])
    expect(decodeHealth(damaged)).toEqual({})
})

describe('a run is not read', () => {
  const base = { ...sound.run, token: '00000000000000aa' }

  test('if everything is as it should be but one thing; but else it is', () => {
    expect(decodeRunSpec(JSON.stringify(base))).toBeDefined()
  })

  test.each<[string, object]>([
    ['of another version', { version: 2 }],
    ['whose id leads out of the state directory', { id: '../x.1' }],
    ['whose id is none', { id: 'web' }],
    ['whose token is too short to be searched for', { token: 'aa' }],
    ['whose token has other characters', { token: '00000000000000AA' }],
    ['whose scratch directory is not of this run', { scratch: '/home/user' }],
    ['whose number is negative', { number: -1 }],
    ['whose number is a fraction', { number: 1.5 }],
    ['whose number is too large to count', { number: 2 ** 53 }],
    ['whose time is negative', { startedAt: -1 }],
    ['whose time is beyond every date', { startedWall: 8.64e15 + 1 }],
    ['whose policy is none', { policy: { when: 'sometimes' } }],
  ])('%s', (_, change) => {
    expect(decodeRunSpec(JSON.stringify({ ...base, ...change }))).toBeUndefined()
  })
})

test('an end with the highest code is read', () => {
  const highest = { ...sound.end, exit: { kind: 'code', code: 255 } }
  expect(decodeEnd(JSON.stringify(highest))).toEqual(highest)
})

describe('an end is not read', () => {
  test.each<[string, object]>([
    ['with a code over 255', { exit: { kind: 'code', code: 256 } }],
    ['with a code that is text', { exit: { kind: 'code', code: '1' } }],
    ['with a signal that is none', { exit: { kind: 'signal', signal: 'TERM' } }],
    ['with an exit of an unknown kind', { exit: { kind: 'eaten' } }],
    ['lost for an unknown reason', { exit: { kind: 'lost', why: 'x' } }],
    ['unstarted without a word', { exit: { kind: 'unstarted', again: true } }],
    ['unstarted, and nobody knows whether to try again', { exit: { kind: 'unstarted', message: 'x' } }],
    ['with a jitter over 1', { jitter: 1.01 }],
    ['with a negative jitter', { jitter: -0.1 }],
  ])('%s', (_, change) => {
    expect(decodeEnd(JSON.stringify(sound.end))).toBeDefined()
    expect(decodeEnd(JSON.stringify({ ...sound.end, ...change }))).toBeUndefined()
  })
})

test('a session that an earlier tw-run wrote is read, and has no types', () => {
  const { types: _, ...earlier } = sound.session
  expect(decodeSession(JSON.stringify(earlier))).toEqual({ ...earlier, types: [] })
})

describe('a session is not read', () => {
  const all = { kind: 'all-exited' }

  test.each<[string, object]>([
    ['of another version', { version: 2 }],
    ['without a stage', { stages: [] }],
    ['with an unknown stage', { stages: ['formation', 'deploy'] }],
    ['with types by name', { types: { web: 'node web.js' } }],
    ['with a type without a command', { types: [{ name: 'web', line: 1 }] }],
    ['with a type of no name', { types: [{ name: '../x', command: 'true', line: 1 }] }],
    ['with a count that is none', { counts: { web: -1 } }],
    ['with a type that leads elsewhere', { counts: { '../x': 1 } }],
    ['with a type of another form', { generations: { 'a.b': 1 } }],
    ['with a count of a process', { counts: { 'web.1': 1 } }],
    ['with a generation that is none', { generations: { 'web.1': -1 } }],
    ['with a generation of no process', { generations: { 'web.0': 1 } }],
    ['with a generation of a process that leads elsewhere', { generations: { '../x.1': 1 } }],
    ['with a list of generations', { generations: [1] }],
    ['with a stopped type', { stopped: ['web'] }],
    ['with something stopped that leads elsewhere', { stopped: ['web.1', '../x.1'] }],
    ['with a stopped number', { stopped: [1] }],
    ['with a stopped list', { stopped: [['web.1']] }],
    ['with a text instead of what was stopped', { stopped: 'web.1' }],
    ['with an object of what was stopped', { stopped: { 0: 'web.1', length: 1 } }],
    ['that may be detached', { isDetached: null }],
    ['that is detached by a word', { isDetached: 'true' }],
    ['that is detached by a number', { isDetached: 1 }],
    ['with a list of flags', { flags: [] }],
    ['with flags that are text', { flags: '--port 6000' }],
    ['with a flag that is a number', { flags: { port: 6000 } }],
    ['with a flag that is null', { flags: { port: null } }],
    ['with a flag that is an object', { flags: { port: {} } }],
    ['with a flag that is a list of numbers', { flags: { env: ['a', 1] } }],
    ['with a flag that is a list of lists', { flags: { types: [['web']] } }],
    ['with an ending of nothing', { ending: {} }],
    ['with an ending that is null', { ending: null }],
    ['with an ending for no reason', { ending: { code: 0, hurried: false } }],
    ['with an ending for an unknown reason', { ending: { code: 0, hurried: false, reason: { kind: 'x' } } }],
    ['with an ending by no process', { ending: { code: 0, hurried: false, reason: { kind: 'exit' } } }],
    ['with an ending by no signal', { ending: { code: 0, hurried: false, reason: { kind: 'signal' } } }],
    ['with a code over 255', { ending: { code: 256, hurried: false, reason: all } }],
    [
      'with an ending for which something waited that leads elsewhere',
      {
        ending: {
          code: 1,
          hurried: false,
          reason: { kind: 'exit', process: 'web.1', exit: sound.end.exit, inVain: ['../x.1'] },
        },
      },
    ],
    ['with half an ending', { ending: { code: 0, reason: all } }],
  ])('%s', (_, change) => {
    expect(decodeSession(JSON.stringify(sound.session))).toBeDefined()
    expect(decodeSession(JSON.stringify({ ...sound.session, ...change }))).toBeUndefined()
  })
})

test.each<[string]>([['stopped'], ['isDetached'], ['flags']])(
  'a session as an older tw-run wrote it, without %s, is not read',
  (part) => {
    expect(decodeSession(JSON.stringify({ ...sound.session, [part]: undefined }))).toBeUndefined()
  },
)

describe('a stop is not read', () => {
  test.each([
    ['with a signal that is none', '{"signal":"kill -9","killAt":1}'],
    ['with a number for a signal', '{"signal":15,"killAt":1}'],
    ['without a time', '{"signal":"SIGTERM"}'],
    ['with a time before the boot', '{"signal":"SIGTERM","killAt":-1}'],
    ['with a time without end', '{"signal":"SIGTERM","killAt":1e999}'],
    ['with a number for a reason', '{"signal":"SIGTERM","killAt":1,"why":1}'],
    ['with a drain without an end', '{"signal":"SIGTERM","killAt":1,"drainUntil":"x"}'],
  ])('%s', (_, damaged) => {
    expect(decodeStop(damaged)).toBeUndefined()
  })
})

test.each<[unknown, boolean]>([
  ['0123456789abcdef', true],
  ['0123456789abcde', false],
  ['0123456789abcdef0', false],
  ['0123456789abcdeF', false],
  ['0123456789abcdef\n', false],
  ['', false],
  [1_234_567_890_123_456, false],
  [undefined, false],
])('sixteen hexadecimal digits are a token: %j %s', (value, expected) => {
  expect(isToken(value)).toBe(expected)
})

describe('the record of a command is not read', () => {
  const TOKEN = '0123456789abcdef'
  const work = { pid: 4211, pidNamespace: 'pid:[1]', scratch: `/tmp/tw-run-${TOKEN}` }

  test('unless it is one', () => {
    expect(decodeWork(JSON.stringify(work), TOKEN)).toEqual(work)
  })

  test.each([
    ['without a pid', { ...work, pid: undefined }, TOKEN],
    ['with a pid that is none', { ...work, pid: -1 }, TOKEN],
    ['without a pid namespace', { ...work, pidNamespace: 1 }, TOKEN],
    ['whose folder is a number', { ...work, scratch: 1 }, TOKEN],
    ['whose folder is of something else', { ...work, scratch: '/home' }, TOKEN],
    ['whose folder only ends so', { ...work, scratch: `/home/${TOKEN}` }, TOKEN],
    ['under a name that is no token', { ...work, scratch: '/tmp/tw-run-0123' }, '0123'],
  ])('%s', (_, damaged, token) => {
    expect(decodeWork(JSON.stringify(damaged), token)).toBeUndefined()
  })
})
