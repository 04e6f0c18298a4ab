import { describe, expect, test } from 'vitest'
import {
  carriedFlags,
  limitedTypes,
  problemsOf,
  resolveSettings,
  withLimitsOf,
} from '../../src/core/settings.ts'
import type { Flags } from '../../src/core/settings.ts'
import { USUAL_ADDRESS } from '../../src/core/option-values.ts'

test('options of a formation that goes on hold where nothing else is typed; how it is shown, and how many, do not', () => {
  const before: Flags = {
    port: '7000',
    restart: 'always',
    formation: 'web=2',
    types: ['web'],
    logFormat: 'json',
  }
  expect(carriedFlags(before, {}, {})).toEqual({ port: '7000', restart: 'always' })
  expect(carriedFlags(before, {}, { TW_RUN_PORT: '8000', TW_RUN_RESTART: '' })).toEqual({ restart: 'always' })
  expect(carriedFlags(before, { port: '8000', color: 'never' }, {})).toEqual({
    port: '8000',
    restart: 'always',
    color: 'never',
  })
})

test('all that decides how the processes run goes on, and nothing that stands beside the Procfile', () => {
  const carried: Flags = {
    procfile: 'Procfile.dev',
    env: ['.env', '.env.dev'],
    port: '7000',
    portStep: '10',
    timeout: '9',
    restart: 'always',
    envPrecedence: 'file',
    router: true,
    recycle: '1h',
    max: ['clock=1'],
  }
  const others: Flags = { root: '/app', color: 'never', prefix: false, except: ['web'], release: true }
  expect(carriedFlags({ ...carried, ...others }, {}, {})).toEqual(carried)
  expect(carriedFlags({ root: '/app', procfile: '/app/Procfile', port: '1' }, {}, {})).toEqual({ port: '1' })
  expect(carriedFlags({ root: '/app', procfile: '/other/Procfile' }, {}, {})).toEqual({
    procfile: '/other/Procfile',
  })
})

function resolve(flags: Flags, shell: Record<string, string> = {}, ...files: Record<string, string>[]) {
  const named = files.map((entries, index) => ({ name: ['.env', '.env.local'][index] ?? '', entries }))
  return resolveSettings({ flags, shell, files: named })
}

test('nothing given is the default of everything', () => {
  expect(resolve({})).toEqual({
    problems: [],
    settings: {
      procfile: 'Procfile',
      formation: { text: '', from: '' },
      only: [],
      except: [],
      port: 5000,
      portStep: 100,
      graceMs: 5000,
      restart: { when: 'no' },
      logFormat: 'pretty',
      timestamps: true,
      prefix: true,
      color: 'auto',
      stateDir: undefined,
      envPrecedence: 'shell',
      release: false,
      router: undefined,
      recycleMs: undefined,
      max: { text: '', from: '' },
      suddenly: false,
    },
  })
})

describe('an option comes from its flag, else the shell, else the file, else its default', () => {
  test.each<[string, Flags, Record<string, string>, Record<string, string>, number]>([
    ['flag', { port: '1' }, { TW_RUN_PORT: '2', PORT: '3' }, { TW_RUN_PORT: '4', PORT: '5' }, 1],
    ['shell', {}, { TW_RUN_PORT: '2', PORT: '3' }, { TW_RUN_PORT: '4', PORT: '5' }, 2],
    ['file', {}, { PORT: '3' }, { TW_RUN_PORT: '4', PORT: '5' }, 4],
    ['PORT of the shell', {}, { PORT: '3' }, { PORT: '5' }, 3],
    ['PORT of the file', {}, {}, { PORT: '5' }, 5],
    ['set to nothing is not set', {}, { TW_RUN_PORT: '', PORT: '' }, {}, 5000],
    ['set to nothing hides no file', {}, { TW_RUN_PORT: '' }, { TW_RUN_PORT: '4' }, 4],
  ])('%s', (_, flags, ...[shell, file, port]) => {
    expect(resolve(flags, shell, file)).toMatchObject({ problems: [], settings: { port } })
  })

  test('a later file wins', () => {
    expect(resolve({}, {}, { TW_RUN_PORT: '1' }, { TW_RUN_PORT: '2' }).settings.port).toBe(2)
  })
})

