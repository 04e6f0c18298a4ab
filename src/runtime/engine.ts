import type { Counts } from '../core/formation.ts'
import type { Culprit, EnginePlace, EngineView, Rollout } from '../core/engine.ts'
import type { ExportInput, ExportStage } from '../exporters/input.ts'
import type { RemoteEngine } from '../core/engine-name.ts'

/** What a start asks of an engine beside the app. */
export interface DeployOptions {
  /** A port of every node that leads to web; Swarm only. */
  readonly publish: number | undefined
  readonly readOnly: boolean
  /** Called before anything is changed there. */
  readonly begins: () => void
}

/** Follows what the processes of a type write. Called with whole lines, time in ms since 1970. */
export interface LineSink {
  (line: { readonly process: string; readonly time: number; readonly text: Buffer }): boolean
}

export interface LogRequest {
  /** Types and processes; empty for all. */
  readonly targets: readonly string[]
  /** Lines of each process. */
  readonly lines: number
  /** ms. */
  readonly since: number | undefined
  readonly follow: boolean
  /** Nobody wants any more. */
  readonly over: AbortSignal
}

/**
 * An engine that exists: its exporter and a few calls of its own command. It keeps the state; nothing here is
 * remembered between two commands. Errors of all: TwRunError 1 that says what happened and what to type.
 */
export interface Engine {
  readonly name: RemoteEngine
  readonly place: EnginePlace
  /** What there is of the app now. */
  look(): Promise<EngineView>
  /** Refuses what is not ours, runs the release, if there is one, and brings up the rest; the release's exit code. */
  deploy(input: ExportInput, options: DeployOptions, say: (line: string) => void): Promise<number>
  /** Whether there is anything that `remove` would remove. */
  hasAny(): Promise<boolean>
  scale(changed: Counts): Promise<void>
  /** Replaces all processes of these types, a batch at a time. */
  restart(types: readonly string[]): Promise<void>
  /** What is there before something is changed, so that later looks tell news from it. */
  watch(): Promise<Watch>
  logs(request: LogRequest, sink: LineSink): Promise<void>
  lastLines(culprit: Culprit, count: number): Promise<string>
  /** Runs a process once to its end, its lines to the sink; its exit code. */
  runOnce(input: ExportInput, stage: ExportStage & { firstPort: number }, sink: LineSink): Promise<number>
  /** Removes everything that was created for the app, waits until it is gone, and returns what that was. */
  remove(): Promise<readonly string[]>
}

export interface Watch {
  /** How the roll-out of these types stands; each call looks once. */
  rollout(types: readonly string[]): Promise<Rollout>
}

/** How long ago a time of the engine's was, ms: its clock and ours may differ a little, so never less than 0. */
export function ageOf(iso: string): number {
  const since = Date.parse(iso)
  return Number.isFinite(since) ? Math.max(0, Date.now() - since) : 0
}
