import { ROUTED_TYPE, ROUTER_TYPE, DRAIN_MS } from './router.ts'
import { defaultChecks, LISTENS } from './rules.ts'
import type { RestartPolicy } from './process.ts'
import type { Check, Limit, Manifest, Rules } from './rules.ts'
import type { ProcessType } from './procfile.ts'
import type { Settings } from './settings.ts'

/** How a process is stopped where nobody said anything else. */
export const STOP_SIGNAL = 'SIGTERM'

type Options = Pick<Settings, 'restart' | 'graceMs' | 'router' | 'suddenly'>

/** What holds for a type: what app.json says of it, else what the options say of all. */
export function rulesOf(
  { name, command }: ProcessType,
  options: Options,
  manifest: Manifest,
  limits: ReadonlyMap<string, number>,
): Rules {
  if (name === ROUTER_TYPE && options.router !== undefined) return routerRules(options)
  const own = manifest.rules.get(name) ?? {}
  const isRouted = options.router !== undefined && name === ROUTED_TYPE
  const graceMs = own.graceMs ?? options.graceMs
  const isTask = isAwaitedToComplete(name, manifest)
  return {
    restart: own.restart ?? (isTask ? untilCompleted(options.restart) : options.restart),
    stop: options.suddenly
      ? // No app saves a request that its process dies with. It has the time that one told to stop would have had.
        { signal: 'SIGKILL', graceMs, drainMs: isRouted ? DRAIN_MS + graceMs : 0 }
      : { signal: own.stopSignal ?? STOP_SIGNAL, graceMs, drainMs: isRouted ? DRAIN_MS : 0 },
    dependsOn: own.dependsOn ?? [],
    max: limitOf(limits.get(name), own.max),
    mayExit: own.mayExit ?? isTask,
    watch: own.watch ?? [],
    checks: checksOf(own.checks ?? [], defaultChecks(name, command)),
  }
}

/** Who only says how to see that it lives has not said when it is ready. */
function checksOf(own: readonly Check[], usual: readonly Check[]): readonly Check[] {
  return own.some(({ kind }) => kind !== 'liveness') ? own : [...usual, ...own]
}

/** What others wait for to complete is there to end. */
function isAwaitedToComplete(name: string, { rules }: Manifest): boolean {
  return [...rules.values()].some(({ dependsOn = [] }) =>
    dependsOn.some(({ type, until }) => type === name && until === 'completed'),
  )
}

/** A policy for all that would start it again and again means: until it has succeeded. */
function untilCompleted(policy: RestartPolicy): RestartPolicy {
  return policy.when === 'always' ? { when: 'on-failure' } : policy
}

function limitOf(flag: number | undefined, manifest: number | undefined): Limit | undefined {
  if (flag !== undefined) return { count: flag, from: '--max' }
  return manifest === undefined ? undefined : { count: manifest, from: 'app.json' }
}

/** It holds no state, so it comes back at once whatever holds for the app. */
function routerRules({ graceMs }: Options): Rules {
  return {
    restart: { when: 'always' },
    stop: { signal: STOP_SIGNAL, graceMs: graceMs + DRAIN_MS, drainMs: 0 },
    dependsOn: [],
    max: { count: 1, from: '--router' },
    mayExit: false,
    watch: [],
    checks: [LISTENS],
  }
}
