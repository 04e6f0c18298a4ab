import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { End, Run } from '../../src/core/process.ts'
import { bootNow } from '../../src/runtime/clock.ts'
import { Lookout } from '../../src/runtime/lookout.ts'
import { newRun, specOf } from '../../src/runtime/new-run.ts'
import { prepareRun, publishRun } from '../../src/runtime/run-directory.ts'
import { appendEnd } from '../../src/runtime/run-history.ts'
import { stateDirAt } from '../../src/runtime/state-dir.ts'
import type { StateDir } from '../../src/runtime/state-dir.ts'
import { until } from '../support/live.ts'

/** Less than it takes until everything is looked at, whatever has changed. */
const SOON_MS = 3_000
const ID = 'web.1'

let state: StateDir
let supervisor: ChildProcess

beforeEach(async () => {
  state = stateDirAt(mkdtempSync(join(tmpdir(), 'tw-run-lookout-')))
  mkdirSync(state.processes)
  const lock = openSync(state.lock, 'w')
  supervisor = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore', lock] })
  closeSync(lock)
  await once(supervisor, 'spawn')
  writeFileSync(state.lock, `${supervisor.pid}\n`)
})

afterEach(async () => {
  const ended = once(supervisor, 'exit')
  supervisor.stdin?.end()
  await ended
  rmSync(state.path, { recursive: true })
})

/** A run of web.1 whose directory has no name yet. */
function prepared(number: number): Run {
  const given = { generation: 1, session: 'abc', command: 'true', port: 1, isProbed: false }
  const run = newRun({ ...given, id: ID, number, token: '0123456789abcdef' })
  prepareRun(state, specOf(run, { cwd: '/', place: { bootId: 'here', pidNamespace: 'this' } }))
  return run
}

function endOf(run: number): End {
  const exit = { kind: 'lost', why: 'shim' } as const
  return { run, generation: 1, exit, startedAt: 1, endedAt: 2, asked: false, jitter: 0 }
}

/** What it sees when nothing has changed for so long that it looks at the folders only. */
async function settled(lookout: Lookout): Promise<void> {
  let since = bootNow()
  let seen = lookout.look()
  await until('it to have settled', () => {
    const now = lookout.look()
    if (now !== seen) since = bootNow()
    seen = now
    return bootNow() - since > 500
  })
}

test('an end that is written down behind others is seen, though that changes no folder', async () => {
  publishRun(state, prepared(2))
  appendEnd(state, ID, endOf(1))
  const lookout = new Lookout(state)
  await settled(lookout)
  expect(lookout.look().supervisor).toBe(supervisor.pid)
  appendEnd(state, ID, endOf(2))
  await until('its end', () => lookout.look().slots.endsOf(ID).at(-1)?.run === 2, SOON_MS)
})

test('the first run of a process is seen, however long its folder was there without one', async () => {
  const lookout = new Lookout(state)
  const run = prepared(1)
  await settled(lookout)
  publishRun(state, run)
  const seen = await until('its run', () => lookout.look().slots.run(ID), SOON_MS)
  expect(seen.number).toBe(1)
})
