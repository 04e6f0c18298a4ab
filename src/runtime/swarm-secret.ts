import { createHash, randomBytes } from 'node:crypto'
import { isObject, textAt } from '../core/json.ts'
import { APP_LABEL, environmentScript } from '../exporters/swarm-stack.ts'
import { docker, dockerIfThere, inspect, words } from './docker.ts'

const SALT_LABEL = 'tw-run.salt'
const DIGEST_LABEL = 'tw-run.digest'

/**
 * The secret that holds this environment, made if there is none yet; undefined for an empty one. A secret cannot be
 * read back, so a salted digest says whether it is the same. The values go through stdin alone.
 */
export async function secretFor(
  app: string,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (Object.keys(environment).length === 0) return undefined
  const script = environmentScript(environment)
  const there = await inspect('secret', await secretsOf(app))
  const same = there.find((secret) => {
    const labels = isObject(secret['Spec']) ? secret['Spec']['Labels'] : undefined
    return textAt(labels, DIGEST_LABEL) === digestOf(script, textAt(labels, SALT_LABEL))
  })
  if (same !== undefined) return textAt(same, 'Spec', 'Name')
  const name = `${app}_environment_${randomBytes(4).toString('hex')}`
  const salt = randomBytes(16).toString('hex')
  const labels = { [APP_LABEL]: app, [SALT_LABEL]: salt, [DIGEST_LABEL]: digestOf(script, salt) }
  const options = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])
  await docker(['secret', 'create', ...options, name, '-'], { input: script })
  return name
}

function digestOf(script: string, salt: string): string {
  return createHash('sha256').update(salt).update(script).digest('hex')
}

export async function secretsOf(app: string): Promise<string[]> {
  return words(await docker(['secret', 'ls', '--quiet', '--filter', `label=${APP_LABEL}=${app}`]))
}

/** Removes the environments that no service has, nor goes back to if its update fails. */
export async function removeUnusedSecrets(app: string, services: readonly unknown[]): Promise<void> {
  const used = JSON.stringify(services)
  for (const secret of await inspect('secret', await secretsOf(app))) {
    const name = textAt(secret, 'Spec', 'Name')
    // Somebody may just have begun to use it: then it stays.
    if (!used.includes(`"${name}"`)) await dockerIfThere(['secret', 'rm', name]).catch(() => undefined)
  }
}
