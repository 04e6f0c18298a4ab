import { existsSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { takeLock } from '../../src/runtime/lock.ts'
import { makeApp } from '../support/rig.ts'

test('who takes the lock gets its FIFOs', async () => {
  const app = makeApp()
  const fifos = [app.path('one'), app.path('two')]
  const lock = await takeLock(app.path('lock'), fifos)
  expect(fifos.map((path) => statSync(path).isFIFO())).toEqual([true, true])
  expect(lock.isRemoved()).toBe(false)
  app.cleanup()
})

test('a lock that is held is refused with its holder', async () => {
  const app = makeApp()
  await takeLock(app.path('lock'))
  // We hold it ourselves: as for any holder that is not known, it is waited for a moment.
  await expect(takeLock(app.path('lock'))).rejects.toThrow(/the lock .* is held by a process/)
  expect(existsSync(app.path('lock'))).toBe(true)
  app.cleanup()
})
