import { resolve } from 'node:path'
import { InputError } from '../core/diagnostic.ts'
import type { EnvironmentLayers } from '../core/environment.ts'
import { TwRunError } from '../core/error.ts'
import { expand, type ProcessPlan } from '../core/expand.ts'
import type { Counts } from '../core/formation.ts'
import { limitProblems } from '../core/edit.ts'
import { parseFormation } from '../core/formation.ts'
import { isStage } from '../core/names.ts'
import { assignPorts, type FirstPorts } from '../core/ports.ts'
import { printable } from '../core/printable.ts'
import { parseProcfile, type ProcessType } from '../core/procfile.ts'
import { resolveSettings, type Flags, type Settings } from '../core/settings.ts'
import { NO_MANIFEST } from '../core/rules.ts'
import type { Manifest } from '../core/rules.ts'
import { startingCounts } from '../core/starting-counts.ts'
import { locateStateDir } from './state-dir.ts'
import { readLayers, type EnvironmentFile } from './env-files.ts'
import { locate, type AppPlace } from './locate.ts'
import { routerPlan, routerProblems } from './router-plan.ts'
import { readTextFile } from './text-file.ts'

/** An app as its files, the options and the shell describe it now. */
export interface App {
  /** Real path; every process starts here. */
  readonly root: string
  /** Absolute path. */
  readonly procfile: string
  readonly procfileText: string
  /** In file order, stages included. */
  readonly types: readonly ProcessType[]
  /** One entry a type; 0 for stages. */
  readonly counts: Counts
  /** The first port of every type, stages included. */
  readonly ports: FirstPorts
  readonly plan: readonly ProcessPlan[]
  readonly settings: Settings
  /** What app.json says. */
  readonly manifest: Manifest
  /** The most of a type that `--max` allows. */
  readonly limits: Counts
  /** The router as a process, if there is one. */
  readonly router: ProcessPlan | undefined
  /** For `loadLayers`, at every start of a process. */
  readonly envFiles: readonly EnvironmentFile[]
  readonly layers: EnvironmentLayers
  /** Absolute path of the state directory that was asked for; undefined for the default place. */
  readonly stateDir: string | undefined
}

/**
 * Reads everything a command needs to know of an app. Throws a TwRunError of exit code 2, an InputError with all
 * that is wrong in Procfile, environment files and options at once; nothing is started, created or changed.
 * Types of a `former` Procfile may still be named by the options.
 */
export function loadApp(flags: Flags, shell: NodeJS.ProcessEnv, former: readonly string[] = []): App {
  const place = locate(flags, shell)
  const { layers, diagnostics: inEnvironment } = readLayers(place.envFiles, shell)
  const { settings, problems } = resolveSettings({ flags, shell, files: layers.files })
  const procfile = resolve(folderFor(flags.procfile ?? shell['TW_RUN_PROCFILE'], place), settings.procfile)
  const procfileText = readProcfile(procfile, settings.procfile)
  const { types, diagnostics } = parseProcfile(procfileText, settings.procfile)
  const wrong = [...diagnostics, ...inEnvironment]
  // Judged by a Procfile with errors, a formation would be called wrong for what is wrong there.
  if (wrong.length > 0) throw new InputError(wrong, problems)
  const names = types.map(({ name }) => name)
  const known = [...new Set([...names, ...former])]
  const { counts: all, problems: inFormation } = startingCounts(settings, known)
  const counts = new Map([...all].filter(([name]) => names.includes(name)))
  const { ports, problems: inPorts } = assignPorts(names, counts, {
    base: settings.port,
    step: settings.portStep,
  })
  const { steps: most, problems: inMax } = parseFormation(settings.max.text, known)
  const limits = new Map(most.map(({ type, count }) => [type, count]))
  const manifest = NO_MANIFEST
  const wrongLimits = limitProblems(Object.fromEntries(counts), (type) => {
    const count = limits.get(type) ?? manifest.rules.get(type)?.max
    return count === undefined ? undefined : { count, from: limits.has(type) ? '--max' : 'app.json' }
  })
  const wrongOptions = [
    ...problems,
    ...inFormation,
    ...inPorts,
    ...inMax,
    ...wrongLimits,
    ...routerProblems(settings, names, counts, ports),
  ]
  if (wrongOptions.length > 0) throw new InputError([], wrongOptions)
  const { root, envFiles } = place
  const stateFolder = folderFor(flags.stateDir ?? shell['TW_RUN_STATE_DIR'], place)
  const stateDir = settings.stateDir === undefined ? undefined : resolve(stateFolder, settings.stateDir)
  const router =
    settings.router === undefined
      ? undefined
      : routerPlan(settings.router, locateStateDir(root, stateDir).path)
  const plan = [...expand(types, counts, ports), ...(router === undefined ? [] : [router])]
  return {
    root,
    procfile,
    procfileText,
    types,
    counts,
    ports,
    plan,
    settings,
    manifest,
    limits,
    router,
    envFiles,
    layers,
    stateDir,
  }
}

/** Throws a TwRunError of exit code 2 if the formation has no process. */
export function requireProcesses({ plan, types }: App): void {
  if (plan.length > 0) return
  const running = types.filter(({ name }) => !isStage(name))
  const [first] = running
  throw new TwRunError('nothing to run: the formation has no process', {
    exitCode: 2,
    hint:
      first === undefined
        ? 'the Procfile has only stages; run one with: tw-run run release'
        : `give it one: --formation ${first.name}=1`,
  })
}

/** Where a relative name begins: what was typed, where the typist stands; what a file of the app says, at its root. */
function folderFor(typed: string | undefined, { folder, root }: AppPlace): string {
  return typed === undefined || typed === '' ? root : folder
}

function readProcfile(path: string, name: string): string {
  const text = readTextFile(path, name)
  if (text !== undefined) return text
  throw new TwRunError(`no Procfile (looked for ${printable(path)})`, {
    exitCode: 2,
    hint: 'write one "<type>: <command>" a line into it, such as "web: node server.js", or name another with -f <file>',
  })
}
