import { readFileSync } from 'node:fs'
import { Validator } from '@cfworker/json-schema'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { soundPart } from '../../src/core/app-json-sound.ts'
import { decodeAppJson } from '../../src/core/app-json.ts'
import type { AppJson } from '../../src/core/app-json.ts'
import { jsonPathText } from '../../src/core/json-problem.ts'
import type { JsonPath, JsonProblem } from '../../src/core/json-problem.ts'
import { rulesOf } from '../../src/core/rules-of.ts'
import { LISTENS, NO_MANIFEST } from '../../src/core/rules.ts'
import { schemaProblems } from '../../src/core/schema-problems.ts'

const SCHEMA = JSON.parse(
  readFileSync(new URL('../../schema/app.schema.json', import.meta.url), 'utf8'),
) as Record<string, unknown>
const TYPES = ['web', 'worker', 'db', 'migrate', 'release']

function inSchemaOf(app: unknown): JsonProblem[] {
  return schemaProblems(new Validator(SCHEMA, '7', false).validate(app).errors, SCHEMA)
}

/** What is said of a file: by the schema, and of what that finds right, by its meaning. */
function problemsOf(app: unknown): string[] {
  const inSchema = inSchemaOf(app)
  const { value, inWhole } = soundPart(app, wrongPaths(inSchema))
  const { problems } = decodeAppJson(value as AppJson, TYPES)
  return [...inSchema, ...problems.map((one) => ({ ...one, path: inWhole(one.path) }))].map(textOf)
}

function wrongPaths(problems: readonly JsonProblem[]): JsonPath[] {
  return problems.filter(({ severity }) => severity === 'error').map(({ path }) => path)
}

function textOf({ severity, path, message, hint }: JsonProblem): string {
  return `${severity} ${jsonPathText(path)} ${message}${hint === undefined ? '' : ` (${hint})`}`
}

function decode(app: AppJson) {
  const { manifest, problems } = decodeAppJson(app, TYPES)
  expect(problems).toEqual([])
  return manifest
}

test('what Heroku and Dokku write is left alone without a word', () => {
  const app = {
    name: 'x',
    description: 'y',
    addons: ['heroku-postgresql'],
    buildpacks: [{ url: 'heroku/nodejs' }],
    stack: 'heroku-24',
    success_url: '/',
    cron: [{ command: 'x', schedule: '@daily' }],
    formation: { web: { quantity: 2, size: 'standard-1x', max_parallel: 1 } },
    scripts: { postdeploy: 'x', dokku: { predeploy: 'y' } },
    environments: { test: { scripts: { test: 'npm test' } } },
    anything: 1,
  }
  expect(problemsOf(app)).toEqual([])
  expect(decode(app).quantities).toEqual({ web: 2 })
})

test('nothing said is nothing known', () => {
  expect(decode({})).toEqual(NO_MANIFEST)
})

test('env: values are defaults, and what has none is required unless it says that it is not', () => {
  const env = {
    A: 'a',
    B: { value: 'b' },
    C: { description: 'no value' },
    D: { required: false },
    E: { generator: 'secret' },
    F: '',
  }
  const { defaults, required } = decode({ env } as AppJson)
  expect(defaults).toEqual({ A: 'a', B: 'b', F: '' })
  expect(required).toEqual(['C', 'E'])
})

test("health checks have Dokku's defaults, and what is only looked at is looked at often", () => {
  const { rules } = decode({
    healthchecks: {
      web: [
        { path: '/up' },
        { type: 'readiness', command: ['a', 'b'], timeout: 2, wait: 1, attempts: 7, initialDelay: 4 },
        { type: 'liveness', listening: true, port: 80 },
        { listening: true },
        { uptime: 10, name: 'ten' },
        { path: '/warned', warn: true },
      ],
    },
  })
  const usual = { attempts: 3, timeoutMs: 5_000, waitMs: 5_000, initialDelayMs: 0 }
  expect(rules.get('web')?.checks).toEqual([
    {
      ...usual,
      kind: 'startup',
      name: 'GET /up',
      probe: { by: 'http', path: '/up', headers: {}, content: undefined, port: undefined },
    },
    {
      kind: 'readiness',
      name: 'a b',
      attempts: 7,
      timeoutMs: 2_000,
      waitMs: 1_000,
      initialDelayMs: 4_000,
      probe: { by: 'command', command: ['a', 'b'] },
    },
    { ...usual, kind: 'liveness', name: 'port', probe: { by: 'listen', port: 80 } },
    {
      ...usual,
      kind: 'startup',
      name: 'port',
      probe: { by: 'listen', port: undefined },
      attempts: Infinity,
      waitMs: LISTENS.waitMs,
      longestWaitMs: LISTENS.longestWaitMs,
    },
    { ...usual, kind: 'startup', name: 'ten', probe: { by: 'uptime', ms: 10_000 } },
  ])
})

