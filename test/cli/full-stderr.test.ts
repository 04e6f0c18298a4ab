import { describe, expect } from 'vitest'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { liveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { plantedApp } from '../support/prove.ts'
import { requires } from '../support/requirement.ts'
import { PROCFILE, reportIn, webApp } from '../support/with.ts'

const test = requires('linux')
const DOUBTFUL = { 'app.json': '{ "formation": { "wrker": { "quantity": 2 } } }' }
const REPORT = ['--report', 'report.json']

/** tw-run with a file on a full disk as stderr. */
function unheard(app: LiveApp, args: readonly string[], env: Readonly<Record<string, string>> = {}): LiveRun {
  return app.startBy(['sh', '-c', 'exec "$@" 2>/dev/full', 'sh', process.execPath], args, env)
}

describe('what cannot be said on stderr costs', () => {
  test.for([
    ['at ports of its own', ['--port', 'auto']],
    ['at ports that were named', ['-p', String(portAt(0))]],
  ] as const)('a command of with nothing, %s', async ([, where]) => {
    const run = unheard(webApp(DOUBTFUL), ['with', ...where, '--', 'sh', '-c', 'echo hi; exit 3'])
    expect([await run.ended, run.output()]).toEqual([3, 'hi\n'])
  })

  test.for([
    ['a process fails', [], { BOOT: '9000', DIE: '50' }, 9, 'web.1 exited with code 9'],
    ['a limit is not kept', ['--ready-within', '1ms'], {}, 3, '--ready-within 0.001 s'],
    ['a mistake keeps all of it from starting', ['-m', 'wbe=1'], {}, 2, 'wbe'],
  ] as const)('neither code nor report of with, where %s', async ([, args, env, code, cause]) => {
    const app = webApp()
    for (const github of ['', 'true']) {
      const where = ['--port', 'auto', ...args, ...REPORT]
      const run = unheard(app, ['with', ...where, '--', 'true'], { ...env, GITHUB_ACTIONS: github })
      expect(await run.ended).toBe(code)
      expect(reportIn(app)).toMatchObject({ exitCode: code, cause: expect.stringContaining(cause) as string })
    }
  })

  test('no proof its verdict', async () => {
    const app = plantedApp('web: node clean.js\n', DOUBTFUL)
    const run = unheard(app, ['prove', '--', 'sh', '-c', 'exit 7'])
    expect(await run.ended).toBe(3)
    expect(run.output()).toBe('  nothing to prove: your tests fail even undisturbed (exit code 7)\n')
  })

  test('no formation in the background its start', async () => {
    const app = liveApp({ Procfile: 'web: exec sleep 300\n', ...DOUBTFUL })
    const run = unheard(app, ['start', '-D', '-p', String(portAt(0))])
    expect([await run.ended, run.output()]).toEqual([0, `web.1 on ${portAt(0)}\n`])
    expect(await unheard(app, ['stop']).ended).toBe(0)
  })

  test.for([
    [2, []],
    [2, ['no-such-command']],
    [2, ['ps', '--no-such-option']],
    [2, ['check', '-f', 'no-such-file']],
    [2, ['check', '-m', 'wbe=1']],
    [2, ['run', '']],
    [127, ['run', 'no-such-command']],
    [1, ['stop']],
  ] as const)('no refusal its exit code %i: %j', async ([code, args]) => {
    const run = unheard(webApp({ Procfile: PROCFILE }), args)
    expect([await run.ended, run.output()]).toEqual([code, ''])
  })
})
