import { setTimeout as sleep } from 'node:timers/promises'
import type { Culprit, EnginePlace, EngineView, Rollout } from '../core/engine.ts'
import { TwRunError } from '../core/error.ts'
import type { Counts } from '../core/formation.ts'
import { listAt, textAt } from '../core/json.ts'
import { clusterView, decodeSight, podsOf } from '../core/kubernetes.ts'
import type { ClusterSight } from '../core/kubernetes.ts'
import { clusterRollout, sightings } from '../core/kubernetes-rollout.ts'
import { parseProcessId, processId } from '../core/names.ts'
import {
  appLabels,
  appObjects,
  COMPONENT_LABEL,
  CONTAINER,
  deploymentName,
  environmentName,
  environmentObject,
  MANAGED_LABEL,
  MANAGER,
  MAX_NOTE,
  NAME_LABEL,
  ORDER_NOTE,
  PORT_NOTE,
  TYPE_NOTE,
} from '../exporters/kubernetes-objects.ts'
import type { ExportInput, ExportStage } from '../exporters/input.ts'
import { ageOf } from './engine.ts'
import type { DeployOptions, Engine, LineSink, LogRequest, Watch } from './engine.ts'
import { currentPlace, kubectl, kubectlJson, printedJson, tryKubectl } from './kubectl.ts'
import { followPodLogs, showPodLogs } from './kubernetes-logs.ts'
import type { LogSource } from './kubernetes-logs.ts'
import { runJob } from './kubernetes-one-off.ts'

const NOTES = {
  type: TYPE_NOTE,
  port: PORT_NOTE,
  order: ORDER_NOTE,
  max: MAX_NOTE,
  component: COMPONENT_LABEL,
}
/** By their full names: clusters may have others of the short ones. */
const MADE = 'deployments.apps,services,jobs.batch,secrets'
/** ms for removed pods to be gone: the longest usual grace period and more. */
const GONE_WITHIN_MS = 90_000
const LOOK_AGAIN_MS = 500
const APPLY = ['apply', '--server-side', `--field-manager=${MANAGER}`, '--force-conflicts', '--filename=-']

/** Kubernetes, by its command `kubectl`. */
export class KubernetesEngine implements Engine {
  readonly name = 'kubernetes'
  readonly place: EnginePlace
  #readOnly = false

  private constructor(place: EnginePlace) {
    this.place = place
  }

  /** A place that is remembered is kept to, whatever context is the current one. */
  static async open(place: EnginePlace): Promise<KubernetesEngine> {
    if (place.cluster !== '') return new KubernetesEngine(place)
    return new KubernetesEngine({ ...place, ...(await currentPlace()) })
  }