describe('a variable has the name of its option, whichever of them that is', () => {
  test.each<[Record<string, string>, object]>([
    [
      { TW_RUN_CONCURRENCY: 'web=2' },
      { formation: { text: 'web=2', from: 'TW_RUN_CONCURRENCY in the shell' } },
    ],
    [{ TW_RUN_NO_TIMESTAMPS: '1' }, { timestamps: false }],
    [{ TW_RUN_NO_TIMESTAMPS: '0' }, { timestamps: true }],
    [{ TW_RUN_NO_PREFIX: 'true' }, { prefix: false }],
    [{ TW_RUN_NO_COLOR: '1' }, { color: 'never' }],
    [{ TW_RUN_NO_COLOR: '0' }, { color: 'auto' }],
    [{ TW_RUN_COLOR: '1' }, { color: 'always' }],
    [{ TW_RUN_COLOR: 'false' }, { color: 'never' }],
    [{ TW_RUN_COLOR: 'always', TW_RUN_NO_COLOR: '1' }, { color: 'always' }],
    [{ TW_RUN_COLOR: 'auto', TW_RUN_NO_COLOR: '1' }, { color: 'auto' }],
    [{ TW_RUN_ENGINE: 'local' }, { engine: 'local' }],
    [{ TW_RUN_ENGINE: 'swarm' }, { engine: 'swarm' }],
    [{ TW_RUN_ENGINE: 'Kubernetes' }, { engine: 'kubernetes' }],
    [{ TW_RUN_ROUTER: '8081' }, { router: { host: '127.0.0.1', port: 8081 } }],
  ])('%j', (shell, expected) => {
    const { settings, problems } = resolve({}, shell)
    expect(problems).toEqual([])
    expect(settings).toMatchObject(expected)
  })

  test('a flag is stronger than both', () => {
    expect(resolve({ color: 'always' }, { TW_RUN_NO_COLOR: '1' }).settings.color).toBe('always')
  })
})

describe.each([
  ['1', '0'],
  ['true', 'false'],
  ['Yes', 'No'],
  ['on', 'off'],
])('what is on or off is on by %s and off by %s', (on, off) => {
  test('the router too, which is at its usual address then', () => {
    const ofRouter = (text: string) => resolve({}, { TW_RUN_ROUTER: text })
    expect(ofRouter(on)).toMatchObject({ problems: [], settings: { router: USUAL_ADDRESS } })
    expect(ofRouter(off)).toMatchObject({ problems: [], settings: { router: undefined } })
  })

  test('the stages', () => {
    expect(resolve({}, { TW_RUN_RELEASE: on }).settings.release).toBe(true)
    expect(resolve({}, { TW_RUN_RELEASE: off }).settings.release).toBe(false)
  })
})

describe('values are read as people write them', () => {
  test.each<[Flags, object]>([
    [{ timeout: '0.25' }, { graceMs: 250 }],
    [{ timeout: '0' }, { graceMs: 0 }],
    [{ restart: 'on-failure:3' }, { restart: { when: 'on-failure', limit: 3 } }],
    [{ restart: 'Always' }, { restart: { when: 'always' } }],
    [{ logFormat: 'JSON' }, { logFormat: 'json' }],
    [
      { timestamps: false, prefix: false },
      { timestamps: false, prefix: false },
    ],
    [{ color: 'never' }, { color: 'never' }],
    [{ except: ['a', 'b'] }, { except: ['a', 'b'] }],
    [{ formation: 'web=2' }, { formation: { text: 'web=2', from: '--formation' } }],
    [{ release: true }, { release: true }],
    [{ types: ['web'] }, { only: ['web'] }],
  ])('%j', (flags, expected) => {
    const { settings, problems } = resolve(flags)
    expect(problems).toEqual([])
    expect(settings).toMatchObject(expected)
  })

  test('in the environment too', () => {
    const shell = {
      TW_RUN_TIMESTAMPS: 'off',
      TW_RUN_EXCEPT: 'a b',
      TW_RUN_ENV_PRECEDENCE: 'file',
      TW_RUN_RELEASE: '1',
    }
    expect(resolve({}, shell).settings).toMatchObject({
      timestamps: false,
      except: ['a', 'b'],
      envPrecedence: 'file',
      release: true,
    })
  })
})