test('a check has what is written, and a name of what it does', () => {
  const { rules } = decode({
    healthchecks: {
      web: [
        {
          path: '/up',
          port: 81,
          scheme: 'https',
          content: 'yes',
          httpHeaders: [{ name: 'A', value: 'b' }],
        },
        { path: '/', scheme: 'http' },
        { listening: true, wait: 2, attempts: 4 },
        { uptime: 10 },
      ],
    },
  })
  expect(rules.get('web')?.checks).toMatchObject([
    {
      name: 'GET /up',
      probe: { by: 'http', path: '/up', port: 81, content: 'yes', headers: { A: 'b' }, isSecure: true },
    },
    { name: 'GET /', probe: { by: 'http', path: '/', port: undefined, content: undefined, headers: {} } },
    { name: 'port', waitMs: 2_000, attempts: 4 },
    { name: 'up for 10 s' },
  ])
  expect(rules.get('web')?.checks?.[1]?.probe).not.toHaveProperty('isSecure')
})

test('a type may have a name that every object has', () => {
  const app = { 'tw-run': { constructor: { max: 2 } }, healthchecks: { toString: [{ path: '/' }] } }
  const { manifest, problems } = decodeAppJson(app as AppJson, ['constructor', 'toString'])
  expect(problems).toEqual([])
  expect(manifest.rules.get('constructor')).toEqual({ max: 2 })
  expect(manifest.rules.get('toString')?.checks).toHaveLength(1)
})

test('the rules of a type are what tw-run and healthchecks say of it', () => {
  const { rules } = decode({
    healthchecks: { web: [{ path: '/' }] },
    'tw-run': {
      web: {
        restart: 'on-failure:3',
        stopSignal: 'SIGINT',
        grace: 1.5,
        dependsOn: { db: 'ready', migrate: 'completed' },
        max: 2,
        mayExit: true,
        watch: ['src/**'],
      },
      worker: { dependsOn: ['db'], ready: { log: '^up$' } },
    },
  })
  const { checks = [], ...web } = rules.get('web') ?? {}
  expect(web).toEqual({
    restart: { when: 'on-failure', limit: 3 },
    stopSignal: 'SIGINT',
    graceMs: 1_500,
    dependsOn: [
      { type: 'db', until: 'ready' },
      { type: 'migrate', until: 'completed' },
    ],
    max: 2,
    mayExit: true,
    watch: ['src/**'],
  })
  expect(checks.map(({ name }) => name)).toEqual(['GET /'])
  expect(rules.get('worker')?.dependsOn).toEqual([{ type: 'db', until: 'ready' }])
  expect(rules.get('worker')?.checks?.[0]?.probe).toEqual({ by: 'log', pattern: '^up$' })
})

