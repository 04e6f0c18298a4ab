import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { liveApp, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

/** CPU time that a process has used, ms; the kernel counts in ticks of 10. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

test('a crash loop waits longer each time, spread out, and costs under 1 % of a core', async () => {
  const app = liveApp({ Procfile: 'bad: exit 1\n' })
  const run = app.start(['-p', String(portAt(0)), '--restart', 'always', '--formation', 'bad=5'])
  // By now the waits are 4 s and more, or what is left of that when it is said.
  await run.waitFor(/(starting again in [3-5](\.\d)? s[^]*){5}/, 30_000)
  const waits = [...run.output().matchAll(/starting again in ([3-5](?:\.\d)?) s/g)].map(([, wait]) => wait)
  expect(new Set(waits).size).toBeGreaterThan(1)
  const before = cpuOf(run.pid)
  const end = performance.now() + 3_000
  await until('three seconds of waiting', () => performance.now() > end)
  expect(cpuOf(run.pid) - before).toBeLessThanOrEqual(30)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
}, 60_000)
