import { copyFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { liveApp, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const ROUNDS = 20

test(
  "of six started in the same instant over a dead one's leftovers one wins, and five say who",
  { timeout: 120_000 },
  async () => {
    const app = liveApp({ Procfile: 'web: node probe.js', 'package.json': '{ "type": "module" }' })
    copyFileSync(new URL('../support/probe.js', import.meta.url), app.path('probe.js'))
    let holder = app.start(['-p', String(portAt(0))])
    const [, pid] = await holder.waitFor(/ready.* pid (\d+)/)
    for (let round = 0; round < ROUNDS; round += 1) {
      holder.signal('SIGKILL')
      await holder.ended
      const six = Array.from({ length: 6 }, () => app.start(['-p', String(portAt(0))]))
      await until('five to give up', () => six.filter(({ child }) => child.exitCode === 1).length === 5)
      const [winner, ...others] = six.filter(({ child }) => child.exitCode === null)
      expect(others).toEqual([])
      if (winner === undefined) throw new Error('nobody won')
      await winner.waitFor(/1 still running/)
      for (const run of six.filter((one) => one !== winner)) {
        await run.ended
        expect(run.output()).toContain(`tw-run is already running here: pid ${winner.pid}`)
      }
      const commands = app.survivors().filter(({ command }) => command.startsWith('node probe.js'))
      expect(commands.map((one) => one.pid)).toEqual([Number(pid)])
      holder = winner
    }
    holder.signal('SIGINT')
    expect(await holder.ended).toBe(130)
  },
)

test('a second start says who is running and what to type', async () => {
  const app = liveApp({ Procfile: 'web: sleep 100' })
  const first = app.start(['-p', String(portAt(0))])
  await first.waitFor(new RegExp(String.raw`web\.1 on ${portAt(0)}`))
  const second = await app.cli(['start', '-p', String(portAt(0))])
  expect(second).toEqual({
    code: 1,
    stdout: '',
    stderr: `tw-run: tw-run is already running here: pid ${first.pid}\n  hint: see it with \`tw-run ps\`, change it with \`tw-run scale\`, end it with \`tw-run stop\`\n`,
  })
  first.signal('SIGSTOP')
  expect((await app.cli(['start', '-p', String(portAt(0))])).stderr).toContain(`pid ${first.pid} (stopped)`)
  first.signal('SIGCONT')
  first.signal('SIGINT')
  expect(await first.ended).toBe(130)
})
