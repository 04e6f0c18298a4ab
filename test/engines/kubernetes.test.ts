import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { endsClean, liveApp } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { makeApp } from '../support/rig.ts'
import {
  clusterApp,
  CONTEXT,
  deployment,
  ended,
  interruptAt,
  list,
  pod,
  reply,
  waiting,
} from '../support/kubernetes.ts'
import type { Answer, ClusterApp, Reply } from '../support/kubernetes.ts'

const LIMIT = 60_000
const IMAGE = ['--engine', 'kubernetes', '--image', 'local/node:20']
const FILES = { Procfile: 'web: node web.js\nworker: exec sleep 1000\n' }
const apps: ClusterApp[] = []

function appWith(files: Readonly<Record<string, string>>, ...answers: readonly Answer[]): ClusterApp {
  const app = clusterApp(files)
  apps.push(app)
  app.answer(...answers, ...USUAL)
  return app
}

afterAll(() => {
  for (const app of apps) app.cleanup()
})

const says = (match: string, ...replies: readonly Reply[]): Answer => ({ match, replies })
const looks = (...replies: readonly Reply[]): Answer =>
  says('get deployments.apps,replicasets.apps,pods', ...replies)
const NOTHING = list()
const STILL_THERE =
  'note: what was made for it on kubernetes goes with: tw-run stop --engine kubernetes --app app\n'
const READY = list(...deployment(), ...deployment({ type: 'worker' }), pod(), pod({ type: 'worker' }))

/** What is left there, where a start failed after it had begun. */
const leaves = (stdout: string): Answer =>
  says(' get deployments.apps,services,jobs.batch,secrets ', { stdout })

/** A server on which nothing is yet, and that takes everything. */
const USUAL = [
  says('^config view', CONTEXT),
  says(' get (deployments.apps|services|secrets)/', { stdout: '' }),
  says('--output=jsonpath=', { stdout: '4711' }),
  says(' apply ', { stdout: 'deployment.apps/app-web serverside-applied\n' }),
  leaves('secret/app-environment\n'),
  looks(NOTHING, NOTHING, NOTHING, READY),
]

describe('start', () => {
  test('applies what it made, by itself as the field manager, in the context and namespace of the user', async () => {
    const app = appWith({ ...FILES, '.env': "GREETING='s3cret ü'\n" })
    expect(await app.tw('start', ...IMAGE, '--wait', '-m', 'web=1')).toEqual({
      code: 0,
      stdout: 'web=1,worker=1 on kubernetes, as app, from local/node:20\nall ready\n',
      stderr: '',
    })
    const calls = app.calls()
    expect(calls[0]?.args).toEqual(['config', 'view', '--minify', '--output=json'])
    const place = ['--context=kind-dev', '--namespace=shops', '--request-timeout=10s']
    for (const { args } of calls.slice(1)) expect(args.slice(0, 3)).toEqual(place)
    const applied = calls.filter(({ args }) => args.includes('apply'))
    const flags = ['--server-side', '--field-manager=tw-run', '--force-conflicts', '--filename=-']
    for (const { args } of applied) expect(args).toEqual(expect.arrayContaining(flags))
    // No value of the environment is in the arguments of a process, which everybody may read.
    expect(JSON.stringify(calls.map(({ args }) => args))).not.toMatch(/s3cret|czNjcmV0/)
    const [secret, objects] = applied.map(({ stdin }) => JSON.parse(stdin) as Record<string, never>)
    expect(secret).toMatchObject({
      kind: 'Secret',
      metadata: { name: 'app-environment' },
      data: { GREETING: Buffer.from('s3cret ü').toString('base64') },
    })
    const items = objects?.['items'] as unknown as Record<string, object>[]
    expect(items.map(({ kind, metadata }) => [kind, (metadata as { name?: string }).name])).toEqual([
      ['Deployment', 'app-web'],
      ['Service', 'app-web'],
      ['Deployment', 'app-worker'],
    ])
    for (const { metadata } of items)
      expect(metadata).toMatchObject({
        labels: { 'app.kubernetes.io/name': 'app', 'app.kubernetes.io/managed-by': 'tw-run' },
      })
    expect(items[2]).toMatchObject({
      spec: {
        minReadySeconds: 5,
        template: {
          // What makes new pods of a changed environment tells nothing of its values.
          metadata: { annotations: { 'tw-run/environment': '4711' } },
          spec: {
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                image: 'local/node:20',
                imagePullPolicy: 'IfNotPresent',
                command: ['/bin/sh', '-c', 'exec sleep 1000'],
              },
            ],
          },
        },
      },
    })
  })

  test('keeps the counts that run, and removes what the Procfile has no more', async () => {
    const former = list(...deployment({ replicas: 7 }), ...deployment({ type: 'worker' }))
    const app = appWith({ Procfile: 'web: node web.js\n' }, looks(former), says(' delete ', { stdout: '' }))
    const { code, stdout } = await app.tw('start', ...IMAGE)
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'removed worker, which the Procfile has no more\nweb=7 on kubernetes, as app, from local/node:20\n',
    })
    const deleted = app.calls().filter(({ args }) => args.includes('delete'))
    expect(deleted.map(({ args }) => args.slice(3))).toEqual([
      ['delete', 'deployments.apps', 'app-worker', '--ignore-not-found', '--wait=false'],
    ])
  })

  test('leaves what it did not make alone', async () => {
    const stranger = {
      kind: 'Deployment',
      metadata: { name: 'app-web', labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
    }
    const app = appWith(FILES, says(' get deployments.apps/', { stdout: JSON.stringify(stranger) }))
    expect(await app.tw('start', ...IMAGE)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'tw-run: not made by tw-run, and in the way: Deployment app-web\n' +
        '  hint: give the app another name with --app, or remove them yourself\n',
    })
    expect(app.calls().some(({ args }) => args.includes('apply'))).toBe(false)
  })

  test('needs an image', async () => {
    const { code, stderr } = await appWith(FILES).tw('start', '--engine', 'kubernetes')
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'tw-run: kubernetes runs containers, and no image is named\n' +
        '  hint: name the image of the app with --image, such as --image registry/app:42\n',
    })
  })
})

