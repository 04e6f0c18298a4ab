import { isShellName } from '../core/environment.ts'
import { TwRunError } from '../core/error.ts'
import { quoteSh } from '../core/quote-sh.ts'
import type { Check } from '../core/rules.ts'
import {
  batchOf,
  isExclusive,
  listensScript,
  mainCheck,
  resourcePart,
  SCRATCH,
  shellCommand,
} from './container.ts'
import type { ExportInput, ExportStage, ExportType } from './input.ts'

/** On every service of ours; the value is the app. */
export const APP_LABEL = 'tw-run.app'
export const TYPE_LABEL = 'tw-run.type'
export const PORT_LABEL = 'tw-run.port'
/** The place of the type in the Procfile, from 0. */
export const ORDER_LABEL = 'tw-run.order'
export const MAX_LABEL = 'tw-run.max'

/** Where the environment waits in a container, in memory: a secret of the swarm, as shell commands. */
const ENVIRONMENT_FILE = '/run/secrets/tw-run-environment'
/** ms for which a new process is watched before the next batch is replaced. */
const MONITOR_MS = 5_000
/** ms from the end of a process to its replacement: Swarm has no growing waits. */
const RESTART_DELAY_MS = 2_000
const CHECK_EVERY_MS = 2_000
/** Failures in a row until Swarm replaces a process that was healthy: 30 s. */
const CHECK_RETRIES = 15
/** ms for a process to get ready: Heroku's boot limit. */
const BOOT_MS = 60_000

/** What an environment becomes in a stack. */
export interface SwarmEnvironment {
  /** The secret that holds it; undefined if the environment is empty. */
  readonly secret: string | undefined
  /** The file from which `docker stack deploy` makes it; undefined if it is there already. */
  readonly file?: string
  /** Where the published port of web is asked for: every node then leads to it. */
  readonly publish?: number | undefined
}

/** The app as a stack: what `docker stack deploy` takes, as YAML or as JSON. */
export function swarmStack(input: ExportInput, environment: SwarmEnvironment): object {
  const { secret, file } = environment
  const services = input.types.map(
    (type, order) => [resourcePart(type.name), service(input, type, order, environment)] as const,
  )
  const stack = {
    version: '3.8',
    services: Object.fromEntries(services),
    networks: { default: { driver: 'overlay', labels: { [APP_LABEL]: input.app } } },
    ...(secret === undefined
      ? {}
      : {
          secrets: {
            environment:
              file === undefined
                ? { external: true, name: secret }
                : { name: secret, file, labels: { [APP_LABEL]: input.app } },
          },
        }),
  }
  return escapeVariables(stack) as object
}

function service(
  input: ExportInput,
  type: ExportType,
  order: number,
  { secret, publish }: SwarmEnvironment,
): object {
  const { rules, count } = type
  const health = healthcheck(type)
  return {
    image: imageOf(input),
    entrypoint: containerCommand(type.command, secret !== undefined),
    environment: containerEnvironment(type),
    init: true,
    stop_signal: rules.stop.signal,
    stop_grace_period: `${rules.stop.graceMs}ms`,
    ...(secret === undefined
      ? {}
      : { secrets: [{ source: 'environment', target: ENVIRONMENT_FILE.slice('/run/secrets/'.length) }] }),
    volumes: [{ type: 'tmpfs', target: SCRATCH }],
    ...(health === undefined ? {} : { healthcheck: health }),
    ...(type.name === 'web' && publish !== undefined
      ? { ports: [{ target: type.firstPort, published: publish, protocol: 'tcp', mode: 'ingress' }] }
      : {}),
    networks: ['default'],
    deploy: {
      mode: 'replicated',
      replicas: count,
      labels: {
        [APP_LABEL]: input.app,
        [TYPE_LABEL]: type.name,
        [PORT_LABEL]: String(type.firstPort),
        [ORDER_LABEL]: String(order),
        ...(rules.max === undefined ? {} : { [MAX_LABEL]: String(rules.max.count) }),
      },
      restart_policy: restartPolicy(type),
      update_config: {
        ...rollout(type),
        failure_action: 'rollback',
      },
      rollback_config: { ...rollout(type), failure_action: 'pause' },
    },
  }
}

function imageOf({ image }: ExportInput): string {
  if (image !== undefined) return image
  throw new TwRunError('a container needs an image', {
    exitCode: 2,
    hint: 'name the image of the app with --image, such as --image registry/app:42',
  })
}

