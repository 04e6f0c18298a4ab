import { basename, join } from 'node:path'
import { InputError } from '../core/diagnostic.ts'
import { decodeEngineMemory } from '../core/engine.ts'
import type { EngineMemory, EnginePlace } from '../core/engine.ts'
import type { EngineName, RemoteEngine } from '../core/engine-name.ts'
import { TwRunError } from '../core/error.ts'
import { problemsOf } from '../core/settings.ts'
import type { Flags, OptionName, Settings } from '../core/settings.ts'
import { readIfThere, removeIfThere, replaceFile } from './disk.ts'
import { makeStateDir } from './state-dir.ts'
import type { StateDir } from './state-dir.ts'
import { stateHere } from './state-here.ts'

/** Which engine a command is for, and what is remembered of it. */
export interface EngineHere {
  readonly name: EngineName
  readonly state: StateDir
  readonly settings: Settings
  readonly memory: EngineMemory | undefined
  /** The folder's own name. */
  readonly folder: string
}

/**
 * The engine that the options name, else that of the last start, else this machine. Reads three files; nothing is
 * asked. Errors: TwRunError 2 for an engine that there is not, or where one of the `own` options is wrong.
 */
export function engineHere(flags: Flags, own: readonly OptionName[] = []): EngineHere {
  const { state, root, settings, problems } = stateHere(flags)
  const wrong = problemsOf(problems, ['engine', ...own])
  if (wrong.length > 0) throw new InputError([], wrong)
  const memory = readMemory(state)
  return {
    name: settings.engine ?? memory?.engine ?? 'local',
    state,
    settings,
    memory,
    folder: basename(root),
  }
}

function fileOf({ path }: StateDir): string {
  return join(path, 'engine.json')
}

function readMemory(state: StateDir): EngineMemory | undefined {
  const text = readIfThere(fileOf(state))
  if (text === undefined) return undefined
  const memory = decodeEngineMemory(text)
  if (memory !== undefined) return memory
  throw new TwRunError(`${fileOf(state)} is damaged: it says on which engine this app runs`, {
    exitCode: 1,
    hint: 'delete it, and say so once more: tw-run ps --engine swarm (or kubernetes, local)',
  })
}

/** The engines on which something of this project may be, as far as is remembered. */
export function enginesOf(state: StateDir): RemoteEngine[] {
  const { places = {} } = decodeEngineMemory(readIfThere(fileOf(state)) ?? '') ?? {}
  return (['swarm', 'kubernetes'] as const).filter((name) => places[name] !== undefined)
}

/** Remembers where a project was started last. */
export function rememberEngine(here: EngineHere, engine: EngineName, place?: EnginePlace): void {
  const places = { ...here.memory?.places }
  if (place !== undefined && engine !== 'local') places[engine] = place
  makeStateDir(here.state)
  write(here.state, { version: 1, engine, places })
}

/** Remembers where a start is being tried; which engine later commands are for does not change before it has worked. */
export function rememberPlace(here: EngineHere, engine: RemoteEngine, place: EnginePlace): void {
  makeStateDir(here.state)
  const { engine: meant = 'local', places = {} } = here.memory ?? {}
  write(here.state, { version: 1, engine: meant, places: { ...places, [engine]: place } })
}

/** Remembers what was remembered when the command began, and nothing else. */
export function rememberAsBefore({ state, memory }: EngineHere): void {
  if (memory === undefined) removeIfThere(fileOf(state))
  else write(state, memory)
}

/** Forgets that an engine has this app, of which nothing is left there; the project is local again. */
export function forgetEngine(here: EngineHere, engine: RemoteEngine, app: string): void {
  if (here.memory?.places[engine]?.app !== app) return
  const places = { ...here.memory.places }
  delete places[engine]
  if (Object.keys(places).length === 0) removeIfThere(fileOf(here.state))
  else {
    const next = here.memory.engine === engine ? 'local' : here.memory.engine
    write(here.state, { version: 1, engine: next, places })
  }
}

function write(state: StateDir, memory: EngineMemory): void {
  replaceFile(fileOf(state), `${JSON.stringify(memory)}\n`)
}
