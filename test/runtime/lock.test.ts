import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeLifelines } from '../../src/runtime/lifeline.ts'
import { takeLock } from '../../src/runtime/lock.ts'
import { sparePaths } from '../../src/runtime/spare-fifos.ts'
import { makeApp } from '../support/rig.ts'

test('who takes the lock gets its FIFOs', async () => {
  const app = makeApp()
  const fifos = [app.path('one'), app.path('two')]
  const lock = await takeLock(app.path('lock'), fifos)
  expect(fifos.map((path) => statSync(path).isFIFO())).toEqual([true, true])
  expect(lock.isRemoved()).toBe(false)
  app.cleanup()
})

test('so many FIFOs as no command line holds are made in parts, or later', () => {
  const app = makeApp()
  const folder = app.path(Array.from({ length: 4 }, () => 'd'.repeat(200)).join('/'))
  mkdirSync(folder, { recursive: true })
  const paths = Array.from({ length: 3_000 }, (_, index) => `${folder}/${index}`)
  makeLifelines(paths)
  expect(readdirSync(folder)).toHaveLength(3_000)
  const spares = sparePaths(app.path('none'), 100_000)
  expect(spares.length).toBeGreaterThan(1_000)
  expect(spares.join(' ').length).toBeLessThan(1024 * 1024)
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
