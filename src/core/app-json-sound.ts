import { DECISIVE } from './app-json-checks.ts'
import type { JsonPath } from './json-problem.ts'

/** The part of an app.json that can be judged further, and where in the whole file a path into it leads. */
export interface SoundPart {
  readonly value: unknown
  readonly inWhole: (path: JsonPath) => JsonPath
}

/** An app.json without what its schema finds wrong at these paths: the rest may be wrong in a way that no schema sees. */
export function soundPart(app: unknown, wrong: readonly JsonPath[]): SoundPart {
  const kept = new WeakMap<object, readonly number[]>()
  const dropped = wrong.flatMap((path) => toDrop(path) ?? [])
  const isLost = dropped.some((path) => path.length === 0)
  const value = isLost ? {} : without(app, dropped, kept)
  return { value, inWhole: (path) => inWhole(path, value, kept) }
}

/** One path in a list, or none where only the key is looked at. */
function toDrop(path: JsonPath): [JsonPath] | undefined {
  const [section, , third, fourth] = path
  if (section === 'tw-run' && third === 'dependsOn' && typeof fourth === 'string') return undefined
  // Without it, what is left of the check would seem to contradict itself.
  const isOfCheck = section === 'healthchecks' && DECISIVE.some((key) => key === fourth)
  return [isOfCheck ? path.slice(0, 3) : path]
}

function without(
  value: unknown,
  paths: readonly JsonPath[],
  kept: WeakMap<object, readonly number[]>,
): unknown {
  if (paths.length === 0 || typeof value !== 'object' || value === null) return value
  // A type may be called 1.
  const below = (key: string): JsonPath[] =>
    paths.filter(([first]) => String(first) === key).map((path) => path.slice(1))
  const entries = Object.entries(value)
    .map(([key, child]) => ({ key, child: child as unknown, inside: below(key) }))
    .filter(({ inside }) => inside.every((path) => path.length > 0))
    .map(({ key, child, inside }) => [key, without(child, inside, kept)] as const)
  if (!Array.isArray(value)) return Object.fromEntries(entries)
  const list = entries.map(([, child]) => child)
  kept.set(
    list,
    entries.map(([key]) => Number(key)),
  )
  return list
}

function inWhole(path: JsonPath, value: unknown, kept: WeakMap<object, readonly number[]>): JsonPath {
  const [first, ...rest] = path
  if (first === undefined || typeof value !== 'object' || value === null) return path
  const child = (value as Readonly<Record<string | number, unknown>>)[first]
  const place = typeof first === 'number' ? (kept.get(value)?.[first] ?? first) : first
  return [place, ...inWhole(rest, child, kept)]
}