const WRONG: readonly (readonly [what: string, app: unknown, ...said: string[]])[] = [
  ['a list', [], 'error  has to be an object: {...}'],
  [
    'a count that is text',
    { formation: { web: { quantity: '2' } } },
    'error formation.web.quantity has to be a whole number',
  ],
  [
    'a count below 0',
    { formation: { web: { quantity: -1 } } },
    'error formation.web.quantity has to be at least 0',
  ],
  [
    'a key that is nearly right',
    { formation: { web: { quantiy: 1 } } },
    'warning formation.web.quantiy is not known here and has no effect (did you mean "quantity"? (keys: quantity, size, max_parallel, autoscaling, service))',
  ],
  [
    'keys of several places that are nearly right',
    { formation: { web: { quantiy: 1 } }, 'tw-run': { web: { stopSignl: 'SIGINT' } } },
    'warning formation.web.quantiy is not known here and has no effect (did you mean "quantity"? (keys: quantity, size, max_parallel, autoscaling, service))',
    'warning tw-run.web.stopSignl is not known here and has no effect (did you mean "stopSignal"? (keys: restart, stopSignal, grace, dependsOn, max, mayExit, watch, ready))',
  ],
  [
    'a key that a path writes in another way',
    { 'tw-run': { web: { 'a/b~c': 1 } } },
    'warning tw-run.web["a/b~c"] is not known here and has no effect (keys: restart, stopSignal, grace, dependsOn, max, mayExit, watch, ready)',
  ],
  ...['1abcdefg', 'abcdefg1'].map((type): [string, unknown, string, string] => {
    const place = type === 'abcdefg1' ? 'tw-run.abcdefg1' : 'tw-run["1abcdefg"]'
    return [
      `a type ${type}`,
      { 'tw-run': { [type]: { grace: 'x' } } },
      `error ${place}.grace has to be a number`,
      `warning ${place} there is no process type "${type}" in the Procfile (process types: web, worker, db, migrate, release)`,
    ]
  }),
  [
    'a command of no words',
    { healthchecks: { web: [{ command: [] }] } },
    'error healthchecks.web[0].command may not be empty',
  ],
  [
    'a section that is nearly right',
    { healtchecks: {} },
    'warning healtchecks is not known and has no effect (did you mean "healthchecks"? (keys that tw-run reads: formation, healthchecks, env, scripts, tw-run))',
  ],
  [
    'a type that is nearly right',
    { 'tw-run': { wrker: {} } },
    'warning tw-run.wrker there is no process type "wrker" in the Procfile (did you mean "worker"? (process types: web, worker, db, migrate, release))',
  ],
  ...(['formation', 'healthchecks'] as const).map(
    (section) =>
      [
        `a type that is nearly right in ${section}`,
        { [section]: { wrker: section === 'formation' ? {} : [] } },
        `warning ${section}.wrker there is no process type "wrker" in the Procfile (did you mean "worker"? (process types: web, worker, db, migrate, release))`,
      ] as const,
  ),
  [
    'an unknown kind of check',
    { healthchecks: { web: [{ path: '/', type: 'ready' }] } },
    'error healthchecks.web[0].type has to be one of startup, readiness, liveness',
  ],
  [
    'a check that goes two ways',
    { healthchecks: { web: [{ path: '/', command: ['x'] }] } },
    'error healthchecks.web[0].path a check goes one way: this one has "command" and "path" (make two checks of it)',
  ],
  [
    'a check that goes no way',
    { healthchecks: { web: [{ listening: false }] } },
    'warning healthchecks.web[0] does not say what to check, so it passes at once (give it one of command, path, listening, uptime)',
  ],
  [
    'a body without a request',
    { healthchecks: { web: [{ uptime: 1, content: 'x' }] } },
    'error healthchecks.web[0].content needs a "path" to ask',
  ],
  [
    'headers of a command',
    { healthchecks: { web: [{ command: ['x'], httpHeaders: [{ name: 'a', value: 'b' }] }] } },
    'error healthchecks.web[0].httpHeaders needs a "path" to ask',
  ],
  [
    'a scheme of a port',
    { healthchecks: { web: [{ listening: true, scheme: 'https' }] } },
    'error healthchecks.web[0].scheme needs a "path" to ask',
  ],
  [
    'a check that goes a way that is none, and another one',
    { healthchecks: { web: [{ command: 1, uptime: 1 }] } },
    'error healthchecks.web[0].command has to be a list: [...]',
  ],
  [
    'a header that would smuggle another one',
    { healthchecks: { web: [{ path: '/', httpHeaders: [{ name: 'a', value: 'b\r\nc: d' }] }] } },
    'error healthchecks.web[0].httpHeaders[0].value is not of the form that it has to have, such as "https"',
  ],
  [
    'a variable that is a number',
    { env: { A: 1 } },
    'error env.A has to be a text in quotes or an object: {...}',
  ],
  ['a name that no variable has', { env: { 'A B': 'x' } }, 'error env["A B"] is no name of a variable'],
  [
    'a policy that there is not',
    { 'tw-run': { web: { restart: 'sometimes' } } },
    'error tw-run.web.restart is not of the form that it has to have, such as "on-failure:3"',
  ],
  [
    'a signal that there is not',
    { 'tw-run': { web: { stopSignal: 'SIGFOO' } } },
    'error tw-run.web.stopSignal "SIGFOO" is no signal (such as SIGTERM, SIGINT or SIGQUIT)',
  ],
  [
    'a pattern that is none',
    { 'tw-run': { web: { ready: { log: '(' } } } },
    'error tw-run.web.ready.log is no regular expression: Invalid regular expression: /(/: Unterminated group',
  ],
  ...['/etc/*', '../x', 'src/../../x', '!/x', '..'].map(
    (glob) =>
      [
        `the glob ${glob}`,
        { 'tw-run': { web: { watch: ['src/a..b/*', glob] } } },
        'error tw-run.web.watch[1] has to lie below the folder of app.json (such as "src/**/*.js")',
      ] as const,
  ),
  [
    'an unknown dependency',
    { 'tw-run': { web: { dependsOn: ['bd'] } } },
    'error tw-run.web.dependsOn[0] there is no process type "bd" to wait for (did you mean "db"? (process types: web, worker, db, migrate, release))',
  ],
  [
    'a dependency on a stage',
    { 'tw-run': { web: { dependsOn: { release: 'completed' } } } },
    'error tw-run.web.dependsOn.release "release" is a stage, which runs before everything else anyway (run the stages with: tw-run start --release)',
  ],
  [
    'a circle',
    {
      'tw-run': {
        web: { dependsOn: ['worker'] },
        worker: { dependsOn: ['db'] },
        db: { dependsOn: ['worker'] },
      },
    },
    'error tw-run.worker.dependsOn these wait for each other, and none could ever be started: worker -> db -> worker (take one of them out)',
  ],
  [
    'one that waits for itself',
    { 'tw-run': { web: { dependsOn: ['web'] } } },
    'error tw-run.web.dependsOn these wait for each other, and none could ever be started: web -> web (take one of them out)',
  ],
  [
    'a task that would never be over',
    { 'tw-run': { web: { dependsOn: { migrate: 'completed' } }, migrate: { restart: 'always' } } },
    'error tw-run.migrate.restart "web" waits for it to complete, and it would start again each time (write "on-failure")',
  ],
]