// Each waits for as long as its server needs to be believed.
describe.concurrent('start --wait tells the truth', () => {
  const web = { Procfile: 'web: node web.js\n' }
  const bad = (...items: readonly object[]): Answer => looks(NOTHING, NOTHING, NOTHING, list(...items))

  test(
    'a crash loop that the server calls rolled out, with its last lines',
    async () => {
      const app = appWith(
        web,
        looks(
          NOTHING,
          NOTHING,
          NOTHING,
          list(...deployment({ available: 0 }), pod()),
          list(...deployment(), pod({ restarts: 1, last: ended(1) })),
          list(
            ...deployment({ available: 0 }),
            pod({
              restarts: 2,
              last: ended(1),
              ready: false,
              state: waiting('CrashLoopBackOff', 'back-off 20s restarting failed container=process'),
            }),
          ),
        ),
        says('logs app-web-.* --previous', { stdout: 'listening\nError: no database\n' }),
      )
      const { code, stderr } = await app.tw('start', ...IMAGE, '--wait')
      expect(code).toBe(1)
      expect(stderr).toBe(
        'web.1 | listening\nweb.1 | Error: no database\n' +
          'tw-run: not ready: web.1: CrashLoopBackOff: back-off 20s restarting failed container=process (exit code 1, 2 restarts)\n' +
          '  hint: see what happened with: tw-run ps, tw-run logs web\n',
      )
    },
    LIMIT,
  )

  test(
    'an image that cannot be pulled',
    async () => {
      const message = 'Back-off pulling image "local/nowhere:1": ErrImagePull: not found'
      const app = appWith(
        web,
        bad(
          ...deployment({ available: 0 }),
          pod({ ready: false, state: waiting('ImagePullBackOff', message) }),
        ),
        says(' logs ', {
          code: 1,
          stderr: 'Error from server (BadRequest): container "process" in pod "x" is waiting to start\n',
        }),
      )
      const { code, stderr } = await app.tw('start', ...IMAGE, '--wait')
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /^tw-run: not ready: web\.1: ImagePullBackOff: Back-off pulling image "local\/nowhere:1"/,
        ) as string,
      })
    },
    LIMIT,
  )

  test(
    'no room for it, and a quota',
    async () => {
      const room = '0/1 nodes are available: 1 Insufficient memory.'
      const quota =
        'pods "app-web-6d4cf56db6-" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1'
      const [full, forbidden] = await Promise.all([
        appWith(
          web,
          bad(
            ...deployment({ available: 0 }),
            pod({ scheduled: { reason: 'Unschedulable', message: room } }),
          ),
          says(' logs ', { code: 1 }),
        ).tw('start', ...IMAGE, '--wait'),
        appWith(
          web,
          bad(
            ...deployment({
              available: 0,
              updated: 0,
              conditions: [
                { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: quota },
              ],
            }),
          ),
        ).tw('start', ...IMAGE, '--wait'),
      ])
      expect(full).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`not ready: web.1: Unschedulable: ${room}`) as string,
      })
      expect(forbidden).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`not ready: web: FailedCreate: ${quota}`) as string,
      })
    },
    LIMIT,
  )

  test(
    'a roll-out that does not get on',
    async () => {
      const message = 'ReplicaSet "app-web-6d4cf56db6" has timed out progressing.'
      const conditions = [
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message },
      ]
      const app = appWith(
        web,
        bad(...deployment({ available: 0, conditions }), pod({ ready: false })),
        says(' logs ', { stdout: '' }),
      )
      const { code, stderr } = await app.tw('start', ...IMAGE, '--wait')
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`ProgressDeadlineExceeded: ${message}`) as string,
      })
    },
    LIMIT,
  )

  test(
    'a server that freezes in the middle of it',
    async () => {
      const app = appWith(web, looks(NOTHING, NOTHING, NOTHING, { hangs: true }))
      const before = performance.now()
      const { code, stderr } = await app.tw('start', ...IMAGE, '--wait')
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr:
          'tw-run: time-out: "kubectl get deployments.apps,replicasets.apps,pods" did not answer within 20 s\n' +
          '  hint: see whether it answers you: kubectl version\n',
      })
      expect(performance.now() - before).toBeLessThan(40_000)
    },
    LIMIT,
  )
})

