import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import type { Counts } from '../core/formation.ts'
import type { Culprit, EnginePlace, EngineView, Rollout } from '../core/engine.ts'
import { at, textAt } from '../core/json.ts'
import type { Json } from '../core/json.ts'
import { rolloutOf, updateKey } from '../core/swarm-rollout.ts'
import { decodeService, decodeTask, viewOf } from '../core/swarm.ts'
import type { SwarmService, SwarmSight, SwarmTask } from '../core/swarm.ts'
import { resourcePart } from '../exporters/container.ts'
import type { ExportInput, ExportStage } from '../exporters/input.ts'
import {
  APP_LABEL,
  MAX_LABEL,
  ORDER_LABEL,
  PORT_LABEL,
  swarmStack,
  TYPE_LABEL,
} from '../exporters/swarm-stack.ts'
import { docker, dockerIfThere, inspect, swarmId, words } from './docker.ts'
import { ageOf } from './engine.ts'
import type { DeployOptions, Engine, LineSink, LogRequest, Watch } from './engine.ts'
import { showSwarmLogs } from './swarm-logs.ts'
import { runTask } from './swarm-one-off.ts'
import { removeUnusedSecrets, secretFor, secretsOf } from './swarm-secret.ts'

const LABELS = { type: TYPE_LABEL, port: PORT_LABEL, order: ORDER_LABEL, max: MAX_LABEL }
const STACK_LABEL = 'com.docker.stack.namespace'
/** ms: with an image that a registry has to be asked for. */
const DEPLOYS_WITHIN_MS = 120_000
/** ms beyond the longest grace period until what is left is named. */
const BEYOND_GRACE_MS = 20_000
const LOOK_AGAIN_MS = 200

/** Docker Swarm, by its command `docker`. */
export class SwarmEngine implements Engine {
  readonly name = 'swarm'
  readonly place: EnginePlace

  private constructor(place: EnginePlace) {
    this.place = place
  }

  /** Errors: TwRunError 1 if it cannot be reached, or is another one than where the app was started. */
  static async open(place: EnginePlace): Promise<SwarmEngine> {
    const cluster = await swarmId()
    if (place.cluster !== '' && place.cluster !== cluster) {
      throw new TwRunError(
        `${place.app} runs on the swarm ${place.cluster}, and docker now manages ${cluster}`,
        {
          exitCode: 1,
          hint: 'choose the right one with docker context use <name>, or DOCKER_HOST',
        },
      )
    }
    return new SwarmEngine({ ...place, cluster })
  }