test.for(WRONG)('%s is said, with its path', ([, app, ...said]) => {
  expect(problemsOf(app)).toEqual(said)
})

test.for<[string, unknown, readonly string[]]>([
  [
    'the same type',
    { 'tw-run': { web: { stopSignal: 'SIGFOO', grace: -1, ready: { log: '(' }, bogus: 1 } } },
    [
      'warning tw-run.web.bogus',
      'error tw-run.web.grace',
      'error tw-run.web.stopSignal',
      'error tw-run.web.ready.log',
    ],
  ],
  [
    'the same dependency',
    { 'tw-run': { web: { dependsOn: { dbb: 'redy' } } } },
    ['error tw-run.web.dependsOn.dbb', 'error tw-run.web.dependsOn.dbb'],
  ],
  [
    'the same list, whose places stay what they are',
    { 'tw-run': { web: { watch: ['', '/etc', 1, '../x'] } } },
    ['watch[0]', 'watch[2]', 'watch[1]', 'watch[3]'].map((place) => `error tw-run.web.${place}`),
  ],
  [
    'another check',
    { healthchecks: { web: [{ path: 1 }, { path: '/', uptime: 1, timeout: 0 }] } },
    ['[0].path', '[1].timeout', '[1].uptime'].map((place) => `error healthchecks.web${place}`),
  ],
  [
    'the rest of the file',
    { formation: 3, 'tw-run': { 1: { grace: 'x', max: 0 }, web: { dependsOn: ['nobody', 2] } } },
    [
      'error formation',
      'error tw-run[1].grace',
      'error tw-run[1].max',
      'error tw-run.web.dependsOn[1]',
      'warning tw-run["1"]',
      'error tw-run.web.dependsOn[0]',
    ],
  ],
])('what the schema finds wrong hides nothing in %s', ([, app, said]) => {
  const places = problemsOf(app).map((text) => text.split(' ').slice(0, 2).join(' '))
  expect(places.toSorted()).toEqual(said.toSorted())
})

test('whatever the schema finds right can be judged further', () => {
  const keys = fc.constantFrom(
    'formation',
    'healthchecks',
    'env',
    'tw-run',
    'web',
    'db',
    '1',
    'quantity',
    'path',
    'command',
    'httpHeaders',
    'name',
    'dependsOn',
    'watch',
    'ready',
    'log',
    'stopSignal',
    'restart',
    'content',
    '__proto__',
  )
  const leaf = fc.constantFrom('web', '/', '(', 'SIGFOO', 'ready', 'always', '', 0, -1, true, null)
  const { app } = fc.letrec((tie) => ({
    app: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaf,
      fc.array(tie('app'), { maxLength: 3 }),
      fc.dictionary(keys, tie('app'), { maxKeys: 4 }),
    ),
  }))
  fc.assert(
    fc.property(app, (value) => {
      const text = JSON.stringify(value)
      const read: unknown = JSON.parse(text)
      expect(() => problemsOf(read)).not.toThrow()
      expect(JSON.stringify(read)).toBe(text)
    }),
  )
})

