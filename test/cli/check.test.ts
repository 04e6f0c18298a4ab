import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { makeApp, type TestApp } from '../support/rig.ts'

const apps: TestApp[] = []
afterEach(() => {
  for (const app of apps.splice(0)) app.cleanup()
})

function appWith(files: Record<string, string | Uint8Array>): TestApp {
  const app = makeApp(files)
  apps.push(app)
  return app
}

test('a sound Procfile is named with its types and what would not travel', async () => {
  const { code, stdout, stderr } = await appWith({ Procfile: 'web: a\nmy-worker:b\nrelease: c\n' }).cli([
    'check',
  ])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatchInlineSnapshot(`
    "valid Procfile: web, my-worker, release
    Procfile:2:10: note: hivemind and overmind skip "my-worker" for want of a blank after the colon
      my-worker:b
               ^
      hint: write "my-worker: "
    Procfile:2:1: note: heroku local rejects "my-worker" for its hyphen
      my-worker:b
      ^^^^^^^^^
      hint: "my_worker" works everywhere
    "
  `)
})

test('all that is wrong with Procfile, .env and options is said at once', async () => {
  const app = appWith({ Procfile: 'web: a\nnpm start\nweb: b\n', '.env': 'A=1\nTOKEN="hunter2\n' })
  const { code, stdout, stderr } = await app.cli(['check', '-t', 'soon'])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatchInlineSnapshot(`
    "Procfile:2:1: error: this is not "<type>: <command>"
      npm start
      ^^^^^^^^^
      hint: write "<type>: <command>", or begin the line with # to make it a comment
    Procfile:3:1: error: "web" is declared twice (first on line 1)
      web: b
      ^^^
      hint: rename or remove one; to run several of one type, use --formation web=2
    .env:2:7: error: a quote is opened here and never closed
      TOKEN="*******
            ^
      hint: close it with "
    tw-run: --timeout: "soon" is not a number of seconds from 0 to 86400
    "
  `)
})

test('a variable that a process may not get is a warning', async () => {
  const app = appWith({ Procfile: 'web: a\n', '.env': 'A=1\nspring.url=hunter2\n' })
  const { code, stdout, stderr } = await app.cli(['check'])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatchInlineSnapshot(`
    "valid Procfile: web
    .env:2:1: warning: "spring.url" is no name for a shell: a process may not get it
      spring.url=*******
      ^^^^^^^^^^
      hint: name it with letters, digits and _, with no digit first
    "
  `)
})

