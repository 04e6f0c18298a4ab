import { describe, expect, test } from 'vitest'
import { DRAIN_MS } from '../../src/core/router.ts'
import { rulesOf } from '../../src/core/rules-of.ts'
import { LISTENS, NO_MANIFEST } from '../../src/core/rules.ts'
import type { Check, ManifestRules, Rules } from '../../src/core/rules.ts'

const OPTIONS = { restart: { when: 'no' }, graceMs: 5_000, router: undefined, suddenly: false } as const
const ROUTED = { ...OPTIONS, router: { host: '127.0.0.1', port: 8080 } }

/** What holds for a type, with these rules in app.json. */
function of(
  name: string,
  options: Parameters<typeof rulesOf>[1] = OPTIONS,
  written: Readonly<Record<string, ManifestRules>> = {},
  command = 'x',
): Rules {
  const manifest = { ...NO_MANIFEST, rules: new Map(Object.entries(written)) }
  return rulesOf({ name, command, line: 1 }, options, manifest, new Map())
}

describe('the router', () => {
  test('comes back whatever holds for the app, and has the time of its drain before it is killed', () => {
    expect(of('router', ROUTED)).toEqual({
      restart: { when: 'always' },
      stop: { signal: 'SIGTERM', graceMs: 5_000 + DRAIN_MS, drainMs: 0 },
      dependsOn: [],
      max: { count: 1, from: '--router' },
      mayExit: false,
      watch: [],
      checks: [LISTENS],
    })
  })

  test('is any type of that name where there is none', () => {
    expect(of('router')).toMatchObject({ restart: { when: 'no' }, max: undefined, checks: [] })
  })

  test.each([
    ['web', ROUTED, DRAIN_MS],
    ['worker', ROUTED, 0],
    ['web', OPTIONS, 0],
    ['web', { ...ROUTED, suddenly: true }, DRAIN_MS + 5_000],
    ['worker', { ...ROUTED, suddenly: true }, 0],
    ['web', { ...OPTIONS, suddenly: true }, 0],
  ])('%s is drained before it is stopped, with %j: %i ms', (name, options, drainMs) => {
    expect(of(name, options).stop).toEqual({
      signal: options.suddenly ? 'SIGKILL' : 'SIGTERM',
      graceMs: 5_000,
      drainMs,
    })
  })
})

test('a type has the signal and the time that app.json gives it, and all the time of one that is told to stop', () => {
  const written = { web: { stopSignal: 'SIGINT', graceMs: 9_000 } }
  expect(of('web', ROUTED, written).stop).toEqual({ signal: 'SIGINT', graceMs: 9_000, drainMs: DRAIN_MS })
  expect(of('web', { ...ROUTED, suddenly: true }, written).stop).toEqual({
    signal: 'SIGKILL',
    graceMs: 9_000,
    drainMs: DRAIN_MS + 9_000,
  })
})

test.each([
  ['web', 'x', true],
  ['api', 'serve --port $PORT', true],
  ['api', 'serve --port ${PORT:-80}', true],
  ['api', 'serve --port $PORTAL', false],
  ['api', 'serve', false],
])('%s: %s is ready when it listens: %s', (name, command, listens) => {
  expect(of(name, OPTIONS, {}, command).checks).toEqual(listens ? [LISTENS] : [])
})

test('checks of its own are in the place of the usual one, also where another one says how to see that it lives', () => {
  const [ready, alive]: Check[] = [
    { ...LISTENS, name: 'ready' },
    { ...LISTENS, kind: 'liveness', name: 'alive' },
  ]
  const checks = [alive, ready].flatMap((one) => one ?? [])
  expect(of('web', OPTIONS, { web: { checks } }).checks).toEqual(checks)
})

describe('what app.json says of a type holds', () => {
  const dependsOn = [
    { type: 'db', until: 'ready' },
    { type: 'migrate', until: 'completed' },
  ] as const
  const written = { web: { dependsOn, watch: ['src/**'] }, worker: { dependsOn: [] } }
  const always = { ...OPTIONS, restart: { when: 'always' } } as const

  test('what it waits for, and what it is restarted for', () => {
    expect(of('web', OPTIONS, written)).toMatchObject({ dependsOn, watch: ['src/**'], mayExit: false })
  })

  test.each([
    ['migrate', true, 'on-failure'],
    ['db', false, 'always'],
    ['worker', false, 'always'],
  ])('%s is waited for until it has completed, so that it may exit: %s', (name, mayExit, when) => {
    expect(of(name, always, written)).toMatchObject({ mayExit, restart: { when } })
  })

  test('whether it may exit, which is more than what follows from who waits for it', () => {
    expect(of('migrate', always, { ...written, migrate: { mayExit: false } }).mayExit).toBe(false)
    expect(of('worker', always, { worker: { mayExit: true } }).mayExit).toBe(true)
  })
})
