import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { parentOf } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
/** A container as far as pids go. */
const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
const inContainer = requires('linux', 'root', 'unshare', 'nsenter')

/** What says this command line now; its pid as it is outside. */
function pidOf(app: LiveApp, command: string, not?: number): number | undefined {
  return app.survivors().find((one) => one.command === command && one.pid !== not)?.pid
}

/** tw-run in the container of this process. */
async function inside(app: LiveApp, init: number, ...args: readonly string[]): Promise<string> {
  const run = app.startBy(
    ['nsenter', '--target', String(init), '--pid', '--mount', process.execPath],
    [...args, '-d', app.root],
  )
  return `${await run.ended}: ${run.output()}`
}

inContainer(
  'a detached start as pid 1 would end its own container: it says so, and starts nothing',
  async () => {
    const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
    const run = app.startBy([...CONTAINER, process.execPath], ['start', '-D', ...PORT])
    expect(await run.ended).toBe(1)
    expect(run.output()).toBe(
      'tw-run: start --detach as pid 1 would end this container, and everything in it, at once\n' +
        '  hint: here tw-run start, without --detach, is what stays\n',
    )
    expect(app.survivors()).toEqual([])
  },
)

inContainer(
  'detached under a pid 1 that reaps nobody: the dead are dead, and everything else works',
  { timeout: 40_000 },
  async () => {
    const app = liveApp({ Procfile: 'web: exec sleep 301\nworker: exec sleep 302\n' })
    const container = app.startBy(
      [...CONTAINER, 'sh', '-c', '"$0" "$@"; echo "start $?"; exec sleep 600', process.execPath],
      ['start', '-D', ...PORT, '--restart', 'always'],
    )
    await container.waitFor(
      new RegExp(String.raw`^web\.1 on ${portAt(0)}, worker\.1 on ${portAt(100)}\nstart 0\n`),
    )
    const init = await until('pid 1', () => pidOf(app, 'sleep 600'))
    expect(await inside(app, init, 'ps')).toMatch(/^0: [^]*\nweb\.1 +(up|ready) [^]*\nworker\.1 +(up|ready) /)
    // Nobody reaps the supervisor, nor what it leaves behind.
    const supervisor = await until('the supervisor', () =>
      app.survivors().find(({ command }) => command.includes('tw-run.cjs supervise')),
    )
    const web = await until('web.1', () => pidOf(app, 'sleep 301'))
    const worker = await until('worker.1', () => pidOf(app, 'sleep 302'))
    const shim = parentOf(web)
    for (const pid of [supervisor.pid, shim, web]) {
      kill9(pid)
      // One after the other: a shim that is about to die may still reap its command.
      await until('a zombie', () => /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')))
    }
    await inside(app, init, 'ps')
    const again = await until('web.1 again', () => pidOf(app, 'sleep 301', web))
    expect(pidOf(app, 'sleep 302')).toBe(worker)
    expect(await inside(app, init, 'scale', 'worker=2', '--wait')).toBe('0: worker: 1 -> 2\n')
    expect(app.survivors().filter(({ command }) => command === 'sleep 301')).toHaveLength(1)
    expect(pidOf(app, 'sleep 301')).toBe(again)
    expect(await inside(app, init, 'stop')).toBe(
      '0: stopping everything\nall stopped, nothing left running\n',
    )
    expect(app.survivors().map(({ command }) => command)).toEqual(['sleep 600'])
    kill9(init)
    await container.ended
  },
)
