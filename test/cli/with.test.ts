import { createServer } from 'node:net'
import { describe, expect } from 'vitest'
import type { LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { BIN } from '../support/rig.ts'
import { requires } from '../support/requirement.ts'
import { portsFrom, PROCFILE, reportIn, runWith, webApp } from '../support/with.ts'

const test = requires('linux')
/** Five ports for each test. */
let nextPort = portAt(0)
const ports = (): string[] => portsFrom((nextPort += 5))
const REPORT = ['--report', 'report.json']

/** What the command says: what the formation says comes on stderr, between any two lines of it. */
function stdoutOf({ child }: LiveRun): () => string {
  let text = ''
  child.stdout?.on('data', (chunk: string) => (text += chunk))
  return () => text
}

describe('the command', () => {
  test('begins when all is ready, with the addresses in its environment', async () => {
    const app = webApp({ Procfile: `${PROCFILE}job-queue: sleep 1000\n`, '.env': 'GREETING=hello\n' })
    const script = `
      const { TW_RUN_URL, TW_RUN_WEB_URL, TW_RUN_JOB_QUEUE_URL, PORT, GREETING } = process.env
      fetch(TW_RUN_URL).then((answer) => answer.text()).then((text) =>
        console.log(JSON.stringify([TW_RUN_URL, TW_RUN_WEB_URL, TW_RUN_JOB_QUEUE_URL, PORT, GREETING, text])))`
    const { code, stdout, stderr } = await runWith(
      app,
      [...portsFrom(portAt(0)), '--', 'node', '-e', script],
      {
        BOOT: '700',
      },
    )
    expect(code, stderr).toBe(0)
    const url = `http://127.0.0.1:${portAt(0)}`
    expect(JSON.parse(stdout)).toEqual([
      url,
      url,
      `http://127.0.0.1:${portAt(2)}`,
      String(portAt(0)),
      'hello',
      'hello',
    ])
  })

  test('begins when the stages have ended, also where nothing else runs', async () => {
    const app = webApp({ Procfile: `${PROCFILE}build: sleep 0.2\nrelease: sleep 0.2; touch released\n` })
    const run = await runWith(app, ['--port', 'auto', '-m', 'web=0', '--release', '--', 'ls', 'released'])
    expect([run.code, run.stdout], run.stderr).toEqual([0, 'released\n'])
    expect(run.stderr).toMatch(/release\.1 ended \(exit code 0\)/)
  })

  test.for([0, 1, 7, 42, 255])(
    'gives its exit code %i, and nothing is said of a failure of its own',
    async (code) => {
      const run = await runWith(webApp(), [...ports(), '--', 'sh', '-c', `exit ${code}`])
      expect(run.code).toBe(code)
      expect(run.stderr).not.toMatch(/^tw-run:/m)
      expect(run.stderr).toMatch(/all stopped, nothing left running \(no longer needed\)\n$/)
    },
  )

  test('that dies of a signal gives 128 and its number', async () => {
    const { code } = await runWith(webApp(), [...ports(), '--', 'sh', '-c', 'kill -9 $$'])
    expect(code).toBe(137)
  })

  test('that is not there gives 127, and one that is no program 126', async () => {
    const missing = await runWith(webApp(), [...ports(), '--', 'no-such-command'])
    expect(missing.code).toBe(127)
    expect(missing.stderr).toMatch(/^tw-run: cannot run no-such-command: there is no such command/m)
    const { code } = await runWith(webApp(), [...ports(), '--', './Procfile'])
    expect(code).toBe(126)
  })

  test('has stdout for itself', async () => {
    const { code, stdout, stderr } = await runWith(webApp(), [...ports(), '--', 'echo', 'its own'])
    expect([code, stdout]).toEqual([0, 'its own\n'])
    expect(stderr).toMatch(/web\.1 +\| listening/)
  })

  test('gets stdin', async () => {
    const app = webApp()
    const shell = ['sh', '-c', 'printf "one\\ntwo\\n" | "$@"', 'sh', process.execPath]
    const run = app.startBy(shell, ['with', ...ports(), '--', 'sh', '-c', 'cat; echo end'])
    const stdout = stdoutOf(run)
    expect(await run.ended).toBe(0)
    expect(stdout()).toMatch(/^one\ntwo\nend$/m)
  })

  test('gets its options as they are, and the folder that one stands in', async () => {
    const app = webApp({ 'sub/mark': '' })
    const run = app.startBy(
      ['sh', '-c', 'cd sub && exec "$@"', 'sh', process.execPath],
      ['with', '-f', '../Procfile', ...ports(), '--', 'sh', '-c', 'ls; echo "$@"', 'sh', '-p', '--report'],
    )
    const stdout = stdoutOf(run)
    expect(await run.ended, run.output()).toBe(0)
    expect(stdout()).toMatch(/^mark\n-p --report$/m)
  })

  test('may leave something running, which is ended', async () => {
    const app = webApp()
    const leave =
      "setsid sh -c 'echo $$ > left; exec sleep 1000' > /dev/null 2>&1 & until [ -s left ]; do :; done"
    const { code, stderr } = await runWith(app, [...ports(), '--', 'sh', '-c', leave])
    expect(code, stderr).toBe(0)
    expect(app.survivors()).toEqual([])
  })

  test.for([
    ['at ports that were named', ports()],
    ['at ports of its own', ['--port', 'auto']],
  ] as const)('may ask tw-run about the formation, %s', async ([, where]) => {
    const { code, stdout } = await runWith(webApp(), [...where, '--', process.execPath, BIN, 'ps', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([{ process: 'web.1', ready: true }])
  })

  test('is a script of npm, and tw-run with is one', async () => {
    const scripts = {
      test: `node "${BIN}" with ${ports().join(' ')} -- npm run --silent inner`,
      inner: 'echo "$TW_RUN_WEB_URL"; exit 5',
    }
    const app = webApp({ 'package.json': JSON.stringify({ scripts }) })
    const run = app.startBy(['sh', '-c', 'exec npm run --silent test'])
    expect(await run.ended).toBe(5)
    expect(run.output()).toMatch(/^http:\/\/127\.0\.0\.1:\d{5}$/m)
  })
})

describe('a formation that fails', () => {
  test('at boot: the code, the cause and the last lines, each once; the command is not begun', async () => {
    const run = await runWith(webApp(), [...ports(), '--', 'echo', 'begun'], { BOOT: '9000', DIE: '50' })
    expect([run.code, run.stdout]).toEqual([9, ''])
    expect(run.stderr.split('\n').slice(-4)).toEqual([
      'tw-run: the last lines of web.1:',
      '  | cannot go on',
      expect.stringMatching(
        /^tw-run: web\.1 exited with code 9 after \d+(\.\d)? s, before everything was ready$/,
      ),
      '',
    ])
  })

  test('in the middle: the command is ended, the code is that of the process', async () => {
    const run = await runWith(webApp(), [...ports(), '--', 'node', 'ask.js'], { DIE: 'asked' })
    expect(run.code).toBe(9)
    expect(run.stderr).toMatch(
      /  \| listening\n  \| cannot go on\ntw-run: web\.1 exited .*, while the command ran\n$/,
    )
  })

  test('by ending with 0, which is a failure too', async () => {
    const run = await runWith(webApp(), [...ports(), '--', 'node', 'ask.js'], { DIE: 'asked', CODE: '0' })
    expect(run.code).toBe(1)
    expect(run.stderr).toMatch(/tw-run: web\.1 ended \(exit code 0\) after .*, while the command ran\n$/)
  })

  test('by ending with 0 before it is ready: the command is never begun', async () => {
    const app = webApp({ Procfile: 'web: sleep 0.2; exit 0\n' })
    const runs = await Promise.all(
      [...Array(8).keys()].map(async () => await runWith(app, ['--port', 'auto', '--', 'echo', 'begun'])),
    )
    expect(runs.map(({ code, stdout }) => [code, stdout])).toEqual(Array(8).fill([1, '']))
    for (const { stderr } of runs)
      expect(stderr).toMatch(/web\.1 ended \(exit code 0\) after .*, before everything was ready\n$/)
  })

  test('while the command does not hear SIGTERM', async () => {
    const deaf = ['sh', '-c', 'trap "" TERM; node ask.js & while :; do sleep 0.05; done']
    const run = await runWith(webApp(), [...ports(), '-t', '0.3', '--', ...deaf], { DIE: 'asked' })
    expect(run.code).toBe(9)
  })

  test('by a signal', async () => {
    const app = webApp({ Procfile: 'worker: until [ -f go ]; do sleep 0.05; done; kill -9 $$\n' })
    const run = await runWith(app, [...ports(), '--', 'sh', '-c', 'touch go; exec sleep 1000'])
    expect(run.code).toBe(137)
    expect(run.stderr).toMatch(/^tw-run: worker\.1 was ended by SIGKILL after .*, while the command ran$/m)
  })

  test('shows twenty lines of it, none torn, bytes made safe', async () => {
    const write = String.raw`for i in $(seq 30); do echo "line $i"; done; printf "a\033[31mb\377\000c\r\nno end"; exit 3`
    const app = webApp({ Procfile: `web: sh write.sh\n`, 'write.sh': write })
    const run = await runWith(app, [...ports(), '--', 'true'])
    expect(run.code).toBe(3)
    const shown = run.stderr.split('\n').filter((line) => line.startsWith('  | '))
    const numbered = [...Array(18).keys()].map((index) => `  | line ${index + 13}`)
    expect(shown).toEqual([...numbered, '  | a\\x1b[31mb\uFFFD\\x00c', '  | no end'])
  })

  test('while a restart policy says that it may', async () => {
    const work = ['sh', '-c', 'kill -9 "$(cat pid)"; sleep 0.5; echo done']
    const app = webApp({ Procfile: 'web: echo $$ > pid; exec node web.js\nonce: true\n' })
    const run = await runWith(app, [...ports(), '--restart', 'on-failure', '--', ...work])
    expect([run.code, run.stdout]).toEqual([0, 'done\n'])
    expect(run.stderr).toMatch(/web\.1 was ended by SIGKILL after .*: starting again/)
  })

  test.for([
    ['by its restart policy', ['--restart', 'on-failure'], '{}'],
    ['by app.json', [], '{ "tw-run": { "once": { "mayExit": true } } }'],
  ] as const)('never, where the only one may end %s', async ([, args, manifest]) => {
    const app = webApp({ Procfile: 'once: until [ -f go ]; do sleep 0.05; done\n', 'app.json': manifest })
    const ended = 'until [ "$("$0" "$1" ps --json | grep -c exited)" = 1 ]; do :; done; echo done; exit 7'
    const work = ['sh', '-c', `touch go; ${ended}`, process.execPath, BIN]
    const run = await runWith(app, [...ports(), ...args, ...REPORT, '--', ...work])
    expect([run.code, run.stdout], run.stderr).toEqual([7, 'done\n'])
    expect(run.stderr).not.toMatch(/^tw-run:/m)
    expect(reportIn(app)).toMatchObject({ exitCode: 7, cause: null, processes: [{ exits: [{ code: 0 }] }] })
  })

  test('while app.json says that it may end', async () => {
    const manifest = { 'tw-run': { once: { mayExit: true } } }
    const app = webApp({ Procfile: `${PROCFILE}once: true\n`, 'app.json': JSON.stringify(manifest) })
    const run = await runWith(app, [...ports(), '--', 'echo', 'done'])
    expect([run.code, run.stdout], run.stderr).toEqual([0, 'done\n'])
  })

  test('in a stage', async () => {
    const app = webApp({ Procfile: `build: echo built\nrelease: echo cannot migrate; exit 6\n${PROCFILE}` })
    const run = await runWith(app, [...ports(), '--release', '--', 'echo', 'begun'])
    expect([run.code, run.stdout]).toEqual([6, ''])
    expect(run.stderr).toMatch(
      /built[^]*last lines of release\.1:\n  \| cannot migrate\ntw-run: release\.1 exited with code 6/,
    )
  })

  test('in a stage, also where nothing else runs', async () => {
    const app = webApp({ Procfile: `${PROCFILE}release: sleep 0.2; exit 6\n` })
    const args = ['--port', 'auto', '-m', 'web=0', '--release', ...REPORT]
    const run = await runWith(app, [...args, '--', 'echo', 'begun'])
    expect([run.code, run.stdout]).toEqual([6, ''])
    expect(run.stderr).toMatch(
      /tw-run: release\.1 exited with code 6 after .*, before everything was ready\n$/,
    )
    expect(reportIn(app)).toMatchObject({ exitCode: 6, commandExitCode: null, failed: ['release.1'] })
  })

  test.for([
    ['and nothing else runs', ['-m', 'web=0']],
    ['before the formation', []],
  ] as const)('with a stage that goes on for too long, %s', async ([, args]) => {
    const app = webApp({ Procfile: `${PROCFILE}release: echo migrating; exec sleep 1000\n` })
    const limit = ['--port', 'auto', ...args, '--release', '--timeout', '700ms']
    const run = await runWith(app, [...limit, '--', 'echo', 'begun'])
    expect([run.code, run.stdout]).toEqual([124, ''])
    expect(run.stderr).toMatch(
      /the last lines of release\.1:\n  \| migrating\ntw-run: the time limit of 0\.7 s is over: not ready: release\.1 \(has not ended\)\n$/,
    )
  })

  test('with a process that never gets ready: why, when its boot time is over', async () => {
    const app = webApp({ Procfile: 'web: sleep 1000\n' })
    const run = await runWith(app, [...ports(), '--timeout', '1500ms', '--', 'echo', 'begun'])
    expect([run.code, run.stdout]).toEqual([124, ''])
    expect(run.stderr).toMatch(
      /tw-run: the time limit of 1\.5 s is over: not ready: web\.1 \(does not listen on port \d+\)\n$/,
    )
  })
})

test('the time limit ends a command that hangs, with 124, also one that does not hear SIGTERM', async () => {
  const app = webApp()
  const deaf = ['sh', '-c', 'trap "" TERM; echo begun; while :; do sleep 0.05; done']
  const run = await runWith(app, [...ports(), '--timeout', '2s', '-t', '0.3', '--', ...deaf])
  expect([run.code, run.stdout]).toEqual([124, 'begun\n'])
  expect(run.stderr).toMatch(/tw-run: the time limit of 2 s is over: the command still ran\n$/)
})

test('a time limit that is over in the moment in which all gets ready says what was not, or of the command', async () => {
  // What no check is made of is ready when it has been up for a second.
  const app = webApp({ Procfile: `${PROCFILE}worker: sleep 1000\n` })
  const args = ['--port', 'auto', '--timeout', '1s', '--', 'sleep', '1000']
  const runs = await Promise.all([...Array(6).keys()].map(async () => await runWith(app, args)))
  for (const { code, stderr } of runs) {
    expect(code).toBe(124)
    expect(stderr).toMatch(
      /^tw-run: the time limit of 1 s is over: (not ready: \w.*|the command (still ran|had not begun))$/m,
    )
  }
})

test('a port that is taken is said before anything starts', async () => {
  const server = createServer()
  const [, port = ''] = ports()
  await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve))
  const run = await runWith(webApp(), [...portsFrom(Number(port)), '--', 'echo', 'begun'])
  server.close()
  expect([run.code, run.stdout]).toEqual([1, ''])
  expect(run.stderr).toMatch(
    new RegExp(`^tw-run: port ${port} of web\\.1 is taken by .*\\(pid ${process.pid}\\)`),
  )
})

test.for([
  ['--timeout', 'soon'],
  ['--ready-within', '0s'],
  ['--stop-within', '-1'],
])('refuses %s %s', async ([option = '', value = '']) => {
  const { code, stderr } = await runWith(webApp(), [option, value, '--', 'true'])
  expect(code).toBe(2)
  expect(stderr).toContain('a time such as 90s, 10m or 24h')
})