describe('a release', () => {
  const files = { Procfile: 'web: node web.js\nrelease: node release.js\n' }
  const once = (state: object): object => ({ ...(pod({ type: 'release-once', state }) as object) })

  test('that succeeds comes before the rest; its lines are shown, and its job is removed', async () => {
    const app = appWith(
      files,
      says(' get jobs.batch,pods', list(once({ running: { startedAt: 'x' } })), list(once(ended(0)))),
      says(' logs ', { stdout: 'migrated\n' }),
      says(' delete job ', { stdout: '' }),
    )
    const { code, stdout } = await app.tw('start', ...IMAGE)
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'release: node release.js\nrelease | migrated\nweb=1 on kubernetes, as app, from local/node:20\n',
    })
    const verbs = app
      .calls()
      .map(({ args, stdin }) => `${args[3]} ${/"kind":"(\w+)"/.exec(stdin)?.[1] ?? ''}`.trim())
    expect(verbs.filter((verb) => /apply|delete/.test(verb))).toEqual([
      'apply Secret',
      'apply Job',
      'delete',
      'apply List',
    ])
  })

  test('that fails stops the roll-out, with its exit code', async () => {
    const app = appWith(
      files,
      says(' get jobs.batch,pods', list(once(ended(9)))),
      says(' logs ', { stdout: 'no database\n' }),
      says(' delete job ', { stdout: '' }),
    )
    expect(await app.tw('start', ...IMAGE, '--wait')).toEqual({
      code: 9,
      stdout: 'release: node release.js\nrelease | no database\n',
      stderr: `tw-run: the release exited with code 9: nothing was started\n${STILL_THERE}`,
    })
    expect(app.calls().some(({ stdin }) => stdin.includes('Deployment'))).toBe(false)
  })

  test('that cannot begin says why, and does not wait for ever', async () => {
    const state = waiting('ImagePullBackOff', 'Back-off pulling image')
    const app = appWith(
      files,
      says(' get jobs.batch,pods', list(once(state))),
      says(' delete job ', { stdout: '' }),
    )
    const { code, stderr } = await app.tw('start', ...IMAGE)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        `${STILL_THERE}tw-run: it could not begin: ImagePullBackOff: Back-off pulling image\n` +
        '  hint: see what the cluster says: kubectl get events\n',
    })
  })
})

