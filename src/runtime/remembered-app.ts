import { assignPorts } from '../core/ports.ts'
import { parseProcessId } from '../core/names.ts'
import { decodeSession } from '../core/records.ts'
import { TwRunError } from '../core/error.ts'
import { NO_MANIFEST } from '../core/rules.ts'
import type { Manifest } from '../core/rules.ts'
import { resolveSettings } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import { readAppJson } from './app-json.ts'
import { readIfThere } from './disk.ts'
import { readLayers } from './env-files.ts'
import type { App } from './load.ts'
import { locate } from './locate.ts'
import { routerPlan } from './router-plan.ts'
import { keptRuns, knownProcesses } from './run-directory.ts'
import { locateStateDir } from './state-dir.ts'
import type { StateDir } from './state-dir.ts'

/**
 * The app as its state directory remembers it, for whoever goes on with a formation whose files are broken now:
 * its types are those that have run, with their newest commands. Undefined if nothing was ever started.
 */
export function rememberedApp(flags: Flags, shell: NodeJS.ProcessEnv): App | undefined {
  const { root, envFiles } = locate(flags, shell)
  const state = locateStateDir(root, flags.stateDir)
  const session = decodeSession(readIfThere(state.session) ?? '')
  if (session === undefined) return undefined
  const { layers } = readLayers(
    envFiles.map((file) => ({ ...file, required: false })),
    shell,
  )
  const { settings } = resolveSettings({ flags, shell, files: layers.files })
  const counts = new Map(Object.entries(session.counts))
  const commands = commandsIn(state, session.id)
  // In file order, as they were written.
  const names = [...counts.keys()]
  const { ports } = assignPorts(names, counts, { base: settings.port, step: settings.portStep })
  const types = names.flatMap((name) => {
    const command = commands.get(name)
    return command === undefined ? [] : [{ name, command, line: 0 }]
  })
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
    manifest: manifestOf(root, names),
    warnings: [],
    limits: new Map(),
    router: settings.router && routerPlan(settings.router, state.path),
    envFiles,
    layers,
    stateDir,
  }
}

/** What app.json says, if that is not what is broken. */
function manifestOf(root: string, types: readonly string[]): Manifest {
  try {
    const { manifest, errors } = readAppJson(root, types)
    return errors.length > 0 ? NO_MANIFEST : manifest
  } catch (error) {
    if (error instanceof TwRunError) return NO_MANIFEST
    throw error
  }
}

function commandsIn(state: StateDir, session: string): Map<string, string> {
  const runs = knownProcesses(state)
    .flatMap((id) => keptRuns(state, id))
    .filter((run) => run.session === session)
    .toSorted((a, b) => a.generation - b.generation || a.startedAt - b.startedAt)
  return new Map(runs.map(({ id, command }) => [parseProcessId(id)?.type ?? id, command]))
}
