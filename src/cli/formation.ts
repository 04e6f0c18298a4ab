import type { Stage } from '../core/session.ts'
import { limitedTypes, withLimitsOf } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import { crashPoint } from '../runtime/crash-points.ts'
import { loadApp, requireProcesses, requireVariables } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { takeLock } from '../runtime/lock.ts'
import { textOf } from '../runtime/proc-files.ts'
import type { Lock } from '../runtime/lock.ts'
import type { Slots } from '../runtime/slots.ts'
import { stateHere } from '../runtime/state-here.ts'
import { sparesToMake } from '../runtime/spare-fifos.ts'
import { locateStateDir, makeStateDir, requireRoom, requireTempFolder } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { Surroundings } from '../runtime/surroundings.ts'

/** An app whose state directory is held: what a supervisor works on. */
export interface Ground {
  readonly app: App
  readonly state: StateDir
  readonly lock: Lock
  readonly slots: Slots
  readonly surroundings: Surroundings
  readonly stages: readonly Stage[]
  /** The options as another supervisor of this app needs them, wherever it is started. */
  readonly flags: Flags
  readonly isRevival: boolean
}

/**
 * Reads the app and its state, and takes the lock; `isRevival` where only a supervisor is missing. Errors:
 * TwRunError; nothing was started then.
 */
export async function takeGround(asked: Flags, isRevival = false): Promise<Ground> {
  const { app, flags } = await appFor(asked, isRevival)
  const stages = stagesOf(app)
  if (!isRevival) {
    requireWork(app)
    requireVariables(app)
    await requireRouterHost(app)
  }
  const state = locateStateDir(app.root, app.stateDir)
  makeStateDir(state)
  const fifos = sparesToMake(state.spares, app.plan.length)
  const [lock, { readSlots, refuseIfOver, surroundings }] = await both(
    takeLock(state.lock, fifos),
    meanwhile(),
  )
  crashPoint('lock:held')
  // What lives is supervised, however full the disk is.
  if (isRevival) refuseIfOver(state)
  else {
    requireRoom(state)
    requireTempFolder()
  }
  // What runs has its ports; who else has got one since is no reason to leave it alone.
  const slots = readSlots(state, isRevival ? undefined : app)
  return {
    app,
    state,
    lock,
    slots,
    surroundings,
    stages,
    flags: lastingFlags(flags, app),
    isRevival,
  }
}

/** Errors: TwRunError 2 where there is neither a stage to run nor a process. */
export function requireWork(app: App): void {
  if (stagesOf(app).length === 1) requireProcesses(app)
}

/** Most formations have no router. Errors: TwRunError 1, it could not listen on the host that was named. */
export async function requireRouterHost({ settings: { router } }: App): Promise<void> {
  if (router === undefined) return
  const { requireOwnAddress } = await import('../runtime/router-address.ts')
  await requireOwnAddress(router)
}

/** Waits for the one also where the other fails: nobody ends before his helper. Errors: those of either. */
async function both<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return Promise.all([one, other])
}

/** What is done while a helper takes the lock. */
async function meanwhile() {
  const { lookAround, readSlots, refuseIfOver } = await import('./held-ground.ts')
  return { surroundings: lookAround(), readSlots, refuseIfOver }
}

/** The app as its files describe it; who only goes on with what runs has it as they were when they were last taken in. */
async function appFor(flags: Flags, isRevival: boolean): Promise<{ app: App; flags: Flags }> {
  if (!isRevival) return appToStart(flags)
  const { rememberedApp } = await import('../runtime/remembered-app.ts')
  return { app: rememberedApp(flags, process.env) ?? loadApp(flags, process.env, limitedTypes(flags)), flags }
}

/** The app for a start, with the options of an interrupted formation, which it carries on, where nothing else is typed. */
export async function appToStart(flags: Flags): Promise<{ app: App; flags: Flags }> {
  let app: App | undefined
  let refusal: unknown
  try {
    app = loadApp(flags, process.env)
  } catch (error) {
    // What goes on may have another Procfile than the one that is looked for.
    refusal = error
  }
  const carried = await carriedOn(textOf(sessionOf(app, flags)), flags)
  if (carried !== undefined) {
    const going = flags.max === undefined ? withoutFormerLimits(carried) : carried
    return { app: loadApp(going, process.env), flags: going }
  }
  if (app === undefined) throw refusal
  return { app, flags }
}

/** What has left the Procfile has no limit any more, and nobody typed the one that it had. */
function withoutFormerLimits(flags: Flags): Flags {
  const former = limitedTypes(flags)
  if (former.length === 0) return flags
  const { types } = loadApp(flags, process.env, former)
  return withLimitsOf(
    types.map(({ name }) => name),
    flags,
  )
}

function sessionOf(app: App | undefined, flags: Flags): string {
  if (app !== undefined) return locateStateDir(app.root, app.stateDir).session
  try {
    return stateHere(flags).state.session
  } catch {
    // What is wrong is known, and said.
    return ''
  }
}

async function carriedOn(text: string, flags: Flags): Promise<Flags | undefined> {
  // Nearly always, and then nothing of it has to be understood.
  if (text === '' || text.includes('"over":true')) return undefined
  const { flagsToCarryOn } = await import('./interrupted.ts')
  return flagsToCarryOn(text, flags)
}

/** `--release` runs the stages that the Procfile has before the formation. */
export function stagesOf({ settings, types }: App): Stage[] {
  const has = (stage: string): boolean => types.some(({ name }) => name === stage)
  const before = (['build', 'release'] as const).filter((stage) => settings.release && has(stage))
  return [...before, 'formation']
}

/** The same options without anything that depends on the current folder. */
export function lastingFlags(flags: Flags, { root, procfile, envFiles, stateDir }: App): Flags {
  const named = envFiles.filter(({ required }) => required).map(({ path }) => path)
  return {
    ...flags,
    root,
    procfile,
    ...(named.length === 0 ? {} : { env: named }),
    ...(stateDir === undefined ? {} : { stateDir }),
  }
}