test('what is always started again may be waited for until it is ready', () => {
  expect(problemsOf({ 'tw-run': { web: { dependsOn: ['db'] }, db: { restart: 'always' } } })).toEqual([])
})

test.each([
  [{ healtchecks: {} }, true],
  [{ 'tw-run': { wrker: {} } }, true],
  [{ healthchecks: { web: [{ path: '/', command: ['x'] }] } }, true],
  [{ healthchecks: { web: [{ uptime: 1, content: 'x' }] } }, true],
  [{ 'tw-run': { web: { dependsOn: { nobody: 'ready' } } } }, true],
  [{ 'tw-run': { web: { dependsOn: ['nobody'] } } }, false],
  [{ 'tw-run': { web: { dependsOn: ['web'] } } }, true],
  [{ 'tw-run': { web: { stopSignal: 'SIGFOO' } } }, false],
  [{ healthchecks: { web: [{ listening: false }] } }, false],
])('of %j the key is what is meant, not its value: %s', (app, isKey) => {
  const { problems } = decodeAppJson(app as AppJson, TYPES)
  expect(problems.map((one) => one.isKey ?? false)).toEqual([isKey])
})

test('a diamond of dependencies is no circle', () => {
  expect(
    problemsOf({
      'tw-run': {
        web: { dependsOn: ['worker', 'db'] },
        worker: { dependsOn: ['migrate'] },
        db: { dependsOn: ['migrate'] },
      },
    }),
  ).toEqual([])
})

const OPTIONS = { restart: { when: 'always' }, graceMs: 5_000, router: undefined, suddenly: false } as const
const COMMAND = { name: 'migrate', command: 'true', line: 1 }

test('what others wait for to complete may end, and is not started again and again', () => {
  const manifest = decode({ 'tw-run': { web: { dependsOn: { migrate: 'completed' } } } })
  const rules = rulesOf(COMMAND, OPTIONS, manifest, new Map())
  expect(rules).toMatchObject({ mayExit: true, restart: { when: 'on-failure' } })
  expect(rulesOf(COMMAND, OPTIONS, NO_MANIFEST, new Map())).toMatchObject({
    mayExit: false,
    restart: { when: 'always' },
  })
})

test('a type with nothing but a liveness check is ready as it would be without', () => {
  const manifest = decode({ healthchecks: { web: [{ type: 'liveness', path: '/' }] } })
  const { checks } = rulesOf({ name: 'web', command: 'x', line: 1 }, OPTIONS, manifest, new Map())
  expect(checks.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['startup port', 'liveness GET /'])
})

test('what app.json says of a type is stronger than an option for all', () => {
  const manifest = decode({
    'tw-run': { migrate: { restart: 'no', grace: 9, stopSignal: 'SIGQUIT', max: 1 } },
  })
  expect(rulesOf(COMMAND, OPTIONS, manifest, new Map())).toMatchObject({
    restart: { when: 'no' },
    stop: { signal: 'SIGQUIT', graceMs: 9_000 },
    max: { count: 1, from: 'app.json' },
  })
  expect(rulesOf(COMMAND, OPTIONS, manifest, new Map([['migrate', 4]])).max).toEqual({
    count: 4,
    from: '--max',
  })
})

test.for([
  ['web', true, { signal: 'SIGKILL', graceMs: 9_000, drainMs: 14_000 }],
  ['web', false, { signal: 'SIGKILL', graceMs: 9_000, drainMs: 0 }],
  ['worker', true, { signal: 'SIGKILL', graceMs: 5_000, drainMs: 0 }],
] as const)('who is killed without a word, %s, routed: %s', ([name, isRouted, expected]) => {
  const manifest = decode({ 'tw-run': { web: { grace: 9, stopSignal: 'SIGQUIT' } } })
  const router = isRouted ? { host: '127.0.0.1', port: 8080 } : undefined
  const { stop } = rulesOf({ ...COMMAND, name }, { ...OPTIONS, router, suddenly: true }, manifest, new Map())
  expect(stop).toEqual(expected)
})
