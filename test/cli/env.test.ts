import { afterAll, describe, expect, test } from 'vitest'
import { makeApp } from '../support/rig.ts'

const app = makeApp({
  Procfile: 'web: a\nworker: b\n',
  '.env': 'SECRET=hunter2\nBOTH=from-file\nPORT=7000\nPEM="one\ntwo"\n',
})
afterAll(() => app.cleanup())

const SHELL = { BOTH: 'from-shell', PORT: undefined }

test('the names of the first process, and no value', async () => {
  const { code, stdout, stderr } = await app.cli(['env'], SHELL)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(['BOTH', 'PORT', 'PS', 'SECRET', 'TMPDIR']))
  expect(stdout).not.toMatch(/hunter2|from-|7000/)
})

test('--explain says where each comes from and what it shadows, values hidden', async () => {
  const { stdout } = await app.cli(['env', 'worker.1', '--explain'], SHELL)
  const lines = new Map(stdout.split('\n').map((line) => [line.split(' ')[0], line.replaceAll(/ +/g, ' ')]))
  expect(lines.get('BOTH')).toBe('BOTH shell (over .env)')
  expect(lines.get('PORT')).toBe('PORT tw-run (over .env)')
  expect(lines.get('SECRET')).toBe('SECRET .env')
  expect(stdout).not.toMatch(/hunter2|from-|7100/)
})

test('--env-precedence file turns files and shell round', async () => {
  const { stdout } = await app.cli(['env', '--explain', '--env-precedence', 'file'], SHELL)
  expect(stdout).toMatch(/^BOTH +\.env \(over shell\)$/m)
})

test('--show-values shows them, one line each', async () => {
  const { stdout } = await app.cli(['env', 'worker.1', '--show-values'], SHELL)
  const lines = stdout.split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'BOTH=from-shell',
      'PORT=7100',
      'PS=worker.1',
      'SECRET=hunter2',
      'PEM=one\\x0atwo',
    ]),
  )
})

describe('what no shell has a name for', () => {
  const odd = makeApp({ Procfile: 'web: env | sort\n', '.env': 'a.b=dot\nx-y=dash\n1BAD=num\nGOOD=1\n' })
  afterAll(() => odd.cleanup())
  const LOST = 'note: left out, since not every shell hands on variables of such names: 1BAD, a.b, x-y\n'

  test.each([[[]], [['--explain']], [['--json']]])('is not promised: %j', async (args) => {
    const { code, stdout, stderr } = await odd.cli(['env', ...args])
    expect([code, stderr]).toEqual([0, LOST])
    expect(stdout).toContain('GOOD')
    expect(stdout).not.toMatch(/a\.b|x-y|1BAD/)
  })

  test('is a warning of start', async () => {
    const { code, stdout } = await odd.cli(['start'])
    expect(code).toBe(0)
    expect(stdout).toContain('.env:2:1: warning: "x-y" is no name for a shell: a process may not get it (')
    expect(stdout).toMatch(/web\.1 +\| GOOD=1\n/)
  })
})

describe('--json', () => {
  test('holds no value', async () => {
    const { stdout } = await app.cli(['env', 'worker.1', '--json'], SHELL)
    expect(JSON.parse(stdout)).toMatchObject({ process: 'worker.1', type: 'worker', instance: 1, port: 7100 })
    expect(stdout).not.toMatch(/hunter2|from-/)
  })

  test('unless they are asked for', async () => {
    const { stdout } = await app.cli(['env', '--json', '--show-values'], SHELL)
    const { variables } = JSON.parse(stdout) as { variables: object[] }
    expect(variables).toContainEqual({ name: 'SECRET', origin: '.env', shadowed: [], value: 'hunter2' })
    expect(variables).toContainEqual({
      name: 'BOTH',
      origin: 'shell',
      shadowed: ['.env'],
      value: 'from-shell',
    })
  })
})

describe('a process that is not in the formation is an error', () => {
  test.each([
    ['wroker.1', 'did you mean "worker.1"? (processes: web.1, worker.1)'],
    ['worker', 'did you mean "worker.1"? (processes: web.1, worker.1)'],
    ['worker.2', 'did you mean "worker.1"? (processes: web.1, worker.1)'],
  ])('%s', async (name, hint) => {
    const { code, stderr } = await app.cli(['env', name])
    expect([code, stderr]).toEqual([2, `tw-run: no process "${name}" in the formation\n  hint: ${hint}\n`])
  })

  test('and says so where its type does not run', async () => {
    const { stderr } = await app.cli(['env', 'worker.1', '-x', 'worker'])
    expect(stderr).toContain('hint: worker runs 0 times; give it a count with --formation')
  })
})
