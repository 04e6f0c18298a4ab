import { TwRunError } from '../core/error.ts'
import type { EnginePlace } from '../core/engine.ts'
import type { RemoteEngine } from '../core/engine-name.ts'
import type { Flags, OptionName } from '../core/settings.ts'
import type { Engine } from '../runtime/engine.ts'
import { engineHere, rememberEngine } from '../runtime/engine-place.ts'
import type { EngineHere } from '../runtime/engine-place.ts'

/** An engine that was reached, and what this project remembers of it. */
export interface Reached {
  readonly engine: Engine
  readonly here: EngineHere
}

/**
 * What is here, and the engine that a command is for; undefined for this machine. Errors: TwRunError, if it cannot be
 * reached, or one of the command's `own` options is wrong.
 */
export async function reachEngine(
  flags: Flags,
  own: readonly OptionName[] = [],
): Promise<{ here: EngineHere; reached: Reached | undefined }> {
  const here = engineHere(flags, own)
  if (here.name === 'local') return { here, reached: undefined }
  return { here, reached: { engine: await open(here.name, await placeOf(here, here.name)), here } }
}

async function placeOf(here: EngineHere, name: RemoteEngine): Promise<EnginePlace> {
  const { resourcePart } = await import('../exporters/container.ts')
  const remembered = here.memory?.places[name]
  const app = here.settings.app ?? remembered?.app ?? resourcePart(here.folder)
  if (resourcePart(app) !== app) {
    throw new TwRunError(`"${app}" cannot be the name of an app on an engine`, {
      exitCode: 2,
      hint: `small letters, digits and hyphens, at most 24, such as: --app ${resourcePart(app).replace(/-[a-z0-9]{6}$/, '')}`,
    })
  }
  const known = remembered?.app === app ? remembered : undefined
  return {
    app,
    image: here.settings.image ?? known?.image ?? '',
    cluster: known?.cluster ?? '',
    namespace: known?.namespace ?? '',
  }
}

async function open(name: RemoteEngine, place: EnginePlace): Promise<Engine> {
  if (name === 'swarm') {
    const { SwarmEngine } = await import('../runtime/engine-swarm.ts')
    return SwarmEngine.open(place)
  }
  const { KubernetesEngine } = await import('../runtime/engine-kubernetes.ts')
  return KubernetesEngine.open(place)
}

/** A start on this machine that was asked for by name is the one that later commands are for. */
export function rememberLocal(here: EngineHere): void {
  if (here.memory !== undefined && here.memory.engine !== 'local') rememberEngine(here, 'local')
}

export function nothingRunsOn({ name, place }: Engine): TwRunError {
  return new TwRunError(`nothing of ${place.app} runs on ${name}`, {
    exitCode: 1,
    hint: `start it with: tw-run start --engine ${name} --image <image>`,
  })
}
