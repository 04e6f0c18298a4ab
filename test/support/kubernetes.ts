import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './live.ts'
import type { LiveApp, LiveRun } from './live.ts'
import { makeApp } from './rig.ts'
import type { CliResult, TestApp } from './rig.ts'

/** An answer of the stand-in: for the calls that match, in this order, the last one for all that follow. */
export interface Answer {
  readonly match: string
  readonly replies: readonly Reply[]
}

export interface Reply {
  readonly stdout?: string
  readonly stderr?: string
  readonly code?: number
  readonly hangs?: true
}

export interface Call {
  readonly args: readonly string[]
  readonly stdin: string
}

/** An app beside a `kubectl` and a `docker` that answer from a transcript and write every call down. */
export interface ClusterApp extends TestApp {
  /** What will be answered from now on. */
  answer(...answers: readonly Answer[]): void
  calls(): Call[]
  tw(...args: readonly string[]): Promise<CliResult>
  readonly env: Readonly<Record<string, string>>
}

export function clusterApp(files: Readonly<Record<string, string>>): ClusterApp {
  const app = makeApp(files)
  const folder = join(app.root, '..', 'cluster')
  mkdirSync(folder)
  for (const name of ['kubectl', 'docker']) {
    copyFileSync(fileURLToPath(new URL('kubectl.js', import.meta.url)), join(folder, name))
    chmodSync(join(folder, name), 0o755)
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(process.execPath, join(folder, 'node'))
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, TRANSCRIPT: folder }
  return {
    ...app,
    env,
    answer: (...answers) => {
      rmSync(join(folder, 'calls.jsonl'), { force: true })
      writeFileSync(join(folder, 'transcript.json'), JSON.stringify({ answers }))
    },
    calls: () => {
      const path = join(folder, 'calls.jsonl')
      if (!existsSync(path)) return []
      const lines = readFileSync(path, 'utf8').split('\n')
      return lines.filter(Boolean).map((line) => JSON.parse(line) as Call)
    },
    tw: (...args) => app.cli(args, env),
  }
}

/** Interrupts a tw-run in the middle of such a call, which was made: both, as the terminal does with Ctrl-C. */
export async function interruptAt(call: RegExp, app: ClusterApp, live: LiveApp, run: LiveRun): Promise<void> {
  const isAsked = (): boolean => app.calls().some(({ args }) => call.test(args.join(' ')))
  await until(() => `the call ${call}; there is:\n${run.output()}`, isAsked)
  const { pid } = await until('the program that is called', () =>
    live.survivors().find(({ command }) => call.test(command)),
  )
  run.signal('SIGINT')
  process.kill(pid, 'SIGINT')
}

/** What `kubectl config view --minify --output=json` says. */
export const CONTEXT = reply({
  kind: 'Config',
  apiVersion: 'v1',
  clusters: [{ name: 'kind', cluster: { server: 'https://127.0.0.1:6443' } }],
  users: [{ name: 'dev', user: { 'client-key-data': 'DATA+OMITTED' } }],
  contexts: [{ name: 'kind-dev', context: { cluster: 'kind', namespace: 'shops', user: 'dev' } }],
  'current-context': 'kind-dev',
})

export function reply(value: unknown): Reply {
  return { stdout: `${JSON.stringify(value)}\n` }
}

export function list(...items: readonly object[]): Reply {
  return reply({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items })
}

const HASH = '6d4cf56db6'
const OWNED = { 'app.kubernetes.io/name': 'app', 'app.kubernetes.io/managed-by': 'tw-run' }

export interface DeploymentState {
  readonly type?: string
  readonly replicas?: number
  readonly available?: number
  readonly updated?: number
  readonly observed?: boolean
  readonly conditions?: readonly object[]
}

