import type { ProcessPlan } from './expand.ts'
import type { Problem } from './error.ts'
import { applySteps, formatFormation, parseFormation, typeProblem } from './formation.ts'
import { isStage, processId, parseProcessId } from './names.ts'
import { typeOf } from './readiness.ts'
import type { ProcessId } from './names.ts'
import { ROUTER, ROUTER_TYPE } from './router.ts'
import type { Limit } from './rules.ts'
import { replace } from './session.ts'
import type { Session } from './session.ts'

/** More processes than this are counted instead of named. */
const MOST_LISTED = 20

/** What is left of a command once it is understood: another desired state, and what to say about it. */
export interface Edited {
  readonly session: Session
  readonly lines: readonly string[]
}

export type Edit = Edited | { readonly problems: readonly Problem[] }

/** What is wrong with these counts where there may be only so many of a type. */
export function limitProblems(
  counts: Readonly<Record<string, number>>,
  limitOf: (type: string) => Limit | undefined,
): Problem[] {
  return Object.entries(counts).flatMap(([type, count]) => {
    const limit = limitOf(type)
    if (limit === undefined || count <= limit.count) return []
    const message = `${type}=${count}: ${limit.from} allows ${limit.count} of it, since more would do its work twice`
    return [{ message, hint: `write ${type}=${limit.count}` }]
  })
}

/** Sets counts: `web=3`, `worker+1`, `clock-1`. Those of a type that were stopped one by one run again. */
export function scale(session: Session, words: readonly string[], types: readonly string[]): Edit {
  const { steps, problems } = parseFormation(words.join(','), types)
  const before = new Map(types.map((type) => [type, countOf(session, type)]))
  const { counts, problems: impossible } = applySteps(steps, before)
  if (problems.length + impossible.length > 0) return { problems: [...problems, ...impossible] }
  const changed = [...counts].filter(([type, count]) => before.get(type) !== count)
  const named = new Set(steps.map(({ type }) => type))
  const stopped = session.stopped.filter((id) => !named.has('all') && !named.has(typeOf(id)))
  const edited = { ...session, counts: { ...session.counts, ...Object.fromEntries(counts) }, stopped }
  const wanted = new Set(expandIds(edited))
  const again = session.stopped.filter((id) => wanted.has(id))
  const lines = [
    ...changed.map(([type, count]) => `${type}: ${before.get(type)} -> ${count}`),
    ...(again.length === 0 ? [] : [`starting again: ${listed(again)}`]),
  ]
  return {
    // One that comes back may have come to its end before, and of the same generation it would be left at that.
    session: replace(edited, addedIn(edited, session)),
    lines: lines.length > 0 ? lines : [`nothing to change: ${formatFormation(counts)}`],
  }
}

/** The processes that one session wants, and the one before it did not. */
export function addedIn(session: Session, before: Session): ProcessId[] {
  const wanted = new Set(expandIds(before))
  return expandIds(session).filter((id) => !wanted.has(id))
}

/** Replaces processes, and starts those among them that were stopped. */
export function restart(session: Session, ids: readonly ProcessId[]): Session {
  return replace({ ...session, stopped: session.stopped.filter((id) => !ids.includes(id)) }, ids)
}

/** Keeps processes down until they are asked for again. */
export function stop(session: Session, ids: readonly ProcessId[]): Edited {
  const stopped = [...new Set([...session.stopped, ...ids])]
  const line = ids.length === 0 ? 'nothing to stop' : `stopping ${listed(ids)}`
  return { session: { ...session, stopped }, lines: [line] }
}

/** Many names are cut: a reply has a length. */
function listed(ids: readonly ProcessId[]): string {
  return ids.length <= MOST_LISTED
    ? ids.join(', ')
    : `${ids.slice(0, MOST_LISTED).join(', ')} and ${ids.length - MOST_LISTED} more`
}

/** The processes of a formation without those that were stopped. */
export function withoutStopped(plans: readonly ProcessPlan[], session: Session): readonly ProcessPlan[] {
  if (session.stopped.length === 0) return plans
  const stopped = new Set(session.stopped)
  return plans.filter(({ id }) => !stopped.has(id))
}

/** Every process of the formation that is not to stay down. */
export function expandIds({ counts, stopped, hasRouter }: Session): ProcessId[] {
  const down = new Set(stopped)
  const ids = Object.entries(counts).flatMap(([type, count]) =>
    Array.from({ length: count }, (_, index) => processId(type, index + 1)),
  )
  return [...ids, ...(hasRouter ? [ROUTER] : [])].filter((id) => !down.has(id))
}

/** The processes that words such as `web` and `worker.2` name; none named means all. */
export function targetsOf(
  words: readonly string[],
  session: Session,
  types: readonly string[],
): { readonly ids: readonly ProcessId[] } | { readonly problems: readonly Problem[] } {
  const every = types.filter((type) => !isStage(type))
  const found = (words.length === 0 ? every : words).map((word) => targetOf(word, session, types))
  const problems = found.flatMap((one) => ('message' in one ? [one] : []))
  if (problems.length > 0) return { problems }
  return { ids: [...new Set(found.flatMap((one) => ('message' in one ? [] : one)))] }
}

function targetOf(word: string, session: Session, types: readonly string[]): readonly ProcessId[] | Problem {
  if (session.hasRouter && (word === ROUTER_TYPE || word === ROUTER)) return [ROUTER]
  const parsed = parseProcessId(word)
  const type = parsed?.type ?? word
  const problem = typeProblem(type, types)
  const count = countOf(session, type)
  if (problem !== undefined) return problem
  if (parsed === undefined) return Array.from({ length: count }, (_, index) => processId(type, index + 1))
  if (parsed.instance <= count) return [parsed.id]
  return {
    message: `${word} is not part of the formation: ${type}=${count}`,
    hint: `tw-run scale ${type}=${parsed.instance}`,
  }
}

function countOf({ counts }: Session, type: string): number {
  return Object.hasOwn(counts, type) ? (counts[type] ?? 0) : 0
}
