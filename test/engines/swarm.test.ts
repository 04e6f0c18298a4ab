import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { liveApp, until } from '../support/live.ts'
import type { LiveRun } from '../support/live.ts'
import { missing, requires } from '../support/requirement.ts'
import { makeApp } from '../support/rig.ts'
import type { CliResult, TestApp } from '../support/rig.ts'
import {
  cleanUpDaemons,
  cutCable,
  importImage,
  layCable,
  startDaemon,
  SWARM_NEEDS,
} from '../support/swarm.ts'
import type { Daemon } from '../support/swarm.ts'

/** A real swarm takes its time, above all on a busy machine. */
const LIMIT = 150_000
const NAMES = ['one', 'two'] as const
const test = requires(...SWARM_NEEDS)

interface Row {
  readonly process: string
  readonly phase: string
  readonly ready: boolean
  readonly port: number
  readonly restarts: number
  readonly lastExit: unknown
  readonly engine: string
  readonly node: string
}

describe('Docker Swarm', () => {
  let manager: Daemon
  let worker: Daemon
  let image: string
  let app: TestApp
  const folder = fileURLToPath(new URL('../../examples/three-engines', import.meta.url))

  beforeAll(async () => {
    if (missing(...SWARM_NEEDS) !== undefined) return
    layCable(NAMES)
    ;[manager, worker] = await Promise.all([
      startDaemon('one', '192.168.213.1'),
      startDaemon('two', '192.168.213.2'),
    ])
    image = importImage([manager, worker], 'three-engines')
    manager.docker(
      'swarm',
      'init',
      '--listen-addr',
      `${manager.address}:2377`,
      '--advertise-addr',
      manager.address,
    )
    manager.docker('swarm', 'update', '--dispatcher-heartbeat', '1s')
    app = makeApp()
    cpSync(folder, app.root, { recursive: true })
    writeFileSync(app.path('.env'), 'GREETING=`it\'s "$HOME" {{.Task.Slot}} \\ ünï`\n')
  }, LIMIT)

  afterAll(async () => {
    if (missing(...SWARM_NEEDS) !== undefined) return
    await Promise.all([manager?.stop(), worker?.stop()])
    cutCable(NAMES)
    cleanUpDaemons()
    app?.cleanup()
  }, LIMIT)

  const tw = (...args: readonly string[]): Promise<CliResult> =>
    app.cli(args, { DOCKER_HOST: manager.host, PORT: undefined })
  const rows = async (): Promise<Row[]> => JSON.parse((await tw('ps', '--json')).stdout) as Row[]
  const names = async (): Promise<string[]> => (await rows()).map(({ process: id }) => id)
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await tw(...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  const follow = (...args: readonly string[]): LiveRun =>
    liveApp({}).startBy([process.execPath], [...args, '-d', app.root], {
      DOCKER_HOST: manager.host,
      TW_RUN_STATE_DIR: app.stateDir,
    })

  test(
    'start runs the release first, and --wait returns when all are ready',
    async () => {
      const out = await done(
        'start',
        '--engine',
        'swarm',
        '--image',
        image,
        '-m',
        'web=2,worker=1',
        '--wait',
        '-t',
        '2',
      )
      expect(out).toBe(
        'release: node release.js\nrelease | preparing the release\n' +
          'web=2,worker=1 on swarm, as app, from three-engines:1\nall ready\n',
      )
      expect(
        (await rows()).map(({ process: id, phase, ready, port, engine, node }) => [
          id,
          phase,
          ready,
          port,
          engine,
          node,
        ]),
      ).toEqual([
        ['web.1', 'up', true, 5000, 'swarm', 'one'],
        ['web.2', 'up', true, 5000, 'swarm', 'one'],
        ['worker.1', 'up', true, 5100, 'swarm', 'one'],
      ])
      // The one-off of the release is gone, and everything there is carries our label.
      expect(manager.docker('service', 'ls', '--format', '{{.Name}}').trim().split('\n').toSorted()).toEqual([
        'app_web',
        'app_worker',
      ])
    },
    LIMIT,
  )

  test(
    'the environment arrives as it is, and no value of it is in what Docker shows',
    async () => {
      const { stdout } = await tw('run', '--', 'node', '-e', 'console.log(process.env.GREETING)')
      expect(stdout).toBe(`it's "$HOME" {{.Task.Slot}} \\ ünï\n`)
      const shown = manager.docker('service', 'inspect', 'app_web', 'app_worker')
      expect(shown).not.toContain('ünï')
      expect(manager.docker('secret', 'ls', '--format', '{{.Name}}')).toMatch(
        /^app_environment_[0-9a-f]{8}\n$/,
      )
    },
    LIMIT,
  )

  test(
    'the engine is remembered, and scale knows the same arithmetic',
    async () => {
      expect(await done('scale')).toBe('web=2,worker=1\n')
      expect(await done('scale', 'worker+1', 'web=3', '--wait')).toBe('web: 2 -> 3\nworker: 1 -> 2\n')
      expect(await names()).toEqual(['web.1', 'web.2', 'web.3', 'worker.1', 'worker.2'])
      expect(await done('scale', 'web-2', 'worker=1', '--wait')).toBe('web: 3 -> 1\nworker: 2 -> 1\n')
      expect(await names()).toEqual(['web.1', 'worker.1'])
      const wrong = await tw('scale', 'wrker+1')
      expect(wrong).toEqual({
        code: 2,
        stdout: '',
        stderr:
          'tw-run: unknown process type "wrker"\n  hint: did you mean "worker"? (process types: web, worker)\n',
      })
    },
    LIMIT,
  )

  test(
    'logs -f goes on over a rolling restart, and logs has the lines of both',
    async () => {
      const before = manager.docker('service', 'ps', '-q', '--filter', 'desired-state=running', 'app_worker')
      const run = follow('logs', '-f', 'worker', '--no-timestamps', '-n', '2')
      await run.waitFor(/^worker\.1 \| did job \d+$/m)
      expect(await done('restart', 'worker', '--wait')).toBe('restarting worker\n')
      await run.waitFor(/worker\.1 \| putting the job back[^]*worker\.1 \| did job \d+\n/, 30_000)
      run.signal('SIGTERM')
      await run.ended
      expect(
        manager.docker('service', 'ps', '-q', '--filter', 'desired-state=running', 'app_worker'),
      ).not.toBe(before)
      const logs = await done('logs', 'worker', '--no-timestamps')
      expect(logs).toMatch(/^worker\.1 \| waiting for jobs\n[^]*putting the job back\n/)
      expect(logs.match(/waiting for jobs/g)).toHaveLength(2)
    },
    LIMIT,
  )

  test(
    'run hands on lines and exit code',
    async () => {
      expect(
        await tw('run', 'node', '-e', 'console.log(process.argv[1]); process.exit(7)', "it's $HOME"),
      ).toEqual({
        code: 7,
        stdout: "it's $HOME\n",
        stderr: '',
      })
      expect((await tw('run', 'echo $PS; exit 3')).stdout).toBe('run.1\n')
    },
    LIMIT,
  )

  test(
    'a release that fails stops the roll-out, with its own exit code',
    async () => {
      const before = manager.docker('service', 'inspect', 'app_web', '--format', '{{.Version.Index}}')
      writeFileSync(app.path('.env'), `RELEASE_CODE=9\n${readFileSync(app.path('.env'), 'utf8')}`)
      expect(await tw('start', '--wait')).toEqual({
        code: 9,
        stdout: 'release: node release.js\nrelease | preparing the release\n',
        stderr: 'tw-run: the release exited with code 9: what ran before runs on, unchanged\n',
      })
      expect(manager.docker('service', 'inspect', 'app_web', '--format', '{{.Version.Index}}')).toBe(before)
      writeFileSync(app.path('.env'), readFileSync(app.path('.env'), 'utf8').replace('RELEASE_CODE=9\n', ''))
    },
    LIMIT,
  )

  test(
    'a version that was rolled back is no success, and what ran before runs on',
    async () => {
      const procfile = readFileSync(app.path('Procfile'), 'utf8')
      writeFileSync(app.path('Procfile'), procfile.replace('node worker.js', 'echo no such job; exit 4'))
      const { code, stdout, stderr } = await tw('start', '--wait')
      expect({ code, stdout }).toEqual({
        code: 1,
        stdout: expect.stringMatching(/web=1,worker=1 on swarm/) as string,
      })
      expect(stderr).toMatch(/^worker\.1 \| no such job\ntw-run: not ready: worker: rollback completed/)
      writeFileSync(app.path('Procfile'), procfile)
      expect(
        manager.docker(
          'service',
          'inspect',
          'app_worker',
          '--format',
          '{{json .Spec.TaskTemplate.ContainerSpec.Args}}',
        ),
      ).not.toContain('no such job')
      await until(
        'the old version',
        () =>
          manager
            .docker(
              'service',
              'ps',
              'app_worker',
              '--filter',
              'desired-state=running',
              '--format',
              '{{.CurrentState}}',
            )
            .startsWith('Running'),
        30_000,
      )
      expect((await tw('ps')).stdout).toMatch(/worker: rollback completed/)
      // It is no news of what is asked for afterwards.
      await done('scale', 'web=2', '--wait')
      await done('scale', 'web=1', '--wait')
    },
    LIMIT,
  )

  test(
    'an image that is nowhere is said in Docker’s own words, within the time limit',
    async () => {
      const { code, stderr } = await tw(
        'start',
        '--image',
        'localhost:1/nowhere:1',
        '--wait',
        '--app',
        'other',
        '-x',
        'worker',
      )
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/it could not run: .*[Nn]o such image/) as string,
      })
      // Nothing was started, and nothing is left; the first app is still there.
      expect(manager.docker('service', 'ls', '--filter', 'label=tw-run.app=other', '-q')).toBe('')
      expect((await tw('stop', '--app', 'other')).stdout).toMatch(/removed its environment/)
      expect(await done('ps', '--engine', 'swarm', '--app', 'app')).toMatch(/^web\.1 +ready/m)
    },
    LIMIT,
  )

  test(
    'processes are spread over two nodes; a node that dies loses its own to the other',
    async () => {
      const token = manager.docker('swarm', 'join-token', '-q', 'worker').trim()
      worker.docker(
        'swarm',
        'join',
        '--token',
        token,
        '--listen-addr',
        `${worker.address}:2377`,
        '--advertise-addr',
        worker.address,
        `${manager.address}:2377`,
      )
      await done(
        'start',
        '--engine',
        'swarm',
        '--app',
        'app',
        '--image',
        image,
        '-m',
        'web=0,worker=4',
        '--wait',
      )
      await done('restart', 'worker', '--wait')
      const spread = await rows()
      expect(new Set(spread.map(({ node }) => node))).toEqual(new Set(['one', 'two']))
      expect((await tw('ps')).stdout).toMatch(/^PROCESS .* NODE\n/)
      await worker.kill()
      // Its own heartbeats have to be missed first: until then nothing of tw-run can have changed.
      await until(
        'the manager to know that it is gone',
        () => /^two Down$/m.test(manager.docker('node', 'ls', '--format', '{{.Hostname}} {{.Status}}')),
        60_000,
      )
      await until2('all four on the node that lives', async () => {
        const now = await rows()
        return now.length === 4 && now.every(({ node, ready }) => ready && node === 'one')
      })
    },
    LIMIT,
  )

  test(
    'what is not ours is not touched, and stop leaves nothing behind',
    async () => {
      manager.docker('service', 'create', '-d', '-q', '--name', 'app_stranger', image, '/bin/sleep', '1000')
      // The dead node cannot say that its processes are gone: that is said, and is no reason to leave the rest.
      expect(await tw('stop')).toMatchObject({
        code: 1,
        stdout: 'stopping everything\n',
        stderr: expect.stringMatching(/everything is removed, but \d process.* ended, on: two\n/) as string,
      })
      expect(manager.docker('service', 'ls', '--format', '{{.Name}}').trim()).toBe('app_stranger')
      expect(manager.docker('network', 'ls', '--filter', 'label=tw-run.app', '-q')).toBe('')
      expect(manager.docker('network', 'ls', '--filter', 'name=app_default', '-q')).toBe('')
      expect(manager.docker('secret', 'ls', '-q')).toBe('')
      expect(manager.docker('config', 'ls', '-q')).toBe('')
      manager.docker('service', 'create', '-d', '-q', '--name', 'app_web', image, '/bin/sleep', '1000')
      const refused = await tw('start', '--engine', 'swarm', '--app', 'app', '--image', image)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/not made by tw-run, and in the way: app_web\n/)
      expect((await tw('ps', '--engine', 'swarm', '--app', 'app')).stdout).toBe('nothing runs on swarm\n')
    },
    LIMIT,
  )

  test(
    'a daemon in no swarm, and one that is not there',
    async () => {
      const ask = (host: string) => app.cli(['ps', '--engine', 'swarm'], { DOCKER_HOST: host })
      manager.docker('swarm', 'leave', '--force')
      expect(await ask(manager.host)).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^tw-run: the Docker daemon is in no swarm\n {2}hint: .*--listen-addr 127\.0\.0\.1/,
        ) as string,
      })
      rmSync(app.path('no.sock'), { force: true })
      const gone = await ask(`unix://${app.path('no.sock')}`)
      expect(gone.code).toBe(1)
      expect(gone.stderr).toMatch(/^tw-run: the Docker daemon cannot be reached: .*\n {2}hint: start it/)
    },
    LIMIT,
  )
})

/** For a condition that takes its time to ask. */
async function until2(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within 60 s: ${what}`)
    await pause(250)
  }
}
