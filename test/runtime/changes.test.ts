import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import { changesOf } from '../../src/runtime/changes.ts'
import { Definition } from '../../src/runtime/definition.ts'
import { loadApp } from '../../src/runtime/load.ts'
import { newRun } from '../../src/runtime/new-run.ts'
import { here } from '../../src/runtime/place.ts'
import { Slots } from '../../src/runtime/slots.ts'
import { stateDirAt } from '../../src/runtime/state-dir.ts'

const root = mkdtempSync(join(tmpdir(), 'tw-run-changes-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('of a run whose environment the kernel does not tell nothing is claimed but its command', () => {
  writeFileSync(join(root, 'Procfile'), 'web: node web.js\n')
  const definition = new Definition(loadApp({ root }, {}), false)
  const slots = new Slots(stateDirAt(join(root, 'state')), here(), true)
  const session = { counts: { web: 1 } } as unknown as Session
  const sayOf = (command: string): string[] => {
    // No process has this token.
    const [port, token] = [5000, 'f00dfacef00dface']
    const given = {
      id: 'web.1',
      number: 1,
      generation: 1,
      session: 'x',
      isProbed: false,
      port,
      token,
    } as const
    slots.add(newRun({ ...given, command }))
    return changesOf(['web.1'], { next: definition, gone: [] }, session, slots)
  }
  expect(sayOf('node web.js')).toEqual(['web.1: what changes in its environment is not known'])
  expect(sayOf('node old.js')).toEqual([
    'web.1: command changed, what changes in its environment is not known',
  ])
})
