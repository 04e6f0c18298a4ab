import { OWN_VARIABLES, wholeOf } from '../core/environment.ts'
import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import type { Session } from '../core/session.ts'
import type { Definition } from './definition.ts'
import { environmentOfRun } from './environment-of-run.ts'
import type { Slots } from './slots.ts'

type Variables = Readonly<Record<string, string>>

/** Variables that are another one's at every start, or that shells set. */
const OURS = new Set([...OWN_VARIABLES, 'TW_RUN_WITHIN', '_', 'SHLVL', 'OLDPWD'])
const GONE = 'restarting, but no longer in the Procfile: tw-run reload takes that in'
const UNKNOWN = 'what changes in its environment is not known'

/** The formation after a restart, and the types of it that the Procfile does not have any more. */
interface Edited {
  readonly next: Definition
  readonly gone: readonly string[]
}

/**
 * What a restart of these processes changes, for a person: keys of the environment only, never a value. What
 * runs is asked of the kernel: nobody keeps an old environment.
 */
export function changesOf(
  ids: readonly ProcessId[],
  { next, gone }: Edited,
  session: Session,
  slots: Slots,
): string[] {
  const plans = new Map(next.plansOf('formation', session.counts).map((plan) => [plan.id, plan]))
  const environmentOf = next.readEnvironment()
  const lines = ids.flatMap((id) => {
    const run = slots.run(id)
    const plan = plans.get(id)
    if (run === undefined || plan === undefined || run.life === 'dead') return [`${id}: starting`]
    const parts = gone.includes(plan.type) ? [GONE] : []
    if (run.command !== plan.command) parts.push('command changed')
    const before = environmentOfRun(run, next.app.root)
    const after = wholeOf(environmentOf({ id, port: plan.port, token: run.token, scratch: run.scratch }))
    parts.push(...(before === undefined ? [UNKNOWN] : changedKeys(before, after)))
    return [`${id}: ${parts.length === 0 ? 'restarting, nothing changed' : parts.join(', ')}`]
  })
  return together(lines)
}

function changedKeys(before: Variables, after: Variables): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !OURS.has(key))
  return keys.toSorted().flatMap((key) => {
    if (!Object.hasOwn(after, key)) return [`${key} gone`]
    if (!Object.hasOwn(before, key)) return [`${key} new`]
    return after[key] === before[key] ? [] : [`${key} changed`]
  })
}

/** What is the same for every process of a type is said once. */
function together(lines: readonly string[]): string[] {
  if (lines.length === 1) return [...lines]
  const types = new Map<string, Set<string>>()
  for (const line of lines) {
    const [, id = '', what = ''] = /^(\S+): (.*)$/.exec(line) ?? []
    const type = parseProcessId(id)?.type ?? id
    types.set(type, (types.get(type) ?? new Set()).add(what))
  }
  const same = [...types].filter(([, whats]) => whats.size === 1)
  if (same.length < types.size) return [...lines]
  return same.map(([type, whats]) => `${type}: ${[...whats].join('')}`)
}
