import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { makeLifelines } from '../../src/runtime/lifeline.ts'
import { newRun, specOf } from '../../src/runtime/new-run.ts'
import { here } from '../../src/runtime/place.ts'
import { Slots } from '../../src/runtime/slots.ts'
import { stateDirAt } from '../../src/runtime/state-dir.ts'

const root = mkdtempSync(join(tmpdir(), 'tw-run-slots-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('a shim that ends between two looks of who takes over has not lost its last words', async () => {
  const run = newRun({
    id: 'web.1',
    number: 1,
    generation: 1,
    session: 'abc',
    command: 'true',
    port: 1,
    isProbed: false,
    token: '0123456789abcdef',
  })
  const folder = join(root, 'processes', 'web.1', '1')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'spec.json'), JSON.stringify(specOf(run, { place: here(), cwd: root })))
  // The file that is read after `exit` keeps its reader waiting until the shim has written and is gone.
  makeLifelines([join(folder, 'life'), join(folder, 'stop')])
  const shim = spawn('sh', ['-c', 'exec 3<>life 4>stop; echo 7 >pid; echo 5 >exit; exec 3>&- 4>&-'], {
    cwd: folder,
    stdio: 'ignore',
  })
  const slots = new Slots(stateDirAt(root), here(), true)
  slots.load()
  expect(slots.run('web.1')).toMatchObject({ life: 'dead', pid: 7, exit: { kind: 'code', code: 5 } })
  await once(shim, 'exit')
})
