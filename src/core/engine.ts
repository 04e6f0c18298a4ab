import { isEngine } from './engine-name.ts'
import type { EngineName, RemoteEngine } from './engine-name.ts'
import { isCount, isObject, isText, objectIn } from './json.ts'
import type { Counts } from './formation.ts'
import { applySteps, formatFormation, parseFormation } from './formation.ts'
import type { Problem } from './error.ts'
import { limitProblems } from './edit.ts'
import type { ProcessStatus } from './status.ts'

/** ms for which a process has to stay up on an engine before it counts as ready: what crashes in a loop does not. */
export const STEADY_MS = 5_000

/** Where an app was started, so that a later command does not ask another cluster. */
export interface EnginePlace {
  readonly app: string
  readonly image: string
  /** Swarm: the id of the cluster. Kubernetes: the context; empty for the one of the pod that tw-run runs in. */
  readonly cluster: string
  /** Kubernetes only. */
  readonly namespace: string
}

/** What is remembered of the engines of a project. */
export interface EngineMemory {
  readonly version: 1
  /** Where the project was started last. */
  readonly engine: EngineName
  readonly places: Readonly<Partial<Record<RemoteEngine, EnginePlace>>>
}

/** Decodes engine.json; undefined if it is not one. */
export function decodeEngineMemory(text: string): EngineMemory | undefined {
  const { version, engine, places } = objectIn(text) ?? {}
  if (version !== 1 || !isEngine(engine) || !isObject(places)) return undefined
  const swarm = decodePlace(places['swarm'])
  const kubernetes = decodePlace(places['kubernetes'])
  return {
    version: 1,
    engine,
    places: { ...(swarm && { swarm }), ...(kubernetes && { kubernetes }) },
  }
}

function decodePlace(value: unknown): EnginePlace | undefined {
  if (!isObject(value)) return undefined
  const { app, image, cluster, namespace } = value
  return isText(app) && isText(image) && isText(cluster) && isText(namespace)
    ? { app, image, cluster, namespace }
    : undefined
}

/** A type as the engine knows it. */
export interface EngineType {
  readonly name: string
  readonly count: number
  readonly port: number
  /** Its place in the Procfile. */
  readonly order: number
  /** No more of it than this. */
  readonly max: number | undefined
}

/** All that an engine says of an app. */
export interface EngineView {
  /** In the order of the Procfile. */
  readonly types: readonly EngineType[]
  readonly rows: readonly ProcessStatus[]
  /** What no row says: a process that could not even be made, and why. */
  readonly notes: readonly string[]
}

export function countsOf(types: readonly EngineType[]): Counts {
  return new Map(types.map(({ name, count }) => [name, count]))
}

/** The formation after `web=3 worker+1`, with the same arithmetic and the same words as on this machine. */
export function editCounts(
  words: readonly string[],
  types: readonly EngineType[],
):
  | { readonly changed: Counts; readonly lines: readonly string[] }
  | { readonly problems: readonly Problem[] } {
  const before = countsOf(types)
  const names = types.map(({ name }) => name)
  const { steps, problems } = parseFormation(words.join(','), names)
  const { counts, problems: impossible } = applySteps(steps, before)
  const limits = limitProblems(Object.fromEntries(counts), (name) => {
    const max = types.find((type) => type.name === name)?.max
    return max === undefined ? undefined : { count: max, from: 'the app' }
  })
  const wrong = [...problems, ...impossible, ...limits]
  if (wrong.length > 0) return { problems: wrong }
  const changed = new Map([...counts].filter(([type, count]) => before.get(type) !== count))
  const lines = [...changed].map(([type, count]) => `${type}: ${before.get(type)} -> ${count}`)
  return { changed, lines: lines.length > 0 ? lines : [`nothing to change: ${formatFormation(counts)}`] }
}

/** How a roll-out stands: over and well, still under way (`why` says what is awaited), or failed. */
export type Rollout =
  | { readonly state: 'ready' }
  | { readonly state: 'waiting'; readonly why: readonly string[]; readonly culprits: readonly Culprit[] }
  | { readonly state: 'failed'; readonly why: readonly string[]; readonly culprits: readonly Culprit[] }

/** A process whose last lines tell more: its name here, and the engine's. */
export interface Culprit {
  readonly process: string
  readonly id: string
}

/** A number that was written as a label. */
export function labelNumber(text: string | undefined): number | undefined {
  const value = Number(text)
  return text !== undefined && text !== '' && isCount(value) ? value : undefined
}

/** How a whole stands whose parts stand so: failed with all that failed, else waiting for all that is waited for. */
export function together(parts: readonly Rollout[]): Rollout {
  for (const state of ['failed', 'waiting'] as const) {
    const those = parts.flatMap((one) => (one.state !== 'ready' && one.state === state ? [one] : []))
    if (those.length === 0) continue
    return {
      state,
      why: those.flatMap(({ why }) => why),
      culprits: those.flatMap(({ culprits }) => culprits),
    }
  }
  return { state: 'ready' }
}