/** A Deployment as a server returns it, and its newest ReplicaSet. */
export function deployment({
  type = 'web',
  replicas = 1,
  available = replicas,
  updated = replicas,
  observed = true,
  conditions = [],
}: DeploymentState = {}): object[] {
  const order = type === 'web' ? 0 : 1
  const labels = { ...OWNED, 'app.kubernetes.io/component': type }
  const name = `app-${type}`
  const conditionsNow = [
    {
      type: 'Available',
      status: available >= replicas ? 'True' : 'False',
      reason: available >= replicas ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: 'Deployment does not have minimum availability.',
      lastUpdateTime: '2026-11-22T10:00:00Z',
      lastTransitionTime: '2026-11-22T10:00:00Z',
    },
    ...conditions,
  ]
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name,
        namespace: 'shops',
        uid: `d-${type}`,
        resourceVersion: '812',
        generation: 2,
        creationTimestamp: '2026-11-22T10:00:00Z',
        labels,
        annotations: {
          'deployment.kubernetes.io/revision': '2',
          'tw-run/type': type,
          'tw-run/port': String(5000 + 100 * order),
          'tw-run/order': String(order),
        },
      },
      spec: { replicas, minReadySeconds: 5, progressDeadlineSeconds: 50, selector: { matchLabels: labels } },
      status: {
        observedGeneration: observed ? 2 : 1,
        replicas: updated,
        updatedReplicas: updated,
        readyReplicas: available,
        availableReplicas: available,
        conditions: conditionsNow,
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${name}-${HASH}`,
        labels: { ...labels, 'pod-template-hash': HASH },
        annotations: { 'deployment.kubernetes.io/revision': '2' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'Deployment', name, uid: `d-${type}`, controller: true },
        ],
      },
      spec: { replicas },
      status: { replicas: updated },
    },
  ]
}

export interface PodState {
  readonly type?: string
  readonly id?: string
  readonly state?: object
  readonly last?: object
  readonly restarts?: number
  readonly ready?: boolean
  readonly scheduled?: { readonly reason: string; readonly message: string }
  readonly deleted?: boolean
}

const RUNNING = { running: { startedAt: '2026-11-22T10:00:03Z' } }

/** A pod as a server returns it. */
export function pod({
  type = 'web',
  id = 'x7k2p',
  state = RUNNING,
  last = {},
  restarts = 0,
  ready = true,
  scheduled,
  deleted = false,
}: PodState = {}): object {
  const condition = (name: string, status: boolean, more: object = {}): object => ({
    type: name,
    status: status ? 'True' : 'False',
    lastProbeTime: null,
    lastTransitionTime: '2026-11-22T10:00:01Z',
    ...more,
  })
  const name = `app-${type}-${HASH}-${id}`
  const conditions =
    scheduled === undefined
      ? [
          condition('PodScheduled', true),
          condition('Initialized', true),
          condition('ContainersReady', ready),
          condition('Ready', ready),
        ]
      : [condition('PodScheduled', false, scheduled)]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shops',
      creationTimestamp: '2026-11-22T10:00:01Z',
      ...(deleted ? { deletionTimestamp: '2026-11-22T10:05:01Z', deletionGracePeriodSeconds: 5 } : {}),
      labels: { ...OWNED, 'app.kubernetes.io/component': type, 'pod-template-hash': HASH },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `app-${type}-${HASH}`, controller: true },
      ],
    },
    spec: { containers: [{ name: 'process' }], ...(scheduled === undefined ? { nodeName: 'node-a' } : {}) },
    status: {
      phase: scheduled === undefined && 'running' in state ? 'Running' : 'Pending',
      conditions,
      ...(scheduled === undefined
        ? {
            startTime: '2026-11-22T10:00:01Z',
            containerStatuses: [
              {
                name: 'process',
                image: 'local/node:20',
                imageID: '',
                ready,
                started: ready,
                restartCount: restarts,
                state,
                lastState: last,
              },
            ],
          }
        : {}),
    },
  }
}

export function ended(exitCode: number): object {
  return {
    terminated: {
      exitCode,
      reason: 'Error',
      startedAt: '2026-11-22T10:00:02Z',
      finishedAt: '2026-11-22T10:00:03Z',
      containerID: 'containerd://4f1d',
    },
  }
}

export function waiting(reason: string, message: string): object {
  return { waiting: { reason, message } }
}