  async look(): Promise<EngineView> {
    return clusterView(await this.#sight(), ageOf)
  }

  async deploy(input: ExportInput, options: DeployOptions, say: (line: string) => void): Promise<number> {
    if (options.publish !== undefined) {
      throw new TwRunError('--publish is for swarm: here a Service leads to web, inside of the cluster', {
        exitCode: 2,
        hint: `lead to it from outside by an Ingress, or try it with: kubectl port-forward service/${deploymentName(input.app, 'web')} 8080:80`,
      })
    }
    await this.#refuseStrangers(input)
    options.begins()
    this.#readOnly = options.readOnly
    const environment = await this.#applyEnvironment(input)
    const release = input.stages.find(({ name }) => name === 'release')
    if (release !== undefined) {
      say(`release: ${release.command}`)
      const sink: LineSink = ({ text }) => (say(`release | ${text.toString()}`), true)
      const code = await this.#run(input, { ...release, firstPort: 0 }, sink)
      if (code !== 0) return code
    }
    const { deployments } = await this.#sight()
    const objects = appObjects(input, {
      readOnly: options.readOnly,
      ...(environment === undefined ? {} : { environment }),
    })
    await kubectl(this.place, APPLY, { input: listOf(objects), limitMs: 60_000 })
    const wanted = new Set(input.types.map(({ name }) => deploymentName(input.app, name)))
    const former = deployments.filter(({ name }) => !wanted.has(name))
    for (const { name, type } of former) {
      await kubectl(this.place, ['delete', 'deployments.apps', name, '--ignore-not-found', '--wait=false'])
      say(`removed ${type.name}, which the Procfile has no more`)
    }
    return 0
  }

  async hasAny(): Promise<boolean> {
    const args = ['get', MADE, `--selector=${this.#selector()}`, '--ignore-not-found', '--output=name']
    return (await kubectl(this.place, args)).trim() !== ''
  }

  async scale(changed: Counts): Promise<void> {
    for (const { name, type } of (await this.#sight()).deployments) {
      const count = changed.get(type.name)
      if (count === undefined) continue
      await kubectl(this.place, ['scale', 'deployments.apps', name, `--replicas=${count}`])
    }
  }

  async restart(types: readonly string[]): Promise<void> {
    for (const { name, type } of (await this.#sight()).deployments) {
      if (!types.includes(type.name)) continue
      await kubectl(this.place, ['rollout', 'restart', `deployments.apps/${name}`])
    }
  }

  async watch(): Promise<Watch> {
    const restarts = new Map((await this.#sight()).pods.map((pod) => [pod.name, pod.restarts]))
    const firstSeen = new Map<string, number>()
    return {
      rollout: async (types): Promise<Rollout> => {
        const sight = await this.#sight()
        const now = performance.now()
        for (const seen of sightings(sight)) if (!firstSeen.has(seen)) firstSeen.set(seen, now)
        return clusterRollout(sight, types, { restarts, firstSeen }, now)
      },
    }
  }

  async logs(request: LogRequest, sink: LineSink): Promise<void> {
    const look = async (): Promise<LogSource[]> =>
      sourcesOf(await this.#sight()).filter(({ process }) => isTarget(process, request.targets))
    if (request.follow) await followPodLogs(this.place, look, request, sink)
    else await showPodLogs(this.place, await look(), request, sink)
  }

  /** Of the life that failed, if there was one before this. */
  async lastLines({ id }: Culprit, count: number): Promise<string> {
    const args = ['logs', id, '--container', CONTAINER, `--tail=${count}`]
    const previous = await tryKubectl(this.place, [...args, '--previous'])
    if (previous.code === 0 && previous.stdout.trim() !== '') return previous.stdout
    const current = await tryKubectl(this.place, args)
    return current.code === 0 ? current.stdout : ''
  }

  async runOnce(
    input: ExportInput,
    stage: ExportStage & { firstPort: number },
    sink: LineSink,
  ): Promise<number> {
    await this.#applyEnvironment(input)
    return this.#run(input, stage, sink)
  }

  async #run(
    input: ExportInput,
    stage: ExportStage & { firstPort: number },
    sink: LineSink,
  ): Promise<number> {
    return runJob(this.place, input, stage, { sink, manager: MANAGER, readOnly: this.#readOnly })
  }

  async remove(): Promise<readonly string[]> {
    const removed = await kubectl(this.place, [
      'delete',
      MADE,
      `--selector=${this.#selector()}`,
      '--ignore-not-found',
      '--wait=false',
      '--output=name',
    ])
    const until = performance.now() + GONE_WITHIN_MS
    for (;;) {
      const pods = await kubectl(this.place, [
        'get',
        'pods',
        `--selector=${this.#selector()}`,
        '--output=name',
      ])
      const left = pods.split('\n').filter((name) => name !== '')
      if (left.length === 0) break
      if (performance.now() > until) {
        throw new TwRunError(`removed, but ${left.length} pods did not end: ${left.slice(0, 5).join(', ')}`, {
          exitCode: 1,
          hint: 'see whether their nodes are up: kubectl get nodes; then once more: tw-run stop --engine kubernetes',
        })
      }
      await sleep(LOOK_AGAIN_MS)
    }
    return removed.split('\n').filter((name) => name !== '')
  }

  #selector(): string {
    return Object.entries(appLabels(this.place.app))
      .map(([key, value]) => `${key}=${value}`)
      .join(',')
  }

  async #sight(): Promise<ClusterSight> {
    const kinds = 'deployments.apps,replicasets.apps,pods'
    const args = ['get', kinds, `--selector=${this.#selector()}`, '--output=json']
    return decodeSight(await kubectlJson(this.place, args), NOTES)
  }

  /** The version that the server gives the environment: it changes with a value, and tells nothing about it. */
  async #applyEnvironment(input: ExportInput): Promise<string | undefined> {
    if (Object.keys(input.environment).length === 0) return undefined
    const version = '--output=jsonpath={.metadata.resourceVersion}'
    return (
      await kubectl(this.place, [...APPLY, version], { input: JSON.stringify(environmentObject(input)) })
    ).trim()
  }

  /** Objects of the same names that somebody else made. */
  async #refuseStrangers({ app, types }: ExportInput): Promise<void> {
    const names = [
      ...types.map(({ name }) => `deployments.apps/${deploymentName(app, name)}`),
      ...types
        .filter(({ name }) => name === 'web')
        .map(({ name }) => `services/${deploymentName(app, name)}`),
      `secrets/${environmentName(app)}`,
    ]
    const args = ['get', ...names, '--ignore-not-found', '--output=json']
    const text = await kubectl(this.place, args)
    if (text.trim() === '') return
    const found = printedJson(this.place, args, text)
    const items = textAt(found, 'kind') === 'List' ? listAt(found, 'items') : [found]
    const strangers = items.filter((item) => {
      const label = (key: string): string => textAt(item, 'metadata', 'labels', key)
      return label(MANAGED_LABEL) !== MANAGER || label(NAME_LABEL) !== app
    })
    if (strangers.length === 0) return
    const list = strangers.map((item) => `${textAt(item, 'kind')} ${textAt(item, 'metadata', 'name')}`)
    throw new TwRunError(`not made by tw-run, and in the way: ${list.join(', ')}`, {
      exitCode: 1,
      hint: 'give the app another name with --app, or remove them yourself',
    })
  }
}

function listOf(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

function sourcesOf({ deployments, pods }: ClusterSight): LogSource[] {
  return deployments.flatMap((deployment) =>
    podsOf(deployment, pods).map(({ name, restarts, state, exitCode }, index) => ({
      process: processId(deployment.type.name, index + 1),
      pod: name,
      restarts,
      isRunning: state === 'running',
      hasBegun: state === 'running' || state === 'terminated' || exitCode !== undefined,
    })),
  )
}

function isTarget(process: string, targets: readonly string[]): boolean {
  return (
    targets.length === 0 || targets.includes(process) || targets.includes(parseProcessId(process)?.type ?? '')
  )
}
