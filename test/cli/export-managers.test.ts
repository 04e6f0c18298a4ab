import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect } from 'vitest'
import { kill9, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { makeApp } from '../support/rig.ts'
import type { TestApp } from '../support/rig.ts'
import { carriersOf, endCarriersOf, MANAGERS } from '../support/service-manager.ts'
import type { ManagerKind, ServiceManager } from '../support/service-manager.ts'

const SERVER = readFileSync(new URL('../support/export-server.js', import.meta.url), 'utf8')
const ARGUMENTS = `"it's" '"$HOME"' 100% %i %% '$$' \\\\ '#' ';' é 日本 "$GREETING"`
const ARRIVED = [
  "it's",
  '"$HOME"',
  '100%',
  '%i',
  '%%',
  '$$',
  '\\',
  '#',
  ';',
  'é',
  '日本',
  `say "hi" & it's $5`,
]
const SECRET = `a'b"c\\d%e;f#g $h  `
const KEY = 'line 1\n  line 2; "x" #\n'
const DEADLINE_MS = 60_000

interface Facts {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly pid: number
  readonly cwd: string
}

const open: { app: TestApp; manager: ServiceManager; mark: string }[] = []

afterEach(async () => {
  const left: string[] = []
  for (const { app, manager, mark } of open.splice(0)) {
    await manager.end()
    left.push(...(await endCarriersOf(mark)))
    app.cleanup()
  }
  expect(left, 'processes left over by the manager').toEqual([])
}, DEADLINE_MS)

describe.each(MANAGERS)('$format', (kind) => {
  const real = requires(...kind.needs)
  const port = portAt(10 * MANAGERS.indexOf(kind))

  real(
    'starts the formation with its command and environment, stops and restarts it',
    async () => {
      const { app, manager, mark, exported } = await exportTo(kind, {
        Procfile: `web: node server.js ${ARGUMENTS}\npair: sleep 1000 | cat\n`,
        args: ['-m', 'web=2', '-p', String(port), '--port-step', '5'],
      })
      expect(exported).toMatchObject({ code: 0, stderr: '' })
      await manager.up()
      const [first, second] = [await factsAt(port), await factsAt(port + 1)]
      for (const [facts, name] of [[first, 'web.1'] as const, [second, 'web.2'] as const]) {
        expect(facts).toMatchObject({ argv: ARRIVED, cwd: app.root })
        expect(facts.env).toMatchObject({ PS: name, TW_RUN_PROCESS: name, PYTHONUNBUFFERED: '1' })
        expect(facts.env).toMatchObject({ SECRET, KEY })
      }
      expect(first.env['PORT']).toBe(String(port))
      expect(second.env['PORT']).toBe(String(port + 1))
      await until(
        'both of the pair',
        () => carriersOf(mark).filter(({ command }) => command === 'sleep 1000').length === 1,
      )

      manager.restart('app', 'web', 2)
      await until('web.2 to be told', () => existsSync(app.path('stopped-web.2')))
      expect((await factsAt(port + 1, second.pid)).env['PS']).toBe('web.2')
      expect((await factsAt(port)).pid).toBe(first.pid)

      // The shell in front of the server, where the manager ends what is left of a group; else the server itself.
      const victim = carriersOf(mark).find(
        ({ pid, command }) =>
          environmentOf(pid).includes('PS=web.1') && command.startsWith(kind.endsGroups ? '/bin/sh' : 'node'),
      )
      kill9(victim?.pid)
      await factsAt(port, first.pid)

      manager.stop('app', 'pair', 1)
      await until(
        'the whole pair to be gone',
        () => !carriersOf(mark).some(({ pid }) => environmentOf(pid).includes('PS=pair.1')),
      )
      manager.start('app', 'pair', 1)
      await until('the pair to be back', () =>
        carriersOf(mark).some(({ command }) => command === 'sleep 1000'),
      )

      await manager.end()
      await until('everything to be gone', () => carriersOf(mark).length === 0)
    },
    DEADLINE_MS,
  )

  real(
    'kills what outlasts its grace period, and keeps down what is told so',
    async () => {
      const { app, manager, mark } = await exportTo(kind, {
        Procfile: `deaf: trap '' TERM; echo >deaf; while :; do sleep 0.1; done\n`,
        args: ['-t', '1'],
      })
      await manager.up()
      await until('the trap to be set', () => existsSync(app.path('deaf')))
      const before = performance.now()
      manager.stop('app', 'deaf', 1)
      await until('it to be killed', () => carriersOf(mark).length === 0)
      expect(performance.now() - before).toBeGreaterThan(900)
    },
    DEADLINE_MS,
  )

  real(
    'restarts by the policy: no more than so often, and not after success',
    async () => {
      const { app, manager } = await exportTo(kind, {
        // supervisord counts as failed what ends in its first second.
        Procfile: 'fails: echo x >>fails; exit 7\nworks: echo x >>works; sleep 1.1\n',
        args: ['--restart', 'on-failure:2'],
      })
      const runs = (name: string): number => readFileSync(app.path(name), 'utf8').split('\n').length - 1
      await manager.up()
      await until('both to run', () => existsSync(app.path('fails')) && existsSync(app.path('works')))
      await until(
        'both to be left alone',
        () => ['fails', 'works'].every((type) => manager.hasGivenUp('app', type, 1)),
        30_000,
      )
      const anew = manager.countedAnew?.('fails', 1) ?? 0
      expect(runs('fails')).toBeGreaterThanOrEqual(3 + anew)
      expect(runs('fails')).toBeLessThanOrEqual(3 + 3 * anew)
      expect(runs('works')).toBe(1)
    },
    DEADLINE_MS,
  )
})

describe.each(MANAGERS.filter(({ format }) => format !== 'systemd-user'))('$format as root', (kind) => {
  requires(...kind.needs, 'root')(
    'runs the processes as the user that is named, with the environment and a home',
    async () => {
      const { app, manager } = await exportTo(kind, {
        Procfile:
          'who: echo "$(id -un) $SECRET $HOME" >open/next && mv open/next open/who; exec sleep 1000\n',
        args: ['--user', 'nobody'],
      })
      chmodSync(dirname(app.root), 0o711)
      mkdirSync(app.path('open'))
      chmodSync(app.path('open'), 0o777)
      await manager.up()
      await until('it to say who it is', () => existsSync(app.path('open/who')))
      expect(readFileSync(app.path('open/who'), 'utf8')).toBe(`nobody ${SECRET} /nonexistent\n`)
    },
    DEADLINE_MS,
  )
})

interface Wish {
  readonly Procfile: string
  readonly args: readonly string[]
}

async function exportTo(kind: ManagerKind, { Procfile, args }: Wish) {
  const mark = `TW_TEST_EXPORT=${randomUUID()}`
  const app = makeApp({
    Procfile,
    'server.js': SERVER,
    'package.json': '{"type":"module"}',
    '.env': `${mark}\nGREETING=\`say "hi" & it's $5\`\nSECRET=\`${SECRET}\`\nKEY=\`${KEY}\`\n`,
  })
  const folder = join(dirname(app.root), 'manager')
  mkdirSync(folder)
  const manager = await kind.open(folder)
  open.push({ app, manager, mark })
  const exported = await app.cli(['export', kind.format, manager.folder, '--app', 'app', ...args])
  return { app, manager, mark, exported }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
  } catch {
    // It ended meanwhile.
    return []
  }
}

/** What the server on a port says of itself, once it is another one than that of a pid. */
async function factsAt(port: number, notPid?: number): Promise<Facts> {
  let facts: Facts | undefined
  const deadline = performance.now() + 20_000
  while (facts === undefined || facts.pid === notPid) {
    if (performance.now() > deadline) throw new Error(`nobody else than ${notPid} on port ${port}`)
    facts = await fetch(`http://127.0.0.1:${port}/`).then(
      async (response) => (await response.json()) as Facts,
      () => undefined,
    )
    await pause(10)
  }
  return facts
}
