import type { IContainer } from 'kubernetes-models/v1/Container'
import type { IProbe } from 'kubernetes-models/v1/Probe'
import type { Check, Probe } from '../core/rules.ts'
import type { ExportType } from './input.ts'

/** s for a process to get ready where a startup check has no bound of its own: Heroku's boot limit. */
const BOOT_S = 60

/** Kubernetes takes `$(NAME)` for a variable of its own, and two `$` for one, before any shell sees them. */
export function escapeReferences(text: string): string {
  return text.replaceAll('$', '$$$$')
}

/** One check of each kind is all that a container has; what cannot be asked from outside is left out. */
export function probes({
  rules,
  firstPort,
}: ExportType): Pick<IContainer, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  const of = (kind: Check['kind']): Check | undefined =>
    rules.checks.find((check) => check.kind === kind && handlerOf(check.probe, firstPort) !== undefined)
  const startup = of('startup')
  const readiness = of('readiness')
  const liveness = of('liveness')
  // One without an end kills nothing while it waits, as a readiness probe does not.
  const isPatient = startup !== undefined && !Number.isFinite(startup.attempts)
  const ready = readiness ?? (isPatient ? startup : undefined)
  const start = isPatient && readiness === undefined ? undefined : startup
  return {
    ...(start === undefined ? {} : { startupProbe: probe(start, firstPort) }),
    ...(ready === undefined ? {} : { readinessProbe: probe(ready, firstPort) }),
    ...(liveness === undefined ? {} : { livenessProbe: probe(liveness, firstPort) }),
  }
}

function probe(check: Check, port: number): IProbe {
  const periodSeconds = Math.max(1, Math.ceil(check.waitMs / 1000))
  const endless = check.kind === 'startup' ? Math.ceil(BOOT_S / periodSeconds) : 3
  return {
    ...handlerOf(check.probe, port),
    periodSeconds,
    timeoutSeconds: Math.max(1, Math.ceil(check.timeoutMs / 1000)),
    failureThreshold: Number.isFinite(check.attempts) ? Math.max(1, check.attempts) : endless,
    initialDelaySeconds: Math.ceil(check.initialDelayMs / 1000),
  }
}

/** Whether Kubernetes makes a check; of an answer it only looks at the status. */
export function makesOnKubernetes({ probe: asked }: Check): boolean {
  return handlerOf(asked, 0) !== undefined && !(asked.by === 'http' && asked.content !== undefined)
}

function handlerOf(asked: Probe, port: number): IProbe | undefined {
  switch (asked.by) {
    case 'http': {
      const httpHeaders = Object.entries(asked.headers).map(([name, value]) => ({ name, value }))
      const where = { path: asked.path, port: asked.port ?? port }
      return { httpGet: httpHeaders.length === 0 ? where : { ...where, httpHeaders } }
    }
    case 'command':
      return { exec: { command: asked.command.map(escapeReferences) } }
    case 'listen':
      return { tcpSocket: { port: asked.port ?? port } }
    case 'uptime':
    case 'log':
      return undefined
  }
}
