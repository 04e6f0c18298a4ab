import type { Problem } from './error.ts'
import type { Counts } from './formation.ts'
import { processId } from './names.ts'

/** Where the ports begin, and how far apart two neighbouring types are. */
export interface PortScheme {
  readonly base: number
  readonly step: number
}

/** The first port of each type, by its place in the file: a subset keeps each type's ports. */
export type FirstPorts = ReadonlyMap<string, number>

export const MAX_PORT = 65_535

/** The port of the n-th process of a type, n from 1: foreman's rule, `base + step * index + (n - 1)`. */
export function portOf(first: number, instance: number): number {
  return first + instance - 1
}

/**
 * The first port of every type in the file, and what is wrong with the ranges of those that run: two types that
 * would share a port, and ports the system does not have. Types with a count of 0 are never in the way.
 */
export function assignPorts(
  types: readonly string[],
  counts: Counts,
  scheme: PortScheme,
): { ports: FirstPorts; problems: Problem[] } {
  const ports = new Map(types.map((type, index) => [type, scheme.base + scheme.step * index]))
  const ranges = types.flatMap((type, index) => {
    const count = counts.get(type) ?? 0
    return count === 0 ? [] : [{ type, index, count, first: scheme.base + scheme.step * index }]
  })
  return { ports, problems: [...overlaps(ranges, scheme.step), ...outside(ranges)] }
}

interface Range {
  readonly type: string
  readonly index: number
  readonly count: number
  readonly first: number
}

function last({ first, count }: Range): number {
  return portOf(first, count)
}

function overlaps(ranges: readonly Range[], step: number): Problem[] {
  const clashes = ranges.flatMap((range, at) => {
    return ranges.slice(at + 1).flatMap((other) => (last(range) < other.first ? [] : [{ range, other }]))
  })
  // The step that is enough for every pair, so that the hint is right the first time.
  const enough = clashes.map(({ range, other }) => Math.ceil(range.count / (other.index - range.index)))
  const needed = Math.max(step, ...enough)
  return clashes.map(({ range, other }) => ({
    message:
      `the ports of "${range.type}" (${range.first} to ${last(range)}) and "${other.type}" ` +
      `(${other.first} to ${last(other)}) overlap`,
    hint: `move them apart with --port-step ${needed}, or run fewer of "${range.type}"`,
  }))
}

function outside(ranges: readonly Range[]): Problem[] {
  return ranges.flatMap((range) => {
    if (last(range) <= MAX_PORT) return []
    const instance = Math.max(1, MAX_PORT + 2 - range.first)
    const id = processId(range.type, instance)
    return [
      {
        message: `${id} would get port ${portOf(range.first, instance)}; ports are 1 to ${MAX_PORT}`,
        hint: `choose a lower --port, a smaller --port-step, or fewer processes`,
      },
    ]
  })
}