/** The command as under `tw-run start`, with the environment of the app read in front of it. */
export function containerCommand(command: string, hasEnvironment: boolean): readonly string[] {
  const [shell, option, text] = shellCommand(command)
  if (!hasEnvironment) return [shell, option, text]
  return [shell, option, `. ${ENVIRONMENT_FILE}; exec /bin/sh -c "$0"`, text]
}

/** What every container gets in the open, without a port where it is 0; Swarm fills the braces in. */
function containerEnvironment({
  name,
  firstPort,
}: Pick<ExportType, 'name' | 'firstPort'>): Record<string, string> {
  return {
    ...(firstPort === 0 ? {} : { PORT: String(firstPort) }),
    PS: `${name}.{{.Task.Slot}}`,
    TW_RUN_PROCESS: `${name}.{{.Task.Slot}}`,
    TW_RUN_INSTANCE: '{{.Task.ID}}',
    TMPDIR: SCRATCH,
  }
}

function restartPolicy({ rules }: ExportType): object {
  const delay = `${RESTART_DELAY_MS}ms`
  if (rules.restart.when !== 'on-failure') return { condition: 'any', delay }
  const { limit } = rules.restart
  return { condition: 'on-failure', delay, ...(limit === undefined ? {} : { max_attempts: limit }) }
}

function rollout({ rules, count }: ExportType): object {
  return {
    parallelism: batchOf(count),
    delay: '0s',
    monitor: `${MONITOR_MS}ms`,
    order: isExclusive(rules) ? 'stop-first' : 'start-first',
  }
}

/** One check a container is all that Swarm makes, and it makes it inside. */
function healthcheck({ rules, firstPort }: ExportType): object | undefined {
  const check = mainCheck(rules)
  if (check === undefined) return undefined
  const { probe } = check
  const script = probe.by === 'listen' || probe.by === 'http' ? listensScript(probe.port ?? firstPort) : ''
  const isWritten = probe.by === 'command'
  return {
    test: ['CMD', ...(isWritten ? probe.command : ['/bin/sh', '-c', script])],
    interval: `${isWritten ? Math.max(1_000, check.waitMs) : CHECK_EVERY_MS}ms`,
    timeout: `${Math.max(5_000, check.timeoutMs)}ms`,
    retries: isWritten && Number.isFinite(check.attempts) ? check.attempts : CHECK_RETRIES,
    start_period: `${Math.max(BOOT_MS, check.initialDelayMs)}ms`,
  }
}

/** Whether Swarm makes a check: that of its one place for which no program has to be in the image. */
export function makesInSwarm({ probe }: Check): boolean {
  return probe.by === 'command' || probe.by === 'listen'
}

/** The environment as commands of a POSIX shell. Errors: TwRunError for a name that no shell can set. */
export function environmentScript(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([key, value]) => {
      if (isShellName(key)) return `export ${key}=${quoteSh(value)}\n`
      throw new TwRunError(`the variable "${key}" cannot be handed to a container of Swarm`, {
        exitCode: 2,
        hint: 'rename it: letters, digits and _ only, no digit first',
      })
    })
    .join('')
}

/** `docker stack deploy` puts variables of its own shell in place of a `$`; two of them are one. */
function escapeVariables(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$')
  if (Array.isArray(value)) return value.map(escapeVariables)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escapeVariables(inner)]))
}

/** The arguments of `docker service create` for a process that runs once to its end. */
export function oneOffArguments(
  input: ExportInput,
  stage: ExportStage & { readonly firstPort: number },
  { service: name, secret }: { readonly service: string; readonly secret: string | undefined },
): readonly string[] {
  const [entrypoint = '', ...args] = containerCommand(stage.command, secret !== undefined)
  const environment = {
    ...containerEnvironment(stage),
    PS: `${stage.name}.1`,
    TW_RUN_PROCESS: `${stage.name}.1`,
  }
  return [
    'service',
    'create',
    '--detach',
    '--quiet',
    '--with-registry-auth',
    '--name',
    name,
    '--mode',
    'replicated-job',
    '--restart-condition',
    'none',
    '--init',
    // A label of the app alone: what has a type is part of the formation.
    '--label',
    `${APP_LABEL}=${input.app}`,
    '--entrypoint',
    entrypoint,
    '--mount',
    `type=tmpfs,target=${SCRATCH}`,
    ...(secret === undefined
      ? []
      : ['--secret', `source=${secret},target=${ENVIRONMENT_FILE.slice('/run/secrets/'.length)}`]),
    ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    imageOf(input),
    ...args,
  ]
}