describe('a start that fails takes nothing over', () => {
  const sleeps = { Procfile: 'web: exec sleep 1000\n' }
  const forbidden = {
    code: 1,
    stderr: 'Error from server (Forbidden): secrets is forbidden: User "dev" cannot\n',
  }
  const invalid = { code: 1, stderr: 'Error from server (Invalid): Deployment.apps "app-web" is invalid\n' }
  const stranger = {
    stdout: JSON.stringify({ kind: 'Deployment', metadata: { name: 'app-web', labels: {} } }),
  }
  const start = ['start', ...IMAGE]
  const fails = async (app: ClusterApp, message: string, ...more: readonly string[]): Promise<string> => {
    const { code, stderr } = await app.tw(...start, ...more)
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
    return stderr
  }
  const contextsAsked = (app: ClusterApp): number =>
    app.calls().filter(({ args }) => args[0] === 'config').length
  const localToo = 'a formation runs on this machine, too: tw-run ps --engine local\n'

  async function withLocal(...answers: readonly Answer[]): Promise<ClusterApp> {
    const app = appWith(sleeps, ...answers)
    onTestFinished(async () => void (await app.tw('stop', '--engine', 'local')))
    expect(await app.tw('start', '-D')).toMatchObject({ code: 0, stderr: '' })
    return app
  }
  const local = async (app: ClusterApp): Promise<string[]> =>
    (JSON.parse((await app.tw('ps', '--json')).stdout) as Record<string, string>[]).map(
      ({ process: id, engine }) => `${id} ${engine}`,
    )

  test.each([
    ['for what is in the way', says(' get deployments.apps/', stranger), 'in the way: Deployment app-web'],
    ['for want of permission', says(' apply ', forbidden), 'no permission'],
  ])(
    '%s: nothing is there, what ran here runs, and the next start asks for the context',
    async (_why, answer, message) => {
      const app = await withLocal(answer, leaves(''))
      expect(await fails(app, message)).not.toContain('note:')
      expect(await local(app)).toEqual(['web.1 local'])
      await fails(app, message)
      expect(contextsAsked(app)).toBe(2)
    },
  )

  test('half-way: it is said how to remove what is there, and that is still done where it was made', async () => {
    const app = await withLocal(
      says('--output=jsonpath=', { stdout: '4711' }),
      says(' apply ', invalid),
      says(' delete ', { stdout: 'secret/app-environment\n' }),
      says(' get pods ', { stdout: '' }),
    )
    expect(await fails(app, 'kubectl: Error from server (Invalid)')).toMatch(new RegExp(`^${STILL_THERE}`))
    expect(await local(app)).toEqual(['web.1 local'])
    expect(contextsAsked(app)).toBe(1)
    expect((await app.tw('stop', '--engine', 'kubernetes', '--app', 'app')).stdout).toBe(
      `stopping everything\nremoved secret/app-environment\nall stopped, nothing left running\n${localToo}`,
    )
    expect(app.calls().find(({ args }) => args.includes('delete'))?.args[0]).toBe('--context=kind-dev')
    expect(contextsAsked(app)).toBe(1)
    // Now it is forgotten.
    await fails(app, 'kubectl: Error from server (Invalid)')
    expect(contextsAsked(app)).toBe(2)
  })

  test('what was started before is still what is remembered', async () => {
    const app = appWith(FILES, looks(READY))
    await app.tw(...start)
    app.answer(
      says('--output=jsonpath=', { stdout: '4711' }),
      says(' apply ', invalid),
      looks(READY),
      ...USUAL,
    )
    for (const more of [
      ['--image', 'new'],
      ['--app', 'other'],
    ])
      expect(await fails(app, 'kubectl: Error from server (Invalid)', ...more)).not.toContain('note:')
    expect((await app.tw('ps', '--verbose')).stdout).toMatch(
      /app: app\nimage: local\/node:20\ncluster: kind-dev/,
    )
    app.answer(
      says(' delete ', { stdout: 'secret/other-environment\n' }),
      says(' get pods ', { stdout: '' }),
      looks(READY),
    )
    await app.tw('stop', '--app', 'other')
    expect((await app.tw('ps', '--verbose')).stdout).toContain('app: app\n')
  })

  test('nor does one on this machine', async () => {
    const app = appWith({ Procfile: 'web: exec sleep 1000\nworker: exec sleep 1000\n' }, looks(READY))
    await app.tw(...start)
    for (const how of [[], ['-D']])
      expect((await app.tw('start', ...how, '--engine', 'local', '-m', 'nope=1')).code).toBe(2)
    expect(await local(app)).toEqual(['web.1 kubernetes', 'worker.1 kubernetes'])
    onTestFinished(async () => void (await app.tw('stop', '--engine', 'local')))
    expect((await app.tw('start', '-D', '--engine', 'local')).code).toBe(0)
    expect(await local(app)).toEqual(['web.1 local', 'worker.1 local'])
  })

  test('one that works says what else runs here, and so does ps', async () => {
    const app = await withLocal(looks(list(...deployment(), pod())))
    expect(await app.tw(...start)).toMatchObject({ code: 0, stderr: `note: ${localToo}` })
    const { stdout } = await app.tw('ps')
    expect(stdout).toMatch(/^PROCESS/)
    expect(stdout.endsWith(localToo)).toBe(true)
    expect((await app.tw('ps', '--engine', 'local')).stdout).toMatch(/^web\.1 +up/m)
    await app.tw('stop', '--engine', 'local')
    expect((await app.tw('ps')).stdout).not.toContain('this machine')
  })
})

