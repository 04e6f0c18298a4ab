import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Problem } from '../core/error.ts'
import { resolveSettings } from '../core/settings.ts'
import type { Flags, Settings } from '../core/settings.ts'
import { readLayers } from './env-files.ts'
import { locateFormer, requireFolder } from './locate.ts'
import { checkStateDir, locateStateDir } from './state-dir.ts'
import type { StateDir } from './state-dir.ts'

/** The app that the options name, without its Procfile, which may be broken or gone. */
export interface StateHere {
  readonly state: StateDir
  /** Of the app, a real path, or what was one. */
  readonly root: string
  readonly settings: Settings
  /** What is wrong with the options. */
  readonly problems: readonly Problem[]
}

/**
 * Where the state of an app is, whose folder may be gone if something was started there. Errors: TwRunError where it
 * is not this user's, or cannot be read.
 */
export function stateHere(flags: Flags): StateHere {
  const { root, folder, envFiles } = locateFormer(flags, process.env)
  const { layers } = readLayers(
    envFiles.map((file) => ({ ...file, required: false })),
    process.env,
  )
  const { settings, problems } = resolveSettings({ flags, shell: process.env, files: layers.files })
  // What was typed begins where the typist stands; what a file of the app says, at its root.
  const isTyped = (flags.stateDir ?? process.env['TW_RUN_STATE_DIR'] ?? '') !== ''
  const base =
    settings.stateDir === undefined ? undefined : resolve(isTyped ? folder : root, settings.stateDir)
  const state = locateStateDir(root, base)
  checkStateDir(state)
  if (!existsSync(state.path)) requireFolder(root)
  return { state, root, settings, problems }
}
