import type { Problem } from '../core/error.ts'
import type { ProcessPlan } from '../core/expand.ts'
import type { Counts } from '../core/formation.ts'
import type { Address } from '../core/option-values.ts'
import { portOf } from '../core/ports.ts'
import type { FirstPorts } from '../core/ports.ts'
import { quoteSh } from '../core/quote-sh.ts'
import { ROUTED_TYPE, ROUTER, ROUTER_TYPE } from '../core/router.ts'
import type { Settings } from '../core/settings.ts'
import { ownProgram } from './own-program.ts'

/** The router as a process of the formation: this program, which reads who is ready from the state directory. */
export function routerPlan({ host, port }: Address, statePath: string): ProcessPlan {
  const words = [process.execPath, ownProgram(), 'route', '--host', host, '--state', statePath]
  return {
    id: ROUTER,
    type: ROUTER_TYPE,
    instance: 1,
    port,
    command: `exec ${words.map(quoteSh).join(' ')}`,
  }
}

/** What stands in the way of a router; of the `types`, each with its first port. */
export function routerProblems(
  { router }: Settings,
  types: readonly string[],
  counts: Counts,
  ports: FirstPorts,
): Problem[] {
  if (router === undefined) return []
  const problems: Problem[] = []
  if (types.includes(ROUTER_TYPE))
    problems.push({
      message: `--router: the Procfile has a process type "${ROUTER_TYPE}" of its own`,
      hint: 'rename that type, or leave --router out',
    })
  if (!types.includes(ROUTED_TYPE))
    problems.push({
      message: `--router: the Procfile has no "${ROUTED_TYPE}" that it could stand in front of`,
    })
  return [...problems, ...routerPortProblems(router, counts, ports)]
}

/** What is wrong with a router's port beside so many processes of each type. */
export function routerPortProblems({ port }: Address, counts: Counts, ports: FirstPorts): Problem[] {
  const taken = [...ports].find(([type, first]) => {
    const count = counts.get(type) ?? 0
    return count > 0 && port >= first && port <= portOf(first, count)
  })
  if (taken === undefined) return []
  return [
    {
      message: `--router: port ${port} is one of the ports of "${taken[0]}"`,
      hint: 'choose another one with --router PORT',
    },
  ]
}
