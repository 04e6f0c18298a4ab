import { basename, join } from 'node:path'
import { InputError } from '../core/diagnostic.ts'
import { decodeEngineMemory } from '../core/engine.ts'
import type { EngineMemory, EnginePlace } from '../core/engine.ts'
import type { EngineName, RemoteEngine } from '../core/engine-name.ts'
import { TwRunError } from '../core/error.ts'
import type { Flags } from '../core/settings.ts'
import { readIfThere, removeIfThere, replaceFile } from './disk.ts'
import { makeStateDir } from './state-dir.ts'
import type { StateDir } from './state-dir.ts'
import { stateHere } from './state-here.ts'

/** Which engine a command is for, and what is remembered of it. */
export interface EngineHere {
  readonly name: EngineName
  readonly state: StateDir
  /** The name that was asked for; undefined for the usual one. */
  readonly app: string | undefined
  readonly image: string | undefined
  readonly memory: EngineMemory | undefined
  /** The folder's own name. */
  readonly folder: string
}

/**
 * The engine that the options name, else that of the last start, else this machine. Reads three files; nothing is
 * asked. Errors: TwRunError 2 for an engine that there is not.
 */
export function engineHere(flags: Flags): EngineHere {
  const { state, root, settings, problems } = stateHere(flags)
  const wrong = problems.filter(({ message }) => /^(--engine|TW_RUN_ENGINE)/.test(message))
  if (wrong.length > 0) throw new InputError([], wrong)
  const memory = readMemory(state)
  return {
    name: settings.engine ?? memory?.engine ?? 'local',
    state,
    app: settings.app,
    image: settings.image,
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

/** Remembers where a project was started last. */
export function rememberEngine(here: EngineHere, engine: EngineName, place?: EnginePlace): void {
  const places = { ...here.memory?.places }
  if (place !== undefined && engine !== 'local') places[engine] = place
  makeStateDir(here.state)
  write(here.state, { version: 1, engine, places })
}

/** Forgets an engine on which nothing of the project is left; the project is local again. */
export function forgetEngine(here: EngineHere, engine: RemoteEngine): void {
  if (here.memory === undefined) return
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
