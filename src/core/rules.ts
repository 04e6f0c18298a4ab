import type { RestartPolicy } from './process.ts'

/** How a process is stopped. */
export interface StopRule {
  readonly signal: string
  /** ms between the stop signal and SIGKILL. */
  readonly graceMs: number
  /** ms in which the router may let requests come to their end before the stop signal; 0 where none is in front. */
  readonly drainMs: number
}

/** What has to be there before a process is started: `ready`, or run to completion with success. */
export interface Dependency {
  readonly type: string
  readonly until: 'ready' | 'completed'
}

/** When a check is made: before a process counts as ready, while it does, or to see whether it lives. */
export type CheckKind = 'startup' | 'readiness' | 'liveness'

/** What is looked at. `listen` asks the kernel; `uptime` only waits. */
export type Probe =
  | {
      readonly by: 'http'
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      /** A text that the body has to hold. */
      readonly content: string | undefined
      readonly port: number | undefined
      /** By HTTPS, whoever signed its certificate. */
      readonly isSecure?: boolean
    }
  | { readonly by: 'command'; readonly command: readonly string[] }
  | { readonly by: 'listen'; readonly port: number | undefined }
  | { readonly by: 'uptime'; readonly ms: number }
  /** A regular expression that a line of the log has to match. */
  | { readonly by: 'log'; readonly pattern: string }

/** A health check in Dokku's terms. */
export interface Check {
  readonly kind: CheckKind
  readonly name: string
  readonly probe: Probe
  /** Failures in a row before it counts as failed. */
  readonly attempts: number
  readonly timeoutMs: number
  /** From one try to the next. */
  readonly waitMs: number
  /** It grows with the time since the start up to this: who has not come for long is not there the moment after. */
  readonly longestWaitMs?: number
  readonly initialDelayMs: number
}

/** What holds for every process of a type, beside its command. */
export interface Rules {
  readonly restart: RestartPolicy
  readonly stop: StopRule
  readonly dependsOn: readonly Dependency[]
  /** No more of it than this, and where that is said; undefined for any number. */
  readonly max: Limit | undefined
  /** Coming to its end with success is no reason to end the run. */
  readonly mayExit: boolean
  /** Globs below the root; a change restarts the type. */
  readonly watch: readonly string[]
  /** Empty: ready when it has been up for a second. */
  readonly checks: readonly Check[]
}

export interface Limit {
  readonly count: number
  /** `--max`, `app.json`. */
  readonly from: string
}

/** What app.json says of the app; everything that it does not say is undefined or empty. */
export interface Manifest {
  /** The default counts, by type. */
  readonly quantities: Readonly<Record<string, number>>
  readonly rules: ReadonlyMap<string, ManifestRules>
  /** Default values of the environment, weaker than everything else. */
  readonly defaults: Readonly<Record<string, string>>
  /** Variables without which the app does not run. */
  readonly required: readonly string[]
}

/** What app.json says of one type. */
export interface ManifestRules {
  readonly restart?: RestartPolicy
  readonly stopSignal?: string
  readonly graceMs?: number
  readonly dependsOn?: readonly Dependency[]
  readonly max?: number
  readonly mayExit?: boolean
  readonly watch?: readonly string[]
  readonly checks?: readonly Check[]
}

export const NO_MANIFEST: Manifest = { quantities: {}, rules: new Map(), defaults: {}, required: [] }

/** ms for a process to get ready: Heroku's boot limit. */
export const BOOT_LIMIT_MS = 60_000

/** For what costs little to look at: somebody may wait for it. */
export const OFTEN = { waitMs: 50, longestWaitMs: 1_000 }

/** Ready when somebody accepts connections on its port. */
export const LISTENS: Check = {
  kind: 'startup',
  name: 'port',
  probe: { by: 'listen', port: undefined },
  attempts: Infinity,
  timeoutMs: 1_000,
  ...OFTEN,
  initialDelayMs: 0,
}

/**
 * Whether a type is expected to listen on its port: `web` is, by Heroku's convention, and so is every command
 * that names the variable.
 */
export function isServer(type: string, command: string): boolean {
  return type === 'web' || /\$(PORT\b|\{PORT\b)/.test(command)
}

/** What the checks of a type are where nobody wrote any. */
export function defaultChecks(type: string, command: string): readonly Check[] {
  return isServer(type, command) ? [LISTENS] : []
}
