import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Run } from '../../src/core/process.ts'
import { makeLifelines, openForReading } from '../../src/runtime/lifeline.ts'
import { newRun, specOf } from '../../src/runtime/new-run.ts'
import { here } from '../../src/runtime/place.ts'
import { shimName } from '../../src/runtime/shim.ts'
import { Slots } from '../../src/runtime/slots.ts'
import { stateDirAt } from '../../src/runtime/state-dir.ts'

const root = mkdtempSync(join(tmpdir(), 'tw-run-slots-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const TOKEN = '0123456789abcdef'

/** The first run of web.1, and its folder. */
function runAt(): { run: Run; folder: string } {
  const run = newRun({
    id: 'web.1',
    number: 1,
    generation: 1,
    session: 'abc',
    command: 'true',
    port: 1,
    isProbed: false,
    token: TOKEN,
  })
  const folder = join(root, 'processes', 'web.1', '1')
  mkdirSync(folder, { recursive: true })
  return { run, folder }
}

test('a run that has no lifeline for us lives as long as its shim, whose pid may not be known yet', async () => {
  const { run, folder } = runAt()
  const shim = spawn('sh', ['-c', 'cat; exit', shimName(TOKEN), folder], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // It answers when it has been executed, before which it has another name.
  shim.stdin.write('there\n')
  await once(shim.stdout, 'data')
  const slots = new Slots(stateDirAt(root), here(), true)
  const life = (): unknown => {
    slots.look(true)
    return slots.run('web.1')
  }
  slots.add(run)
  slots.watchShim(run)
  expect(life()).toMatchObject({ life: 'alive', pid: undefined })
  writeFileSync(join(folder, 'pid'), `${shim.pid}\n`)
  expect([life(), life()]).toMatchObject(Array(2).fill({ life: 'alive', pid: shim.pid }))
  shim.stdin.end()
  await once(shim, 'exit')
  expect(life()).toMatchObject({ life: 'dead', pid: shim.pid })
})

test('a shim that ended before its lifeline was opened by who follows it has ended', async () => {
  const { run, folder } = runAt()
  const life = join(folder, 'life')
  makeLifelines([life])
  const shim = spawn('sh', ['-c', 'exec 3<>life; echo 7 >pid; echo 5 >exit'], {
    cwd: folder,
    stdio: 'ignore',
  })
  await once(shim, 'exit')
  const slots = new Slots(stateDirAt(root), here(), true)
  slots.add(run)
  const changed = new Promise<void>((resolve) => slots.onChange(resolve))
  slots.watch(run, openForReading(life))
  await changed
  expect(slots.run('web.1')).toMatchObject({ life: 'dead', pid: 7, exit: { kind: 'code', code: 5 } })
})

test('a shim that ends between two looks of who takes over has not lost its last words', async () => {
  const { run, folder } = runAt()
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

test('as many ends are known as a policy may count', () => {
  const { run } = runAt()
  const slots = new Slots(stateDirAt(root), here(), true)
  for (let number = 1; number <= 130; number++) {
    const one = { ...run, number, startedAt: number, endedAt: number }
    slots.add(one)
    slots.close(one, {
      run: number,
      generation: 1,
      exit: { kind: 'code', code: 1 },
      startedAt: number,
      endedAt: number,
      asked: false,
      jitter: 0,
    })
  }
  const phaseWith = (limit: number) =>
    slots.observed(() => ({ when: 'on-failure', limit })).get('web.1')?.phase
  expect([phaseWith(129), phaseWith(130)]).toEqual(['crashed', 'backoff'])
})