describe('a formation without a process', () => {
  const NOTHING =
    'tw-run: nothing to run: the formation has no process\n  hint: give it one: --formation web=1\n'
  const files = { Procfile: 'web: a\nworker: b\nrelease: c\n' }
  const ALL_0 = '{\n  "formation": { "web": { "quantity": 0 }, "worker": { "quantity": 0 } }\n}\n'

  test.each([
    [['-m', 'web=0,worker=0'], {}],
    [['-x', 'web,worker'], {}],
    [[], { TW_RUN_FORMATION: 'all=0' }],
  ])('that was asked for is an error, as it is of start: %j %j', async (args, env) => {
    const app = appWith(files)
    expect(await app.cli(['check', ...args], env)).toEqual({ code: 2, stdout: '', stderr: NOTHING })
  })

  test('is said with what else is wrong', async () => {
    const app = appWith({ ...files, 'app.json': '{"env": {"KEY": {}}}' })
    const { code, stderr } = await app.cli(['check', '-m', 'all=0'])
    expect(code).toBe(2)
    expect(stderr).toContain(`${NOTHING}tw-run: KEY is not set`)
  })

  test('is only doubtful where app.json leaves it to the start', async () => {
    const app = appWith({ ...files, 'app.json': ALL_0 })
    const { code, stdout, stderr } = await app.cli(['check'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(
      'app.json:2:3: warning: formation: nothing runs but what is asked for: each type has 0\n',
    )
    expect(stdout).toContain('  hint: give it one: --formation web=1\n')
    expect((await app.cli(['check', '-m', 'web=1'])).stdout).not.toContain('warning')
    expect((await app.cli(['check', '-m', 'web=0'])).stderr).toContain(NOTHING)
  })

  test('is none where there are only stages, or they are what is to run', async () => {
    const stages = await appWith({ Procfile: 'release: c\n' }).cli(['check'])
    expect(stages).toEqual({ code: 0, stdout: 'valid Procfile: release\n', stderr: '' })
    const { code } = await appWith(files).cli(['check', '-m', 'all=0'], { TW_RUN_RELEASE: 'true' })
    expect(code).toBe(0)
  })
})

describe('each bad input has a message of its own and ends with 2', () => {
  const cases: [string, (app: TestApp) => void, string[], RegExp][] = [
    [
      'no Procfile',
      () => {},
      [],
      /^tw-run: no Procfile \(looked for \/.*\/app\/Procfile\)\n {2}hint: write one/,
    ],
    [
      'an empty one',
      (app) => writeFileSync(app.path('Procfile'), ''),
      [],
      /^Procfile:1:1: error: no process type/,
    ],
    [
      'a directory',
      (app) => mkdirSync(app.path('Procfile')),
      [],
      /^tw-run: cannot read Procfile: it is a directory/,
    ],
    [
      'a circle of links',
      (app) => symlinkSync('Procfile', app.path('Procfile')),
      [],
      /symbolic links go in a circle/,
    ],
    [
      'a binary',
      (app) => writeFileSync(app.path('Procfile'), Buffer.alloc(999, '\x7fELF\0\xff\x01', 'latin1')),
      [],
      /binary file/,
    ],
    [
      '10 MB',
      (app) => writeFileSync(app.path('Procfile'), Buffer.alloc(1e7, 'web: a\n')),
      [],
      /^tw-run: Procfile is larger than 1 MiB \(9.5 MiB\)/,
    ],
    ['what has no end', () => {}, ['-f', '/dev/zero'], /^tw-run: \/dev\/zero is larger than 1 MiB/],
    [
      'a missing root',
      () => {},
      ['-d', 'nowhere'],
      /^tw-run: cannot use \/.*\/nowhere as the root: there is no such folder/,
    ],
    [
      'a root that is a file',
      (app) => writeFileSync(app.path('file'), ''),
      ['-d', 'file'],
      /file is not a folder/,
    ],
  ]
  test.each(cases)('%s', async (_, prepare, args, expected) => {
    const app = appWith({})
    prepare(app)
    const { code, stdout, stderr } = await app.cli(['check', ...args], { PORT: undefined })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(expected)
  })

  test.each<[string, Record<string, string>, string[], RegExp]>([
    [
      'a missing -e file',
      {},
      ['-e', 'no.env'],
      /^tw-run: no environment file no.env \(looked for \/.*no.env\)/,
    ],
    ['an .env that is a directory', { '.env/x': '' }, [], /^tw-run: cannot read .env: it is a directory/],
    [
      'the root in the file that is found by it',
      { '.env': 'A=1\nTW_RUN_ROOT=sub\n' },
      [],
      /^\.env:2:1: error: TW_RUN_ROOT has no effect here.*\n {2}TW_RUN_ROOT=\*{3}\n {2}\^{11}\n {2}hint: set it in the shell, or use -d <folder>\n$/,
    ],
    [
      'a value that is cut at #',
      { '.env': 'URL=http://x/#/home\n' },
      [],
      /^\.env:1:14: error: the value ends here: .*\n {2}URL=\*{15}\n {2} {13}\^{6}\n {2}hint: put the value in quotes, or write a blank before the # of a comment\n$/,
    ],
    ['an unknown type', {}, ['-m', 'wbe=2'], /unknown process type "wbe"\n {2}hint: did you mean "web"\?/],
    ['a negative count', {}, ['-m', 'web=-1'], /"web=-1": the count is no whole number/],
    ['half a process', {}, ['-m', 'web=1.5'], /"web=1.5": the count is no whole number/],
    ['far too many', {}, ['-c', 'web=999999'], /"web=999999": at most 9999 of one type/],
    [
      'overlapping ports',
      {},
      ['-m', 'web=101'],
      /"web" \(5000 to 5100\) and "worker" .* overlap\n.*--port-step 101/,
    ],
    ['ports that do not exist', {}, ['-p', '65535', '-m', 'web=2'], /web.2 would get port 65536/],
  ])('%s', async (_, files, args, expected) => {
    const app = appWith({ Procfile: 'web: a\nworker: b\n', ...files })
    const { code, stdout, stderr } = await app.cli(['check', ...args], { PORT: undefined })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(expected)
  })
})

describe('--json', () => {
  test('a sound Procfile', async () => {
    const { code, stdout } = await appWith({ Procfile: 'web:a' }).cli(['check', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      valid: true,
      types: ['web'],
      diagnostics: [{ severity: 'note', line: 1 }],
    })
  })

  test('a Procfile with errors', async () => {
    const { code, stdout, stderr } = await appWith({ Procfile: 'web' }).cli(['check', '--json', '-t', 'x'])
    expect([code, stderr]).toEqual([2, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      diagnostics: [
        {
          severity: 'error',
          file: 'Procfile',
          line: 1,
          column: 1,
          message: 'this is not "<type>: <command>"',
        },
        { severity: 'error', message: expect.stringContaining('--timeout') as string },
      ],
    })
  })

  test('no Procfile', async () => {
    const { code, stdout } = await appWith({}).cli(['check', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, diagnostics: [{ severity: 'error' }] })
  })
})