describe('afterwards', () => {
  const started = async (...answers: readonly Answer[]): Promise<ClusterApp> => {
    const app = appWith(FILES, looks(READY), ...answers)
    expect((await app.tw('start', ...IMAGE)).code).toBe(0)
    return app
  }

  const live = (by: LiveApp, app: ClusterApp, ...args: readonly string[]): LiveRun =>
    by.startBy([process.execPath], [...args, '-d', app.root], {
      ...app.env,
      TW_RUN_STATE_DIR: app.stateDir,
    })
  const follow = (by: LiveApp, app: ClusterApp): LiveRun =>
    live(by, app, 'logs', '-f', 'web', '--no-timestamps')

  test('ps, the engine being remembered, has the columns of every engine', async () => {
    const app = await started()
    expect((await app.tw('ps')).stdout).toMatch(
      /^PROCESS +PHASE +PID +PORT +UP FOR +RESTARTS +LAST EXIT +NODE\nweb\.1 +ready +- +5000 +.* +0 +- +node-a\nworker\.1 +ready/,
    )
    const [row] = JSON.parse((await app.tw('ps', '--json')).stdout) as Record<string, unknown>[]
    expect(row).toMatchObject({
      process: 'web.1',
      type: 'web',
      instance: 1,
      phase: 'up',
      ready: true,
      pid: null,
      port: 5000,
      restarts: 0,
      lastExit: null,
      engine: 'kubernetes',
      node: 'node-a',
    })
  })

  test('a later command stays in the context of the start, whatever is chosen then', async () => {
    const app = await started()
    await app.tw('ps')
    const last = app.calls().at(-1)
    expect(last?.args[0]).toBe('--context=kind-dev')
    expect(app.calls().filter(({ args }) => args[0] === 'config')).toHaveLength(1)
  })

  test('scale, with the arithmetic of this machine', async () => {
    const app = await started(says(' scale ', { stdout: '' }))
    expect((await app.tw('scale', 'worker+2', 'web=1')).stdout).toBe('worker: 1 -> 3\n')
    const scaled = app.calls().filter(({ args }) => args.includes('scale'))
    expect(scaled.map(({ args }) => args.slice(3))).toEqual([
      ['scale', 'deployments.apps', 'app-worker', '--replicas=3'],
    ])
    expect((await app.tw('scale')).stdout).toBe('web=1,worker=1\n')
    expect((await app.tw('scale', 'web-2')).code).toBe(2)
  })

  test('restart rolls a type, and knows no single process', async () => {
    const app = await started(says(' rollout restart ', { stdout: '' }))
    expect((await app.tw('restart', 'worker', '--wait')).stdout).toBe('restarting worker\n')
    expect(
      app
        .calls()
        .find(({ args }) => args.includes('rollout'))
        ?.args.slice(3),
    ).toEqual(['rollout', 'restart', 'deployments.apps/app-worker'])
    expect(await app.tw('restart', 'worker.1')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'tw-run: worker.1: an engine knows types only\n  hint: restart all of its type: worker\n',
    })
  })

  test('logs in the order of time, with the names of processes', async () => {
    const app = await started(
      says('logs app-web', {
        stdout: '2026-11-22T10:00:03.5Z listening on 5000\n2026-11-22T10:00:05.1Z GET /\n',
      }),
      says('logs app-worker', { stdout: '2026-11-22T10:00:04.2Z waiting\n' }),
    )
    expect((await app.tw('logs', '--no-timestamps')).stdout).toBe(
      'web.1    | listening on 5000\nworker.1 | waiting\nweb.1    | GET /\n',
    )
    expect((await app.tw('logs', 'worker', '--log-format', 'json')).stdout).toBe(
      '{"time":"2026-11-22T10:00:04.200Z","process":"worker.1","seq":1,"text":"waiting"}\n',
    )
    expect(await app.tw('logs', '--log-format', 'bogus')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'tw-run: --log-format: "bogus" is not one of pretty, plain, json\n',
    })
    writeFileSync(join(app.root, '.env'), 'TW_RUN_LOG_FORMAT=plain\n')
    expect((await app.tw('logs', 'worker')).stdout).toBe('waiting\n')
  })

  test('logs -f goes on with the next life of a process, and leaves no helper behind', async () => {
    const again = list(...deployment(), pod({ restarts: 1, last: ended(1) }))
    const app = await started()
    app.answer(
      looks(list(...deployment(), pod()), list(...deployment(), pod()), again),
      says(
        'logs app-web',
        { stdout: '2026-11-22T10:00:03Z first life\n' },
        { stdout: '2026-11-22T10:00:05Z second life\n', hangs: true },
      ),
    )
    const run = follow(liveApp({}), app)
    await run.waitFor(/^web\.1 +\| first life\nweb\.1 +\| second life\n/m)
    run.signal('SIGINT')
    expect(await run.ended).toBe(130)
  })

  test('logs -f outlives a look that failed, says so once, and leaves no helper behind', async () => {
    const refused = 'The connection to the server 127.0.0.1:6443 was refused\n'
    const again = list(...deployment(), pod({ restarts: 1, last: ended(1) }))
    const app = await started()
    app.answer(
      looks(READY, READY, { code: 1, stderr: refused }, { code: 1, stderr: refused }, again),
      says(
        'logs app-web',
        { stdout: '2026-11-22T10:00:03Z first life\n', hangs: true },
        { stdout: '2026-11-22T10:00:05Z second life\n', hangs: true },
      ),
    )
    const by = liveApp({})
    const run = follow(by, app)
    await run.waitFor(/second life/)
    expect(run.output()).toBe(
      'web.1    | first life\n' +
        'system   | the cluster of context "kind-dev" cannot be reached: The connection to the server 127.0.0.1:6443 was refused; trying again\n' +
        'web.1    | second life\n',
    )
    await endsClean(by, run)
  })

  test('stop removes what carries our labels, waits for the pods, and says so', async () => {
    const app = await started(
      says(' delete ', { stdout: 'deployment.apps/app-web\nservice/app-web\nsecret/app-environment\n' }),
      says(' get pods ', { stdout: 'pod/app-web-1\n' }, { stdout: '' }),
    )
    expect((await app.tw('stop')).stdout).toBe(
      'stopping everything\nremoved deployment.apps/app-web, service/app-web, secret/app-environment\nall stopped, nothing left running\n',
    )
    const removed = app.calls().find(({ args }) => args.includes('delete'))
    expect(removed?.args.slice(3)).toEqual([
      'delete',
      'deployments.apps,services,jobs.batch,secrets',
      '--selector=app.kubernetes.io/name=app,app.kubernetes.io/managed-by=tw-run',
      '--ignore-not-found',
      '--wait=false',
      '--output=name',
    ])
    // The project is local again.
    expect((await app.tw('ps')).stdout).toBe('nothing runs here\n')
  })

  test('run hands on lines and exit code', async () => {
    const app = await started(
      says(' get jobs.batch,pods', list(pod({ type: 'run-once', state: ended(7) }))),
      says(' logs ', { stdout: 'hello\n' }),
      says(' delete job ', { stdout: '' }),
    )
    expect(await app.tw('run', 'echo hello; exit 7')).toEqual({ code: 7, stdout: 'hello\n', stderr: '' })
    const job = JSON.parse(app.calls().findLast(({ stdin }) => stdin.includes('"Job"'))?.stdin ?? '') as {
      spec: object
    }
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      template: {
        spec: { restartPolicy: 'Never', containers: [{ command: ['/bin/sh', '-c', 'echo hello; exit 7'] }] },
      },
    })
  })
})

