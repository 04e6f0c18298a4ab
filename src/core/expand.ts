import type { Counts } from './formation.ts'
import { processId, type ProcessId } from './names.ts'
import { portOf, type FirstPorts } from './ports.ts'
import type { ProcessType } from './procfile.ts'

/** One process that should run. */
export interface ProcessPlan {
  readonly id: ProcessId
  readonly type: string
  /** From 1. */
  readonly instance: number
  readonly port: number
  readonly command: string
}

/** The processes of a formation in file order, instances ascending. Every type needs an entry in `ports`. */
export function expand(types: readonly ProcessType[], counts: Counts, ports: FirstPorts): ProcessPlan[] {
  return types.flatMap((type) => {
    const count = counts.get(type.name) ?? 0
    return Array.from({ length: count }, (_, index) => planOf(type, index + 1, ports))
  })
}

/** The n-th process of a type, n from 1; also of a stage, whose ports are reserved like any other's. */
export function planOf({ name, command }: ProcessType, instance: number, ports: FirstPorts): ProcessPlan {
  const first = ports.get(name)
  if (first === undefined) throw new Error(`no port was assigned to "${name}"`)
  return { id: processId(name, instance), type: name, instance, port: portOf(first, instance), command }
}
