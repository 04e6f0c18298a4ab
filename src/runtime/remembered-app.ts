import { assignPorts } from '../core/ports.ts'
import { isError } from '../core/diagnostic.ts'
import { TwRunError } from '../core/error.ts'
import { limitsFrom } from '../core/limits.ts'
import { parseProcfile } from '../core/procfile.ts'
import { NO_MANIFEST } from '../core/rules.ts'
import type { Manifest } from '../core/rules.ts'
import { resolveSettings } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import { readAppJson } from './app-json.ts'
import { readLayers } from './env-files.ts'
import { keptSession } from './kept-session.ts'
import type { App } from './load.ts'
import { locateFormer } from './locate.ts'
import { textOf } from './proc-files.ts'
import { routerPlan } from './router-plan.ts'
import { locateStateDir } from './state-dir.ts'

/**
 * The app as its state directory remembers it, for whoever goes on with a formation: its files may have been edited
 * since they were last taken in, or be broken or gone now. Undefined if it does not remember them.
 */
export function rememberedApp(flags: Flags, shell: NodeJS.ProcessEnv): App | undefined {
  const { root, envFiles } = locateFormer(flags, shell)
  const state = locateStateDir(root, flags.stateDir)
  const session = keptSession(state)
  if (session === undefined || session.types.length === 0) return undefined
  const { layers } = readLayers(
    envFiles.map((file) => ({ ...file, required: false })),
    shell,
  )
  const { settings } = resolveSettings({ flags, shell, files: layers.files })
  const { types } = session
  const names = types.map(({ name }) => name)
  const counts = new Map(Object.entries(session.counts))
  const { ports } = assignPorts(names, counts, { base: settings.port, step: settings.portStep })
  const { procfile = '', stateDir } = flags
  return {
    root,
    procfile,
    procfileText: '',
    types,
    counts,
    ports,
    plan: [],
    settings,
    manifest: manifestOf(root, [...new Set([...names, ...namesIn(procfile)])]),
    warnings: [],
    limits: limitsFrom(settings.max, names).limits,
    router: settings.router && routerPlan(settings.router, state.path),
    envFiles,
    layers,
    stateDir,
  }
}

/** Of the types that the Procfile has by now: app.json may name them already. */
function namesIn(procfile: string): string[] {
  return parseProcfile(textOf(procfile), procfile).types.map(({ name }) => name)
}

/** What app.json says, if that is not what is broken. */
function manifestOf(root: string, types: readonly string[]): Manifest {
  try {
    const { manifest, found } = readAppJson(root, types)
    return found.some(isError) ? NO_MANIFEST : manifest
  } catch (error) {
    if (error instanceof TwRunError) return NO_MANIFEST
    throw error
  }
}
