import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { liveApp } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

/** What is wrong with the input of a start. */
interface Wrong {
  /** undefined for a sound one. */
  readonly procfile?: string | Buffer | ((app: LiveApp) => void)
  readonly env?: string
  readonly args?: readonly string[]
  readonly message: RegExp
}

const SOUND = 'web: touch started; sleep 100\nworker: touch started; sleep 100\n'
const FIRST = portAt(0)
const MERGE = `${SOUND}<<<<<<< HEAD\njob: a\n=======\njob: b\n>>>>>>> other\n`

const WRONG: readonly [string, Wrong][] = [
  [
    'no Procfile',
    {
      procfile: () => {},
      message:
        /^tw-run: no Procfile \(looked for \/.*\/Procfile\)\n {2}hint: write one "<type>: <command>" a line/,
    },
  ],
  ['an empty one', { procfile: '', message: /^Procfile:1:1: error: no process type/ }],
  [
    'a directory',
    {
      procfile: (app) => mkdirSync(app.path('Procfile')),
      message: /^tw-run: cannot read Procfile: it is a directory/,
    },
  ],
  ['a binary', { procfile: Buffer.alloc(999, '\x7fELF\0\xff\x01', 'latin1'), message: /binary file/ }],
  [
    '10 MB',
    { procfile: Buffer.alloc(1e7, SOUND), message: /^tw-run: Procfile is larger than 1 MiB \(9\.5 MiB\)/ },
  ],
  [
    'two bad lines',
    {
      procfile: `${SOUND}npm start\njob:\n`,
      message:
        /^Procfile:3:1: error: .*\n {2}npm start\n {2}\^{9}\n[^]*^Procfile:4:1: error: .*\n {2}job:\n/m,
    },
  ],
  [
    'a duplicate',
    {
      procfile: `${SOUND}web: again\n`,
      message: /^Procfile:3:1: error: "web" is declared twice \(first on line 1\)/,
    },
  ],
  [
    'merge markers',
    { procfile: MERGE, message: /^Procfile:3:1: error: .*merge[^]*^Procfile:5:1: error: .*merge/m },
  ],
  [
    'an unknown type',
    { args: ['-m', 'wbe=2'], message: /unknown process type "wbe"\n {2}hint: did you mean "web"\?/ },
  ],
  ['a negative count', { args: ['-m', 'web=-1'], message: /"web=-1": the count is no whole number/ }],
  ['half a process', { args: ['-m', 'web=1.5'], message: /"web=1\.5": the count is no whole number/ }],
  ['far too many', { args: ['-m', 'web=999999'], message: /"web=999999": at most 9999 of one type/ }],
  [
    'overlapping ports',
    {
      args: ['-m', 'web=101'],
      message: new RegExp(
        `"web" \\(${FIRST} to ${FIRST + 100}\\) and "worker" .* overlap\\n.*--port-step 101`,
      ),
    },
  ],
  [
    'a missing -e file',
    { args: ['-e', 'no.env'], message: /^tw-run: no environment file no\.env \(looked for \/.*no\.env\)/ },
  ],
  [
    'an unterminated quote',
    { env: 'A=1\nTOKEN="hunter2\n', message: /^\.env:2:7: error: a quote is opened here and never closed/ },
  ],
]

test.for(WRONG)(
  '%s: exit code 2, the reason, and nothing begun',
  async ([, { procfile = SOUND, env, args = [], message }]) => {
    const app = liveApp(env === undefined ? {} : { '.env': env })
    if (typeof procfile === 'function') procfile(app)
    else writeFileSync(app.path('Procfile'), procfile)
    const { code, stdout, stderr } = await app.cli(['start', '-p', String(FIRST), ...args])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/hunter2|\n {4}at /)
    nothingBegun(app)
  },
)

/** Root may read everything. */
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
const isRoot = process.getuid?.() === 0

requires(...(isRoot ? (['setpriv'] as const) : []))('one that may not be read: the same', async () => {
  const app = liveApp({ Procfile: SOUND })
  chmodSync(app.path('Procfile'), 0)
  // The folder that all of the test is in is the user's alone.
  chmodSync(dirname(app.root), 0o755)
  const run = app.startBy([...(isRoot ? AS_NOBODY : []), process.execPath], ['start', '-p', String(FIRST)])
  expect(await run.ended, run.output()).toBe(2)
  expect(run.output()).toMatch(/^tw-run: cannot read Procfile: .*permission/)
  nothingBegun(app)
})

function nothingBegun(app: LiveApp): void {
  expect(app.survivors()).toEqual([])
  expect([existsSync(app.path('started')), existsSync(app.stateDir)]).toEqual([false, false])
}
