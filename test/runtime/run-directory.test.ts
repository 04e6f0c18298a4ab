import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { oldRuns } from '../../src/runtime/run-directory.ts'
import { stateDirAt } from '../../src/runtime/state-dir.ts'

const root = mkdtempSync(join(tmpdir(), 'tw-run-directory-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('three runs are kept for their logs, and of what was refused before it had its name nothing', () => {
  const names = ['4', '5.new', '6', '7', '8', '9.new', '10', '11.new', '2.damaged-3', 'history']
  for (const name of names) mkdirSync(join(root, 'processes', 'web.1', name), { recursive: true })
  const old = oldRuns(stateDirAt(root), 'web.1', 10).map((path) => basename(path))
  expect(old.toSorted()).toEqual(['4', '5.new', '6', '7', '9.new'])
})
