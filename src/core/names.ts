import { closestMatch } from 'leven'

/** One running copy of a process type: `web.1`. Instances count from 1. */
export type ProcessId = `${string}.${number}`

/** The characters of a process type's name, the union of what the field accepts. */
const TYPE_NAME = /^[A-Za-z0-9_-]+$/

/** The longest name of a process type, in characters: a DNS label, which Dokku, Kubernetes and Swarm make of it. */
export const MAX_TYPE_LENGTH = 63

/** Means every process type in a formation, so no type may be called that. */
export const EVERY_TYPE = 'all'

const STAGES: ReadonlySet<string> = new Set(['build', 'release'])

/** Whether the type is a stage: it runs to completion and is never part of the formation. */
export function isStage(name: string): boolean {
  return STAGES.has(name)
}

/** The id of the n-th process of a type, n from 1. */
export function processId(type: string, instance: number): ProcessId {
  return `${type}.${instance}`
}

/** The parts of a process id, or undefined if the text is none. Safe to build file names from. */
export function parseProcessId(text: string): { id: ProcessId; type: string; instance: number } | undefined {
  const [, type = '', digits = ''] = /^([^.]*)\.([1-9]\d{0,8})$/.exec(text) ?? []
  if (!TYPE_NAME.test(type) || type.length > MAX_TYPE_LENGTH) return undefined
  const instance = Number(digits)
  return { id: processId(type, instance), type, instance }
}

/** A hint for an unknown name: the closest known one if one is close, and what there is. */
export function didYouMean(name: string, known: readonly string[], what: string): string {
  const maxDistance = Math.max(2, Math.floor(name.length / 3))
  const close = closestMatch(name.toLowerCase(), known, { maxDistance })
  const list = known.length > 8 ? [...known.slice(0, 8), '...'] : known
  const there = known.length === 0 ? `there are no ${what}` : `${what}: ${list.join(', ')}`
  return close === undefined ? there : `did you mean "${close}"? (${there})`
}
