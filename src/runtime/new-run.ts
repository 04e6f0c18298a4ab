import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { End, Run } from '../core/process.ts'
import type { RunSpec } from '../core/records.ts'
import type { Place } from '../core/session.ts'
import { bootNow } from './clock.ts'
import { makeFolder, readFolder } from './disk.ts'
import { failedWith } from './system-error.ts'
import { tempFolder } from './usual-places.ts'

/** What the names of scratch directories begin with. */
const SCRATCH = 'tw-run-'

type Given = Pick<
  Run,
  'id' | 'number' | 'generation' | 'session' | 'command' | 'port' | 'isProbed' | 'policy' | 'token'
>

/** What is known of a run of which nothing was heard. */
const UNHEARD_OF = {
  pid: undefined,
  exit: undefined,
  endedAt: undefined,
  stop: undefined,
  health: {},
  drained: false,
  told: false,
  killedAt: undefined,
  leftovers: undefined,
  leftoversKillAt: undefined,
  done: false,
} as const

/** A run that begins now, with its own place for temporary files: short, since programs put sockets there. */
export function newRun(given: Given): Run {
  return {
    ...given,
    scratch: `${tempFolder()}/${SCRATCH}${given.token}`,
    startedAt: bootNow(),
    startedWall: Date.now(),
    life: 'alive',
    ...UNHEARD_OF,
  }
}

/** A run whose end is recorded: who knows how it ended asks nothing more of its directory than what it was. */
export function overRun(spec: RunSpec, { exit, endedAt }: End): Run {
  return { ...givenOf(spec), life: 'dead', ...UNHEARD_OF, exit, endedAt, done: true }
}

type OfSpec = Given & Pick<Run, 'scratch' | 'startedAt' | 'startedWall'>

/** What a run was to be. Named one by one: all but some of an object's fields takes V8 40 us. */
export function givenOf(run: OfSpec): OfSpec {
  const { id, number, generation, session, command, port, isProbed, token, scratch, startedAt } = run
  const { startedWall, policy } = run
  const given = {
    id,
    number,
    generation,
    session,
    command,
    port,
    isProbed,
    token,
    scratch,
    startedAt,
    startedWall,
  }
  return policy === undefined ? given : { ...given, policy }
}

/** Makes a scratch directory, and the folder of temporary files if somebody removed that. Errors: those of mkdir(2). */
export function makeScratch(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) throw error
    makeFolder(path, 0o700)
  }
}

/** The scratch directories that are there now, of every formation of this user and of others. */
export function scratchFolders(): string[] {
  const folder = tempFolder()
  return readFolder(folder).flatMap((name) => (/^tw-run-[0-9a-f]{16}$/.test(name) ? join(folder, name) : []))
}

/** What is written down of a run before it begins. */
export function specOf(run: Run, { place, cwd }: { readonly place: Place; readonly cwd: string }): RunSpec {
  return { version: 1, ...givenOf(run), ...place, cwd }
}
