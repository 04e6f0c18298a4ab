import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readPid } from '../../src/runtime/run-directory.ts'
import { spawnShim } from '../../src/runtime/shim.ts'
import { kill9 } from '../support/live.ts'
import { cleanEnvironment, makeApp } from '../support/rig.ts'

const ROUNDS = 40

const app = makeApp()
afterEach(() => app.cleanup())

test('a signal to the group of a shim that has said its pid is never lost, however early it comes', async () => {
  // Somebody else always wants the processor, so that a fork may have to wait for it.
  const busy = [1, 2].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
  const nothing = openSync('/dev/null', 'r+')
  const codes: unknown[] = []
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const directory = join(app.root, String(round))
      mkdirSync(directory)
      const shim = spawnShim({
        token: round.toString(16).padStart(16, '0'),
        directory,
        commandLine: 'exec sleep 5',
        cwd: app.root,
        env: cleanEnvironment(),
        lifeline: nothing,
        log: nothing,
      })
      const ended = once(shim, 'exit')
      let pid = readPid(directory)
      while (pid === undefined) pid = readPid(directory)
      expect(pid).toBe(shim.pid)
      process.kill(-pid, 'SIGTERM')
      codes.push((await ended)[0])
    }
  } finally {
    closeSync(nothing)
    for (const { pid } of busy) kill9(pid)
  }
  expect(codes).toEqual(Array.from({ length: ROUNDS }, () => 143))
}, 300_000)