describe('a one-off process', () => {
  /** The environment is applied before, and asks for its version. */
  const CREATES = ' apply (?!.*--output)'
  const ran = ['--engine', 'kubernetes', '--image', 'local/node:20', 'true']

  test('whose creation is interrupted is removed, as it may be there', async () => {
    const app = appWith(FILES, says(CREATES, { hangs: true }), says(' delete job ', { stdout: '' }))
    const by = liveApp({})
    const run = by.startBy([process.execPath], ['run', '-d', app.root, ...ran], app.env)
    await interruptAt(new RegExp(CREATES), app, by, run)
    expect([await run.ended, run.output()]).toEqual([130, ''])
    const [created, removed] = app.calls().slice(-2)
    const { metadata } = JSON.parse(created?.stdin ?? '') as { metadata: { name: string } }
    expect(removed?.args.slice(3, 6)).toEqual(['delete', 'job', metadata.name])
  })

  test('whose creation nobody answered is removed; if that fails too, one is told how', async () => {
    const late = { code: 1, stderr: 'Unable to connect to the server: context deadline exceeded\n' }
    const app = appWith(FILES, says(CREATES, late), says(' delete job ', { stdout: '' }, late))
    const message =
      'the cluster of context "kind-dev" cannot be reached: Unable to connect to the server: context deadline exceeded'
    const first = await app.tw('run', ...ran)
    expect(first.code).toBe(1)
    expect(first.stderr).toMatch(new RegExp(`^tw-run: ${message}\n`))
    const second = await app.tw('run', ...ran)
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(
      new RegExp(`^tw-run: ${message}; job app-run-[0-9a-f]{6} may still be there\n`),
    )
    expect(second.stderr).toMatch(
      /; then remove it: kubectl --context=kind-dev --namespace=shops delete job app-run-[0-9a-f]{6}\n$/,
    )
  })
})

