import type { JsonProblem } from './json-problem.ts'
import { LISTENS, OFTEN } from './rules.ts'
import type { Check, ManifestRules, Probe } from './rules.ts'

/** A health check in Dokku's form; times are in seconds. */
export interface HealthCheckJson {
  readonly type?: 'startup' | 'readiness' | 'liveness'
  readonly name?: string
  readonly path?: string
  readonly port?: number
  readonly scheme?: 'http' | 'https'
  readonly content?: string
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[]
  readonly command?: readonly string[]
  readonly listening?: boolean
  readonly uptime?: number
  readonly attempts?: number
  readonly timeout?: number
  readonly wait?: number
  readonly initialDelay?: number
  readonly warn?: boolean
}

/** Dokku's defaults. */
const ATTEMPTS = 3
const TIMEOUT_S = 5
const WAIT_S = 5

/**
 * The checks of a type, and what contradicts itself in them, by path below the type. `log` is the pattern that a
 * line of the log has to match.
 */
export function checksOf(
  written: readonly HealthCheckJson[],
  log: string | undefined,
): { readonly rules: ManifestRules; readonly problems: readonly JsonProblem[] } {
  const problems = written.flatMap((one, index) => contradictions(one, index))
  const checks = written.filter(({ warn }) => warn !== true).map(checkOf)
  if (log !== undefined) {
    const wrong = patternProblem(log)
    if (wrong === undefined) checks.push(logCheck(log))
    else problems.push({ severity: 'error', path: ['ready', 'log'], message: wrong })
  }
  return { rules: checks.length === 0 ? {} : { checks }, problems }
}

/** What is only looked at is looked at as often as the usual check, where nobody says how often. */
function logCheck(pattern: string): Check {
  return { ...LISTENS, name: `a line that matches ${pattern}`, probe: { by: 'log', pattern } }
}

function checkOf(one: HealthCheckJson): Check {
  const probe = probeOf(one)
  const kind = one.type ?? 'startup'
  const isWaited = probe.by === 'listen' && kind === 'startup'
  return {
    kind,
    name: one.name ?? nameOf(probe),
    probe,
    attempts: one.attempts ?? (isWaited ? LISTENS.attempts : ATTEMPTS),
    timeoutMs: (one.timeout ?? TIMEOUT_S) * 1_000,
    ...(isWaited && one.wait === undefined ? OFTEN : { waitMs: (one.wait ?? WAIT_S) * 1_000 }),
    initialDelayMs: (one.initialDelay ?? 0) * 1_000,
  }
}

function probeOf({ path, port, scheme, content, httpHeaders = [], ...one }: HealthCheckJson): Probe {
  if (one.command !== undefined) return { by: 'command', command: one.command }
  if (path !== undefined) {
    const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]))
    return { by: 'http', path, headers, content, port, ...(scheme === 'https' && { isSecure: true }) }
  }
  if (one.listening === true) return { by: 'listen', port }
  return { by: 'uptime', ms: (one.uptime ?? 0) * 1_000 }
}

function nameOf(probe: Probe): string {
  switch (probe.by) {
    case 'http':
      return `GET ${probe.path}`
    case 'command':
      return probe.command.join(' ')
    case 'listen':
      return 'port'
    case 'uptime':
      return `up for ${probe.ms / 1_000} s`
    case 'log':
      return probe.pattern
  }
}

const WAYS = ['command', 'path', 'listening', 'uptime'] as const
/** What only a request has. */
const OF_REQUESTS = ['content', 'httpHeaders', 'scheme'] as const
/** The keys of a check that may contradict each other. */
export const DECISIVE: readonly string[] = [...WAYS, ...OF_REQUESTS]

function contradictions(one: HealthCheckJson, index: number): JsonProblem[] {
  const ways = WAYS.filter((way) => one[way] !== undefined && one[way] !== false)
  const [first, second] = ways
  if (second !== undefined) {
    const message = `a check goes one way: this one has "${first}" and "${second}"`
    return [{ severity: 'error', path: [index, second], isKey: true, message, hint: 'make two checks of it' }]
  }
  if (first === undefined) {
    const hint = `give it one of ${WAYS.join(', ')}`
    const message = 'does not say what to check, so it passes at once'
    return [{ severity: 'warning', path: [index], message, hint }]
  }
  return OF_REQUESTS.flatMap((key): JsonProblem[] =>
    one[key] === undefined || one.path !== undefined
      ? []
      : [{ severity: 'error', path: [index, key], isKey: true, message: 'needs a "path" to ask' }],
  )
}

function patternProblem(pattern: string): string | undefined {
  try {
    void new RegExp(pattern)
    return undefined
  } catch (error) {
    return `is no regular expression: ${(error as Error).message}`
  }
}
