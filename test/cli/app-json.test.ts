import { afterEach, expect, test } from 'vitest'
import { portAt } from '../support/ports.ts'
import { makeApp } from '../support/rig.ts'
import type { TestApp } from '../support/rig.ts'

const apps: TestApp[] = []
afterEach(() => apps.splice(0).forEach((app) => app.cleanup()))

function appWith(appJson: unknown, files: Readonly<Record<string, string>> = {}): TestApp {
  const text = typeof appJson === 'string' ? appJson : JSON.stringify(appJson, undefined, 2)
  const app = makeApp({
    Procfile: 'web: sleep 1\nworker: sleep 1\nclock: sleep 1\n',
    'app.json': text,
    ...files,
  })
  apps.push(app)
  return app
}

async function counts(app: TestApp, ...args: string[]): Promise<string[]> {
  const { stdout } = await app.cli(['ports', '--json', '-p', String(portAt(0)), ...args])
  return (JSON.parse(stdout) as { process: string }[]).map(({ process }) => process)
}

test('every mistake in app.json is an error with its place and its path', async () => {
  const app = appWith(`{
  "formation": { "web": { "quantity": "2" } },
  "tw-run": { "web": { "grace": -1, "restrt": "no",
    "stopSignal": "SIGFOO" } }
}`)
  const LINE = '    "tw-run": { "web": { "grace": -1, "restrt": "no",'
  const found = await app.cli(['check'])
  expect(found).toEqual({
    code: 2,
    stdout: '',
    stderr: [
      'app.json:2:39: error: formation.web.quantity: has to be a whole number',
      '    "formation": { "web": { "quantity": "2" } },',
      '                                        ^^^',
      'app.json:3:33: error: tw-run.web.grace: has to be at least 0',
      LINE,
      '                                  ^^',
      'app.json:3:37: warning: tw-run.web.restrt: is not known here and has no effect',
      LINE,
      '                                      ^^^^^^^^',
      '  hint: did you mean "restart"? (keys: restart, stopSignal, grace, dependsOn, max, mayExit, watch, ready)',
      'app.json:4:19: error: tw-run.web.stopSignal: "SIGFOO" is no signal',
      '      "stopSignal": "SIGFOO" } }',
      '                    ^^^^^^^^',
      '  hint: such as SIGTERM, SIGINT or SIGQUIT',
      '',
    ].join('\n'),
  })
  expect((await app.cli(['start', '-p', String(portAt(0))])).stderr).toBe(found.stderr)
})

test.for([
  ['{"a": 1,}', 'app.json:1:9: error: a key in double quotes is expected here'],
  ['{\n  "a": 1 // one\n}', 'app.json:2:10: error: JSON has no comments'],
  ['{"a": {', 'error: a } is missing'],
  ['{"a" 1}', 'app.json:1:6: error: a colon is expected here'],
  ['', 'app.json:1:1: error: a value is expected here'],
  ['{"env": {"A": "1", "A": "2"}}', 'error: env.A: is there twice'],
] as const)('%s is no app.json', async ([text, said]) => {
  const { code, stderr } = await appWith(text).cli(['check'])
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(said) as string })
})

test('a file with a byte order mark and CRLF has its places where a person sees them', async () => {
  const { stderr } = await appWith('\ufeff{\r\n  "formation": 3\r\n}\r\n').cli(['check'])
  expect(stderr).toBe(
    'app.json:2:16: error: formation: has to be an object: {...}\n    "formation": 3\n                 ^\n',
  )
})

test('what is doubtful is a warning, for a person and as JSON, and starts all the same', async () => {
  const app = appWith({ 'tw-run': { wrker: {}, web: { restrt: 'no' } } })
  const { code, stdout } = await app.cli(['check'])
  expect(code).toBe(0)
  expect(stdout).toContain(
    'app.json:3:5: warning: tw-run.wrker: there is no process type "wrker" in the Procfile',
  )
  expect(stdout).toContain('hint: did you mean "worker"?')
  expect(stdout).toContain('app.json:5:7: warning: tw-run.web.restrt: is not known here and has no effect')
  const asJson = JSON.parse((await app.cli(['check', '--json'])).stdout) as { diagnostics: object[] }
  expect(asJson).toMatchObject({ valid: true, diagnostics: [{ severity: 'warning', line: 3 }, { line: 5 }] })
  const started = await app.cli(['start', '-p', String(portAt(0)), '-m', 'web=1,all=0'])
  const inOneLine = /system +\| app\.json:3:5: warning: .*wrker.*did you mean "worker"/
  expect(started.stdout).toMatch(inOneLine)
  expect(started.code).toBe(0)
  const around = await app.cli(['with', '-p', 'auto', '-m', 'web=1,all=0', '--', 'true'])
  expect(around.stderr).toMatch(inOneLine)
  const proved = await app.cli(['prove', '-m', 'web=1,all=0', '--', 'false'])
  expect(proved.stderr).toMatch(/^app\.json:3:5: warning: .*wrker[^]*did you mean "worker"/m)
})

test('quantity is the count where --formation does not say another', async () => {
  const app = appWith({ formation: { web: { quantity: 2 }, clock: { quantity: 0 } } })
  expect(await counts(app)).toEqual(['web.1', 'web.2', 'worker.1'])
  expect(await counts(app, '-m', 'web=1')).toEqual(['web.1', 'worker.1'])
  expect(await counts(app, '-m', 'all=1')).toEqual(['web.1', 'worker.1', 'clock.1'])
  // Named as the one to run, it runs.
  expect(await counts(app, 'clock')).toEqual(['clock.1'])
})

test('a default of app.json is the weakest value of all, also where files win over the shell', async () => {
  const app = appWith({ env: { A: 'a', B: { value: 'b' }, C: 'c' } }, { '.env': 'B=file\n' })
  const explain = async (...args: string[]): Promise<string> =>
    (await app.cli(['env', '--explain', '--show-values', '-p', String(portAt(0)), ...args], { C: 'shell' }))
      .stdout
  for (const text of [await explain(), await explain('--env-precedence', 'file')]) {
    expect(text).toMatch(/^A +app\.json +a$/m)
    expect(text).toMatch(/^B +\.env \(over app\.json\) +file$/m)
    expect(text).toMatch(/^C +shell \(over app\.json\) +shell$/m)
  }
})

test('a required variable that nobody set stops check, start and run before anything starts', async () => {
  const app = appWith({ env: { SECRET: { description: 'signs cookies' } } })
  for (const args of [
    ['check'],
    ['start', '-p', String(portAt(0))],
    ['start', '-D', '-p', String(portAt(0))],
    ['run', 'true'],
  ]) {
    expect(await app.cli(args)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'tw-run: SECRET is not set, and app.json says that the app needs it\n' +
        '  hint: write SECRET=... into .env, or say "required": false in app.json\n',
    })
  }
  expect((await app.cli(['check'], { SECRET: 'x' })).code).toBe(0)
  // What only lists is no reason to ask for it.
  expect((await app.cli(['ports', '-p', String(portAt(0))])).code).toBe(0)
})

test('max of app.json is said where it is reached', async () => {
  const app = appWith({ 'tw-run': { clock: { max: 1 } } })
  expect(await app.cli(['check', '-m', 'clock=2'])).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'tw-run: clock=2: app.json allows 1 of it, since more would do its work twice\n  hint: write clock=1\n',
  })
  expect((await app.cli(['check', '-m', 'clock=2'], { TW_RUN_MAX: 'clock=2' })).code).toBe(0)
})