describe('what is wrong is said in one sentence, with what to type', () => {
  const DISCOVERY = `E1122 18:04:16.178125    6309 memcache.go:265] "Unhandled Error" err="couldn't get current server API group list: Get \\"https://127.0.0.1:6443/api?timeout=10s\\": dial tcp 127.0.0.1:6443: connect: connection refused"\n`
  test.each([
    [
      'no context is chosen',
      'config view',
      'error: current-context must exist in order to minify\n',
      'kubectl has no context to work in: current-context must exist in order to minify',
      'kubectl config use-context',
    ],
    [
      'the context is gone',
      ' get ',
      'Error in configuration: context was not found for specified context: kind-dev\n',
      'kubectl has no context to work in: Error in configuration: context was not found for specified context: kind-dev',
      'kubectl config get-contexts',
    ],
    [
      'the server refuses connections',
      ' get ',
      `${DISCOVERY.repeat(5)}The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n`,
      'the cluster of context "kind-dev" cannot be reached: The connection to the server 127.0.0.1:6443 was refused',
      'kubectl version',
    ],
    [
      'the server has no such name',
      ' get ',
      'Unable to connect to the server: dial tcp: lookup nowhere.invalid: no such host\n',
      'the cluster of context "kind-dev" cannot be reached: Unable to connect to the server: dial tcp: lookup',
      'kubectl config use-context',
    ],
    [
      'it is not allowed',
      ' get ',
      'Error from server (Forbidden): deployments.apps is forbidden: User "dev" cannot list resource "deployments" in API group "apps" in the namespace "shops"\n',
      'no permission: Error from server (Forbidden): deployments.apps is forbidden: User "dev" cannot list resource',
      'kubectl auth can-i --list --namespace shops',
    ],
    [
      'nobody is logged in',
      ' get ',
      'error: You must be logged in to the server (Unauthorized)\n',
      'the cluster of context "kind-dev" does not know you: You must be logged in to the server (Unauthorized)',
      'kubectl auth whoami',
    ],
    [
      'there is no such namespace',
      ' apply ',
      'Error from server (NotFound): namespaces "shops" not found\n',
      'there is no namespace "shops" in the cluster of context "kind-dev"',
      'kubectl create namespace shops',
    ],
    [
      'the server refuses what is applied',
      ' apply ',
      'Error from server (Invalid): Deployment.apps "app-web" is invalid: spec.replicas: Invalid value: -1\n',
      'kubectl: Error from server (Invalid): Deployment.apps "app-web" is invalid: spec.replicas',
      '',
    ],
  ])('%s', async (...[, match, stderr, message, hint]) => {
    const nothing = says('--output=name', { stdout: '' })
    const app = appWith(FILES, says(match, { code: 1, stderr }), nothing)
    const found = await app.tw('start', ...IMAGE)
    expect(found).toMatchObject({ code: 1, stdout: '' })
    const [first = '', second] = found.stderr.split('\n')
    expect(first).toContain(`tw-run: ${message}`)
    expect(second).toContain(hint)
  })

  const PLACE = '--context=kind-dev --namespace=shops'
  const GARBAGE = '@'.repeat(30)
  const LABELS = 'app.kubernetes.io/name=app,app.kubernetes.io/managed-by=tw-run'
  test.each([
    ['the context', 'config view', GARBAGE, ['ps'], 'config view', '', 'config view --minify --output=json'],
    [
      'the context, of another kind',
      'config view',
      '[1]',
      ['ps'],
      'config view',
      '',
      'config view --minify --output=json',
    ],
    [
      'what runs',
      'replicasets',
      GARBAGE,
      ['ps'],
      'get deployments.apps,replicasets.apps,pods',
      PLACE,
      `get deployments.apps,replicasets.apps,pods --selector=${LABELS} --output=json`,
    ],
    [
      'what is in the way',
      ' get deployments.apps/',
      GARBAGE,
      ['start', '--image', 'a'],
      'get deployments.apps/app-web deployments.apps/app-worker',
      PLACE,
      'get deployments.apps/app-web deployments.apps/app-worker services/app-web secrets/app-environment --ignore-not-found --output=json',
    ],
    [
      'a process that runs once',
      ' get jobs',
      GARBAGE,
      ['run', '--image', 'a', 'true'],
      'get jobs.batch,pods',
      PLACE,
      'get jobs.batch,pods',
    ],
    [
      'its events',
      ' get events',
      GARBAGE,
      ['run', '--image', 'a', 'true'],
      'get events',
      PLACE,
      'get events',
    ],
  ])('kubectl succeeds and prints no JSON: %s', async (...[, match, stdout, args, words, place, typed]) => {
    for (const printed of [stdout, '']) {
      // Nothing in the way is no news.
      if (printed === '' && match.includes('/')) continue
      const app = appWith(
        FILES,
        says(match, { stdout: printed }),
        says(' get jobs', NOTHING),
        says(' delete ', { stdout: '' }),
      )
      const [verb = '', ...rest] = args
      const { code, stderr } = await app.tw(verb, '--engine', 'kubernetes', ...rest)
      const [first, second = ''] = stderr.split('\n')
      expect([code, first]).toEqual([
        1,
        `tw-run: kubectl ${words} printed ${printed === '[1]' ? 'JSON of another kind' : 'no JSON'}: ${printed === '' ? 'nothing at all' : printed}`,
      ])
      expect(second).toContain(
        `  hint: see what it prints: kubectl ${place === '' ? '' : `${place} `}${typed}`,
      )
    }
  })

  test.each([
    [
      'about itself',
      'info',
      GARBAGE.repeat(4),
      `no JSON: ${GARBAGE.repeat(4).slice(0, 60)}...`,
      'docker info',
      "info --format '{{json .}}'",
    ],
    [
      'about itself, nothing',
      'info',
      '',
      'no JSON: nothing at all',
      'docker info',
      "info --format '{{json .}}'",
    ],
    [
      'about itself, half of it',
      'info',
      '{"ID":"a","Secret":"s3cret"',
      'no JSON: {"ID":"a","S...',
      'docker info',
      "info --format '{{json .}}'",
    ],
    [
      'about a service',
      '^inspect',
      GARBAGE,
      `no JSON: ${GARBAGE}`,
      'docker inspect a',
      'inspect --type service a',
    ],
    [
      'about a service, of another kind',
      '^inspect',
      '{}',
      'JSON of another kind: {}',
      'docker inspect a',
      'inspect --type service a',
    ],
  ])('docker succeeds and prints no JSON %s', async (...[, match, stdout, shown, words, typed]) => {
    const app = appWith(
      FILES,
      says(match, { stdout }),
      says('^info', reply({ Swarm: { LocalNodeState: 'active', Cluster: { ID: 'c' } } })),
      says('^service ls', { stdout: 'a\n' }),
    )
    expect(await app.tw('ps', '--engine', 'swarm')).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: ${words} printed ${shown}\n  hint: see what it prints: docker ${typed}\n`,
    })
  })

  test('there is no kubectl, no docker', async () => {
    const app = makeApp(FILES)
    for (const [engine, file] of [
      ['kubernetes', 'kubectl'],
      ['swarm', 'docker'],
    ] as const) {
      expect(await app.cli(['ps', '--engine', engine], { PATH: app.root })).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          new RegExp(`^tw-run: there is no command "${file}" on the PATH\n {2}hint: install it`),
        ) as string,
      })
    }
    app.cleanup()
  })

  test('an engine that there is not, and a memory that is damaged', async () => {
    const app = appWith(FILES, looks(READY))
    expect(await app.tw('ps', '--engine', 'nomad')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"nomad" is not') as string,
    })
    await app.tw('start', ...IMAGE)
    const [folder = ''] = [
      ...(await app.tw('ps', '--engine', 'local', '--verbose')).stdout.matchAll(/^state: (.*)$/gm),
    ].map(([, path]) => path)
    expect(JSON.parse(readFileSync(`${folder}/engine.json`, 'utf8'))).toEqual({
      version: 1,
      engine: 'kubernetes',
      places: { kubernetes: { app: 'app', image: 'local/node:20', cluster: 'kind-dev', namespace: 'shops' } },
    })
    writeFileSync(`${folder}/engine.json`, '{')
    expect(await app.tw('ps')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/engine\.json is damaged.*\n {2}hint: delete it/) as string,
    })
  })
})