describe('a wrong value is named with where it came from', () => {
  test.each<[Flags, Record<string, string>, Record<string, string>, string]>([
    [
      {},
      {},
      { TW_RUN_TIMEOUT: 'abc' },
      'TW_RUN_TIMEOUT in .env: "abc" is not a number of seconds from 0 to 86400',
    ],
    [{ timeout: '-1' }, {}, {}, '--timeout: "-1" is not a number of seconds from 0 to 86400'],
    [{ timeout: '1e9' }, {}, {}, '--timeout: "1e9" is not a number of seconds from 0 to 86400'],
    [{}, { PORT: '70000' }, {}, 'PORT in the shell: "70000" is not a whole number from 1 to 65535'],
    [{ port: '0' }, {}, {}, '--port: "0" is not a whole number from 1 to 65535'],
    [{ portStep: '1.5' }, {}, {}, '--port-step: "1.5" is not a whole number from 1 to 65535'],
    [
      { restart: 'always:3' },
      {},
      {},
      '--restart: "always:3" is not one of no, on-failure, on-failure:N, always',
    ],
    [
      { restart: 'on-failure:0' },
      {},
      {},
      '--restart: "on-failure:0" is not one of no, on-failure, on-failure:N, always',
    ],
    [{ logFormat: 'xml' }, {}, {}, '--log-format: "xml" is not one of pretty, plain, json'],
    [{}, { TW_RUN_PREFIX: 'maybe' }, {}, 'TW_RUN_PREFIX in the shell: "maybe" is not true or false'],
    [{ procfile: '' }, {}, {}, '--procfile: "" is not a name'],
    [
      { port: 'x'.repeat(99) },
      {},
      {},
      `--port: "${'x'.repeat(40)}..." is not a whole number from 1 to 65535`,
    ],
  ])('%j %j %j', (flags, shell, file, message) => {
    expect(resolve(flags, shell, file).problems).toEqual([{ message }])
  })

  test.each<[Flags, Record<string, string>, string]>([
    [{ port: 'auto' }, {}, '--port'],
    [{}, { TW_RUN_PORT: 'auto' }, 'TW_RUN_PORT in the shell'],
  ])('%j %j: who picks ports', (flags, shell, from) => {
    expect(resolve(flags, shell).problems).toEqual([
      {
        message: `${from}: "auto" is not a whole number from 1 to 65535`,
        hint: 'with and prove pick ports: tw-run with --port auto -- <command>',
      },
    ])
    expect(resolve({ portStep: 'auto' }).problems).toEqual([
      { message: '--port-step: "auto" is not a whole number from 1 to 65535' },
    ])
  })

  test('all of them at once', () => {
    expect(resolve({ port: 'a', timeout: 'b' }, { TW_RUN_RESTART: 'c' }).problems).toHaveLength(3)
  })
})

test('what is wrong with some options only, whatever names them', () => {
  const shell = { TW_RUN_ENGINE: 'a', TW_RUN_NO_PREFIX: 'b', TW_RUN_COLOR: 'c', PORT: 'd' }
  const { problems } = resolve({ logFormat: 'e' }, shell)
  const about = (...names: Parameters<typeof problemsOf>[1]): string[] =>
    problemsOf(problems, names).map(({ message }) => message.split(':')[0] ?? '')
  expect(about('engine')).toEqual(['TW_RUN_ENGINE in the shell'])
  expect(about('logFormat', 'prefix')).toEqual(['--log-format', 'TW_RUN_NO_PREFIX in the shell'])
  expect(about('timeout')).toEqual([])
})

test('limits of types that are not there are left out, and of all stay', () => {
  const flags: Flags = { port: '5000', max: ['web=2, worker=1', 'all=3'] }
  expect(limitedTypes(flags)).toEqual(['web', 'worker', 'all'])
  expect(withLimitsOf(['web'], flags)).toEqual({ port: '5000', max: ['web=2', 'all=3'] })
  expect(withLimitsOf([], { port: '5000', max: ['web=2'] })).toEqual({ port: '5000' })
  expect(withLimitsOf([], { port: '5000' })).toEqual({ port: '5000' })
})
