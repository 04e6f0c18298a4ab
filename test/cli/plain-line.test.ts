import { expect, test } from 'vitest'
import { plainWork } from '../../src/cli/plain-line.ts'
import { liveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

test.for([
  ['ps'],
  ['ps', '-d', 'app'],
  ['ps', '--root', '/app'],
  ['scale'],
  ['scale', 'web=3', 'worker+1', 'clock-1'],
  ['scale', '-d', 'app', 'web=3'],
  ['restart', 'web.1', '-d', 'app'],
  ['run', 'web'],
  ['run', '-d', 'app', 'node', '--version', '-d', '', '--'],
  ['run', '--', 'true'],
  ['run', '-d', 'app', '--', '-t', '', '--'],
  ['start'],
  ['start', 'web', 'worker'],
  ['start', '-D'],
  ['start', '--detach', '--wait', 'web', '-m', 'web=2'],
  ['start', '-m', 'web=3', '-p', 'auto', 'web', '--restart', 'always', '-t', '9', '-f', 'Procfile.dev'],
])('%j needs no parser of options', (line) => {
  expect(plainWork(line)).toBeTypeOf('function')
})

test.for([
  [],
  [''],
  ['status'],
  ['toString'],
  ['run', '-t', '3', 'true'],
  ['run', '', 'true'],
  ['run'],
  ['run', '--'],
  ['run', '-d', 'app'],
  ['start', '-Dp', '5000'],
  ['start', '-D', '--publish', '80'],
  ['ps', '-D'],
  ['start', '-m'],
  ['start', '-m', 'web=2', '--formation', 'web=3'],
  ['start', '-p', '-1'],
  ['start', '--', 'web'],
  ['start', '--no-color'],
  ['scale', '-p', 'auto', 'web=2'],
  ['ps', 'web'],
  ['ps', '--json'],
  ['ps', '-h'],
  ['ps', '-d'],
  ['ps', '-d', ''],
  ['ps', '-d', '--json'],
  ['ps', '-d', 'one', '-d', 'two'],
  ['ps', '-dapp'],
  ['ps', '--root=app'],
  ['scale', '--', 'web=3'],
  ['scale', ''],
  ['scale', 'web=3', '--wait'],
  ['restart', '-'],
])('%j is for the parser of options', (line) => {
  expect(plainWork(line)).toBeUndefined()
})

test('either way says the same, and ends with the same code', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const lines = [
    ['ps'],
    ['scale'],
    ['scale', 'web=1'],
    ['scale', 'wep=1'],
    ['scale', 'web'],
    ['restart', 'nobody'],
  ]
  const asked = async ([command = '', ...words]: readonly string[]): Promise<void> => {
    const [plain, parsed] = [
      await app.cli([command, ...words, '-d', app.root]),
      await app.cli([command, ...words, `--root=${app.root}`]),
    ]
    const timeless = ({ code, stdout, stderr }: typeof plain): unknown[] => [
      code,
      // It has become ready between the two, perhaps.
      stdout
        .replaceAll(/\b(up|ready)\b/g, 'up')
        .replaceAll(/\d+(\.\d+)? m?s\b/g, 'a while')
        .replaceAll(/ +/g, ' '),
      stderr,
    ]
    expect(timeless(plain), command).toEqual(timeless(parsed))
  }
  for (const line of lines) await asked(line)
  const run = app.start(['-p', String(portAt(0))])
  await run.waitFor(/web\.1 on/)
  for (const line of lines) await asked(line)
  const { code } = await app.cli(['ps', '-d', app.path('nowhere')])
  expect(code).toBe(2)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test.for([
  [['echo', '-d', '', '--', '--help'], 0, '-d  -- --help\n'],
  [['sh', '-c', 'exit 3'], 3, ''],
  [['say', '--json'], 0, 'web --json\n'],
  [['no-such-program'], 127, ''],
] as const)('run %j is the same either way', async ([words, code, stdout]) => {
  const app = liveApp({ Procfile: 'say: echo web\n' })
  const plain = await app.cli(['run', '-d', app.root, ...words])
  expect([plain.code, plain.stdout]).toEqual([code, stdout])
  expect(await app.cli(['run', `--root=${app.root}`, ...words])).toEqual(plain)
})
