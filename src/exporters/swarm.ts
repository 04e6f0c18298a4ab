import { markOf, resourcePart } from './container.ts'
import { madeBy } from './input.ts'
import type { ExportInput, Rendering } from './input.ts'
import { lostRules } from './lost-rules.ts'
import { environmentScript, makesInSwarm, swarmStack } from './swarm-stack.ts'
import { toYaml } from './yaml.ts'

const ENVIRONMENT = 'environment.sh'

/** A stack file, and beside it the environment, which becomes a secret of the swarm. */
export function swarm(given: ExportInput): Rendering {
  const input = { ...given, app: resourcePart(given.app) }
  const { app } = input
  const head = madeBy('swarm', input)
  const script = `# ${head}\n${environmentScript(input.environment)}`
  // A secret never changes: another environment is another secret.
  const secret = `${app}_environment_${markOf(script)}`
  const stack = swarmStack(input, { secret, file: `./${ENVIRONMENT}` })
  return {
    files: [
      { path: 'stack.yaml', mode: 0o644, text: toYaml(head, stack) },
      { path: ENVIRONMENT, mode: 0o600, text: script },
    ],
    notes: lostRules(input, { name: 'swarm', hasImage: true, makes: makesInSwarm }),
    next: `docker stack deploy --detach=true --with-registry-auth --compose-file stack.yaml ${app}`,
  }
}
