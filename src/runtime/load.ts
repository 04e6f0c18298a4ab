import { resolve } from 'node:path'
import { InputError, isError, type Diagnostic } from '../core/diagnostic.ts'
import type { EnvironmentLayers } from '../core/environment.ts'
import { TwRunError, type Problem } from '../core/error.ts'
import { expand, type ProcessPlan } from '../core/expand.ts'
import type { Counts } from '../core/formation.ts'
import { limitProblems } from '../core/edit.ts'
import { limitsFrom } from '../core/limits.ts'
import { isStage } from '../core/names.ts'
import { assignPorts, type FirstPorts } from '../core/ports.ts'
import { printable } from '../core/printable.ts'
import { parseProcfile, type ProcessType } from '../core/procfile.ts'
import { resolveSettings, type Flags, type Settings } from '../core/settings.ts'
import type { Manifest } from '../core/rules.ts'
import { startingCounts } from '../core/starting-counts.ts'
import {
  APP_JSON,
  idleDependencies,
  idleFormation,
  missingVariables,
  readAppJson,
  withDefaults,
} from './app-json.ts'
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
  /** What is doubtful in environment files and app.json, and no reason not to start. */
  readonly warnings: readonly Diagnostic[]
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
  // Judged by a Procfile with errors, app.json and formation would be called wrong for what is wrong there.
  if (diagnostics.length > 0) throw new InputError([...diagnostics, ...inEnvironment], problems)
  const names = types.map(({ name }) => name)
  const appJson = readAppJson(place.root, names)
  const { manifest } = appJson
  const inFiles = [...inEnvironment, ...appJson.found]
  if (inFiles.some(isError)) throw new InputError(inFiles, problems)
  const known = [...new Set([...names, ...former])]
  const { counts: all, problems: inFormation } = startingCounts(settings, known, manifest.quantities)
  const counts = new Map([...all].filter(([name]) => names.includes(name)))
  const { ports, problems: inPorts } = assignPorts(names, counts, {
    base: settings.port,
    step: settings.portStep,
  })
  const { limits, problems: inLimits } = limitsOf(settings, manifest, counts, known)
  const wrongOptions = [
    ...problems,
    ...inFormation,
    // On an engine each process has a network of its own, and all of a type the same port.
    ...((settings.engine ?? 'local') === 'local' ? inPorts : []),
    ...inLimits,
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
    warnings: [...inFiles, ...idleDependencies(appJson, counts), ...idleFormation(appJson, counts)],
    limits,
    router,
    envFiles,
    layers: withDefaults(layers, manifest),
    stateDir,
  }
}

/** The limits that `--max` sets, and what is wrong with them or goes beyond them or those of app.json. */
function limitsOf(
  { max }: Settings,
  { rules }: Manifest,
  counts: Counts,
  known: readonly string[],
): { limits: Counts; problems: Problem[] } {
  const { limits, problems } = limitsFrom(max, known)
  const beyond = limitProblems(Object.fromEntries(counts), (type) => {
    const count = limits.get(type) ?? rules.get(type)?.max
    return count === undefined ? undefined : { count, from: limits.has(type) ? max.from : APP_JSON }
  })
  return { limits, problems: [...problems, ...beyond] }
}

/** Throws a TwRunError of exit code 2 if the formation has no process. */
export function requireProcesses({ plan, types }: App): void {
  if (plan.length > 0) return
  const { message, hint } = nothingToRun(types)
  throw new TwRunError(message, { exitCode: 2, hint })
}

function nothingToRun(types: readonly ProcessType[]): Problem {
  const first = types.find(({ name }) => !isStage(name))
  return {
    message: 'nothing to run: the formation has no process',
    hint:
      first === undefined
        ? 'the Procfile has only stages; run one with: tw-run run release'
        : `give it one: --formation ${first.name}=1`,
  }
}

/** Throws an InputError that names the variables that app.json calls required and nobody has set. */
export function requireVariables(app: App): void {
  const problems = unsetVariables(app)
  if (problems.length > 0) throw new InputError([], problems)
}

function unsetVariables({ manifest, layers }: App): Problem[] {
  return missingVariables(manifest, layers).map((name) => ({
    message: `${name} is not set, and app.json says that the app needs it`,
    hint: `write ${name}=... into .env, or say "required": false in app.json`,
  }))
}

/** Throws an InputError with all for which the formation that was asked for would not start. */
export function requireStart(app: App): void {
  const { types, settings, counts, warnings } = app
  const isAsked = settings.formation.text !== '' || settings.except.length > 0
  const isEmpty = [...counts.values()].every((count) => count === 0)
  const isForStages = types.every(isStageType) || (settings.release && types.some(isStageType))
  const nothing = isAsked && isEmpty && !isForStages ? [nothingToRun(types)] : []
  const problems = [...nothing, ...unsetVariables(app)]
  if (problems.length > 0) throw new InputError(warnings, problems)
}

function isStageType({ name }: ProcessType): boolean {
  return isStage(name)
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
