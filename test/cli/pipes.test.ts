import { expect, test } from 'vitest'
import { done } from '../support/control.ts'
import { liveApp } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

/** Has bash type it, with what stands for the pipes of `<(...)` in it. */
function typed(app: LiveApp, line: string): LiveRun {
  return app.startBy(['bash', '-c', `exec "$0" "$1" ${line}`, process.execPath])
}

test('run reads its files from pipes', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  const run = typed(app, `run -e <(echo SAID=yes) -f <(echo 'say: echo it is $SAID') say`)
  expect([await run.ended, run.output()]).toEqual([0, 'it is yes\n'])
})

test('so does what reads them once and starts nothing', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  const run = typed(app, 'env -e <(echo SAID=yes) --explain --show-values')
  expect([await run.ended, run.output()]).toEqual([0, expect.stringMatching(/SAID=yes|SAID .*yes/)])
})

test.each([['start'], ['start -D'], ['check']])(
  '%s refuses what it cannot read again, and says why',
  async (verb) => {
    const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
    const environment = typed(app, `${verb} -p ${portAt(0)} -e <(echo SAID=yes)`)
    expect([await environment.ended, environment.output()]).toEqual([
      2,
      expect.stringMatching(
        /^tw-run: \/dev\/fd\/\d+ can be read only once: environment files are read again at each start of a process\n {2}hint: write it to a file, or put its variables into the environment of tw-run start\n$/,
      ),
    ])
    const procfile = typed(app, `${verb} -p ${portAt(0)} -f <(echo 'web: exec sleep 300')`)
    expect([await procfile.ended, procfile.output()]).toEqual([
      2,
      expect.stringMatching(
        /^tw-run: \/dev\/fd\/\d+ can be read only once: the Procfile is read again by restart and reload\n {2}hint: write it to a file, and name that with -f <file>\n$/,
      ),
    ])
  },
)

test('a device can be read again, and is no reason to refuse anything', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  expect(await done(app, 'check', '-e', '/dev/null')).toBe('valid Procfile: web\n')
  expect(await done(app, 'start', '-D', '-p', String(portAt(0)), '-e', '/dev/null')).toContain('web.1 on')
  await done(app, 'stop')
})