  async look(): Promise<EngineView> {
    return viewOf(await this.#sight(), ageOf)
  }

  async deploy(input: ExportInput, options: DeployOptions, say: (line: string) => void): Promise<number> {
    const { app } = input
    await this.#refuseStrangers(input)
    options.begins()
    await removeUnusedSecrets(app, await this.#inspectServices())
    const secret = await secretFor(app, input.environment)
    const release = input.stages.find(({ name }) => name === 'release')
    if (release !== undefined) {
      say(`release: ${release.command}`)
      const sink: LineSink = ({ text }) => (say(`release | ${text.toString()}`), true)
      const code = await this.runOnce(input, { ...release, firstPort: 0 }, sink)
      if (code !== 0) return code
    }
    const stack = swarmStack(input, { secret, publish: options.publish })
    const detach = (await docker(['stack', 'deploy', '--help'])).includes('--detach') ? ['--detach=true'] : []
    await docker(
      ['stack', 'deploy', ...detach, '--prune', '--with-registry-auth', '--compose-file', '-', app],
      {
        input: JSON.stringify(stack),
        limitMs: DEPLOYS_WITHIN_MS,
      },
    )
    return 0
  }

  async hasAny(): Promise<boolean> {
    const { app } = this.place
    const secrets = await secretsOf(app)
    return secrets.length + (await this.#networks()).length + (await this.#inspectServices()).length > 0
  }

  async scale(changed: Counts): Promise<void> {
    const services = await this.#services()
    const words = services.flatMap(({ name, type }) => {
      const count = changed.get(type.name)
      return count === undefined ? [] : [`${name}=${count}`]
    })
    if (words.length > 0) await docker(['service', 'scale', '--detach', ...words])
  }

  async restart(types: readonly string[]): Promise<void> {
    for (const { name, type } of await this.#services()) {
      if (types.includes(type.name)) {
        await docker(['service', 'update', '--detach', '--quiet', '--force', name])
      }
    }
  }

  async watch(): Promise<Watch> {
    const before = await this.#sight()
    const known = new Set(before.tasks.map(({ id }) => id))
    const updates = new Map(before.services.map((service) => [service.id, updateKey(service)]))
    const firstSeen = new Map<string, number>()
    return {
      rollout: async (types): Promise<Rollout> => {
        const sight = await this.#sight()
        const now = performance.now()
        for (const { id, state } of sight.tasks) {
          if ((state === 'running' || state === 'pending') && !firstSeen.has(id)) firstSeen.set(id, now)
        }
        return rolloutOf(sight, types, { known, updates, firstSeen }, now)
      },
    }
  }

  async logs(request: LogRequest, sink: LineSink): Promise<void> {
    await showSwarmLogs(await this.#services(), request, sink)
  }

  async lastLines({ id }: Culprit, count: number): Promise<string> {
    return (await dockerIfThere(['service', 'logs', '--raw', '--tail', String(count), id])) ?? ''
  }

  async runOnce(
    input: ExportInput,
    stage: ExportStage & { firstPort: number },
    sink: LineSink,
  ): Promise<number> {
    return runTask(input, stage, await secretFor(input.app, input.environment), sink)
  }

  async remove(): Promise<readonly string[]> {
    const { app } = this.place
    const inspected = await this.#inspectServices()
    const services = inspected.map((service) => textAt(service, 'Spec', 'Name'))
    const tasks = await this.#tasks(services)
    if (services.length > 0) await docker(['service', 'rm', ...services])
    const alive = await waitUntilGone(tasks, graceOf(inspected))
    const networks = await this.#networks()
    for (const network of networks) await removeNetwork(network)
    const secrets = await secretsOf(app)
    if (secrets.length > 0) await docker(['secret', 'rm', ...secrets])
    if (alive.length > 0) throw await stillThere(alive)
    return [
      ...services.map((name) => `service ${name}`),
      ...(networks.length > 0 ? [`network ${app}_default`] : []),
      ...(secrets.length > 0
        ? [`its environment (${secrets.length} secret${secrets.length > 1 ? 's' : ''})`]
        : []),
    ]
  }

  async #sight(): Promise<SwarmSight> {
    const services = await this.#services()
    const [tasks, nodes] = await Promise.all([this.#tasks(services.map(({ name }) => name)), nodeNames()])
    return { services, tasks, nodes }
  }

  async #tasks(services: readonly string[]): Promise<SwarmTask[]> {
    if (services.length === 0) return []
    const ids = words((await dockerIfThere(['service', 'ps', '--quiet', '--no-trunc', ...services])) ?? '')
    return (await inspect('task', ids)).map(decodeTask)
  }

  /** The formation: one-off processes have no type. */
  async #services(): Promise<SwarmService[]> {
    return (await this.#inspectServices()).flatMap((one) => decodeService(one, LABELS) ?? [])
  }

  async #networks(): Promise<string[]> {
    const filter = `label=${APP_LABEL}=${this.place.app}`
    return words(await docker(['network', 'ls', '--quiet', '--filter', filter]))
  }

  async #inspectServices(): Promise<Json[]> {
    const filter = `label=${APP_LABEL}=${this.place.app}`
    return inspect('service', words(await docker(['service', 'ls', '--quiet', '--filter', filter])))
  }

  /** Services and networks of the same name that somebody else made. */
  async #refuseStrangers({ app, types }: ExportInput): Promise<void> {
    const names = types.map(({ name }) => `${app}_${resourcePart(name)}`)
    const like = await inspect(
      'service',
      words(await docker(['service', 'ls', '-q', '--filter', `name=${app}_`])),
    )
    const services = like.filter((one) => {
      const isNamed = names.includes(textAt(one, 'Spec', 'Name'))
      return isNamed || textAt(one, 'Spec', 'Labels', STACK_LABEL) === app
    })
    const networks = await inspect('network', [`${app}_default`])
    const strangers = [
      ...services.filter((one) => labelOf(at(one, 'Spec')) !== app).map((one) => textAt(one, 'Spec', 'Name')),
      ...networks.filter((one) => labelOf(one) !== app).map((one) => textAt(one, 'Name')),
    ]
    if (strangers.length === 0) return
    throw new TwRunError(`not made by tw-run, and in the way: ${strangers.join(', ')}`, {
      exitCode: 1,
      hint: 'give the app another name with --app, or remove them yourself',
    })
  }
}

/** A removed service says nothing of its processes, so each is asked for by its own id; those that did not end. */
async function waitUntilGone(tasks: readonly SwarmTask[], graceMs: number): Promise<readonly SwarmTask[]> {
  const until = performance.now() + graceMs + BEYOND_GRACE_MS
  let alive = tasks.filter(isAlive)
  for (;;) {
    const ids = alive.map(({ id }) => id)
    alive = (await inspect('task', ids)).map(decodeTask).filter(isAlive)
    // A node that is down says nothing of them any more.
    const down = alive.length === 0 ? new Set() : await nodesDown()
    if (alive.every(({ nodeId }) => down.has(nodeId)) || performance.now() > until) return alive
    await sleep(LOOK_AGAIN_MS)
  }
}

async function stillThere(alive: readonly SwarmTask[]): Promise<TwRunError> {
  const nodes = await nodeNames()
  const where = [...new Set(alive.map(({ nodeId }) => nodes.get(nodeId) ?? nodeId))].join(', ')
  const many = alive.length === 1 ? '1 process' : `${alive.length} processes`
  return new TwRunError(`everything is removed, but ${many} did not say that they ended, on: ${where}`, {
    exitCode: 1,
    hint: 'a node that is down ends them when it comes back; see it with: docker node ls',
  })
}

async function nodesDown(): Promise<ReadonlySet<string>> {
  const lines = (await docker(['node', 'ls', '--format', '{{.ID}} {{.Status}}'])).split('\n')
  return new Set(lines.filter((line) => line.endsWith(' Down')).map((line) => line.split(' ')[0] ?? ''))
}

function labelOf(value: unknown): string {
  return textAt(at(value, 'Labels'), APP_LABEL)
}

function isAlive({ state }: SwarmTask): boolean {
  return ['assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'].includes(state)
}

/** The longest grace period, ms; Docker says it in ns. */
function graceOf(services: readonly Json[]): number {
  const graces = services.map((service) =>
    Number(at(service, 'Spec', 'TaskTemplate', 'ContainerSpec', 'StopGracePeriod') ?? 0),
  )
  return Math.max(0, ...graces) / 1e6
}

/** It goes once the last process has let go of it. */
async function removeNetwork(id: string): Promise<void> {
  const until = performance.now() + BEYOND_GRACE_MS
  for (;;) {
    try {
      await dockerIfThere(['network', 'rm', id])
      return
    } catch (error) {
      if (performance.now() > until) throw error
    }
    await sleep(LOOK_AGAIN_MS)
  }
}

async function nodeNames(): Promise<ReadonlyMap<string, string>> {
  const lines = (await docker(['node', 'ls', '--format', '{{.ID}} {{.Hostname}}'])).split('\n')
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? '']))
}
