import { shellText } from '../core/command.ts'
import type { RestartPolicy } from '../core/process.ts'
import { isServer } from '../core/rules.ts'
import type { Check } from '../core/rules.ts'
import { madeBy, runningTypes } from './input.ts'
import type { ExportInput, ExportType, Rendering } from './input.ts'
import { lostRules } from './lost-rules.ts'
import { toYaml } from './yaml.ts'

/** A compose file with a service for each type; stages are services of a profile of their own. */
export function compose(input: ExportInput): Rendering {
  const { app, stages, image, root } = input
  const services = runningTypes(input).map((type) => [type.name, service(input, type)] as const)
  const once = stages.map(({ name, command }) => [name, stage(input, name, command)] as const)
  const build =
    image === undefined ? [`no --image was given: compose builds one from ${root}/Dockerfile`] : []
  const file = { name: app.toLowerCase(), services: Object.fromEntries([...once, ...services]) }
  return {
    files: [{ path: 'compose.yaml', mode: 0o600, text: toYaml(madeBy('compose', input), file) }],
    notes: [
      ...build,
      ...lostRules(input, { name: 'compose', hasOrder: true, hasStages: true, hasImage: true, makes }),
    ],
    next: 'docker compose up --detach',
  }
}

function service(input: ExportInput, type: ExportType): object {
  const { name, command, count, firstPort, rules } = type
  const { stop, restart, checks } = rules
  const check = checks.find(makes)
  return {
    ...container(input, command, { PORT: String(firstPort) }),
    // Copies of a service differ by their container alone.
    entrypoint: dollars(['/bin/sh', '-c', NAMED, name]),
    ...(isServer(name, command) ? { ports: [published(firstPort, count)] } : {}),
    ...dependencies(input, type),
    ...(check === undefined ? {} : { healthcheck: healthcheck(check) }),
    restart: restartWord(restart),
    stop_signal: stop.signal,
    stop_grace_period: `${stop.graceMs}ms`,
    deploy: { replicas: count },
  }
}

const NAMED = 'export PS="$0.$HOSTNAME" TW_RUN_PROCESS="$0.$HOSTNAME"; exec /bin/sh -c "$1"'

function stage(input: ExportInput, name: string, command: string): object {
  return {
    ...container(input, command, { PS: `${name}.1`, TW_RUN_PROCESS: `${name}.1` }),
    entrypoint: ['/bin/sh', '-c'],
    profiles: [name],
    restart: 'no',
  }
}

function container(input: ExportInput, command: string, own: Readonly<Record<string, string>>): object {
  const { image, root, user, environment } = input
  const variables = { ...environment, TMPDIR: '/tmp', ...own }
  return {
    ...(image === undefined ? { build: dollar(root) } : { image: dollar(image) }),
    command: dollars([shellText(command)]),
    environment: dollars(Object.entries(variables).map(([key, value]) => `${key}=${value}`)),
    ...(user === undefined ? {} : { user }),
    init: true,
    tmpfs: ['/tmp'],
    security_opt: ['no-new-privileges:true'],
  }
}

/** compose puts variables of the shell in place of $NAME, in every text. */
function dollar(text: string): string {
  return text.replaceAll('$', '$$$$')
}

function dollars(texts: readonly string[]): string[] {
  return texts.map(dollar)
}

/** On this machine alone, one port for each copy. */
function published(port: number, count: number): string {
  return `127.0.0.1:${port}${count > 1 ? `-${port + count - 1}` : ''}:${port}`
}

function dependencies(input: ExportInput, { rules }: ExportType): object {
  const known = new Map(runningTypes(input).map((type) => [type.name, type]))
  const isThere = (type: string): boolean => known.has(type) || input.stages.some(({ name }) => name === type)
  const entries = rules.dependsOn
    .filter(({ type }) => isThere(type))
    .map(({ type, until }) => {
      const isChecked = known.get(type)?.rules.checks.some(makes) === true
      const ready = isChecked ? 'service_healthy' : 'service_started'
      return [type, { condition: until === 'completed' ? 'service_completed_successfully' : ready }] as const
    })
  return entries.length === 0 ? {} : { depends_on: Object.fromEntries(entries) }
}

/** Others need a program in the image that may not be there. */
function makes({ probe }: Check): boolean {
  return probe.by === 'command'
}

function healthcheck({ probe, waitMs, timeoutMs, attempts, initialDelayMs }: Check): object {
  return {
    test: dollars(['CMD', ...(probe.by === 'command' ? probe.command : [])]),
    interval: `${waitMs}ms`,
    timeout: `${timeoutMs}ms`,
    ...(Number.isFinite(attempts) ? { retries: attempts } : {}),
    start_period: `${initialDelayMs}ms`,
  }
}

function restartWord({ when, limit }: RestartPolicy): string {
  return limit === undefined ? when : `${when}:${limit}`
}
