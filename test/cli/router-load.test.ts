import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { done, killSupervisor, pids } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

/** How long each test is under load, s; the full length is asked for by TW_RUN_LOAD_SECONDS=30. */
const SECONDS = Number(process.env['TW_RUN_LOAD_SECONDS'] ?? 10)
const CONNECTIONS = 16
const DEADLINE_MS = SECONDS * 1_000 + 60_000
const test = requires('linux', 'wrk')

interface Load {
  readonly requests: number
  /** Requests that got no answer, or one other than 2xx and 3xx. */
  readonly failed: number
  readonly report: string
}

/** Loads an address, each connection with one request after the other. */
async function load(port: number): Promise<Load> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}`, '--timeout', '20', `http://127.0.0.1:${port}/`]
  const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let report = ''
  wrk.stdout.setEncoding('utf8').on('data', (text: string) => (report += text))
  const code = await new Promise((resolve, reject) => wrk.on('error', reject).on('close', resolve))
  const count = (pattern: RegExp): number =>
    [...(pattern.exec(report)?.slice(1) ?? [])].reduce((sum, one) => sum + Number(one), 0)
  expect({ code, report }).toEqual({ code: 0, report: expect.stringContaining('Requests/sec') })
  const broken = count(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/)
  return {
    requests: count(/(\d+) requests in/),
    failed: broken + count(/Non-2xx or 3xx responses: (\d+)/),
    report,
  }
}

async function started(base: number): Promise<LiveApp> {
  // Some answers take longer than it takes to stop a process, or a restart without a drain would pass, too.
  const app = liveApp({
    Procfile: 'web: LATE=400 exec node web.js\n',
    'package.json': '{ "type": "module" }',
  })
  copyFileSync(new URL('../support/web-server.js', import.meta.url), app.path('web.js'))
  const ports = ['-p', String(base + 1), '--router', String(base)]
  await done(app, 'start', '-D', '--wait', '-m', 'web=3', ...ports)
  return app
}

/** How many runs of each have come to be: the supervisor may be killed when one has a name, and is none yet. */
const starts = (app: LiveApp): number[] =>
  ['web.1', 'web.2', 'web.3'].map((id) => {
    const number = Number(/"number":(\d+)/.exec(app.runFile(id, 'spec.json') ?? '')?.[1])
    const path = join(app.state(), 'processes', id, 'history')
    const ends = existsSync(path) ? readFileSync(path, 'latin1').split('\n') : []
    return number - ends.filter((end) => end.includes('"kind":"unstarted"')).length
  })

describe('under load', () => {
  test(
    'a rolling restart of web=3, three times over, fails no request',
    async () => {
      const app = await started(portAt(0))
      const loaded = load(portAt(0))
      for (let round = 0; round < 3; round += 1) await done(app, 'restart', '--rolling', 'web')
      const { failed, requests, report } = await loaded
      expect(starts(app)).toEqual([4, 4, 4])
      expect(failed, report).toBe(0)
      expect(requests).toBeGreaterThan(300)
      await done(app, 'stop')
    },
    DEADLINE_MS,
  )

  test(
    'kill -9 of the router and of the supervisor in a rolling restart fails what is in flight at that instant',
    async () => {
      const app = await started(portAt(20))
      const loaded = load(portAt(20))
      const first = done(app, 'restart', '--rolling', 'web')
      await until('the restart to have begun', () => starts(app).some((number) => number > 1))
      kill9(pids(app)['router.1'])
      await first
      const second = done(app, 'restart', '--rolling', 'web')
      await until('the next restart to have begun', () => starts(app).some((number) => number > 2))
      await killSupervisor(app)
      // Any command brings a new one, which goes on with the restart.
      await done(app, 'ps')
      await second
      expect(starts(app)).toEqual([3, 3, 3])
      const { failed, requests, report } = await loaded
      // A connection has at most one request under way, and the router is killed once.
      expect(failed, report).toBeLessThanOrEqual(CONNECTIONS)
      expect(failed, report).toBeGreaterThan(0)
      expect(requests).toBeGreaterThan(300)
      await done(app, 'stop')
    },
    DEADLINE_MS,
  )
})
