import type { Flags } from '../core/settings.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { requireLastingFiles } from '../runtime/lasting-files.ts'
import { takeGround } from './formation.ts'

/** Runs the formation in the foreground to its end, which `begins` when nothing refuses it; the exit code of the run. */
export async function start(types: readonly string[], flags: Flags, begins: () => void): Promise<number> {
  requireLastingFiles(flags, process.env)
  closeInheritedDescriptors()
  const ground = await takeGround({ ...flags, types })
  if (ground.stages.length > 1) (await import('./late-stages.ts')).refuseLateStages(ground, flags)
  begins()
  // It has come with what is loaded while a helper takes the lock: before, the lock would wait for it.
  const { runInForeground } = await import('./foreground.ts')
  return runInForeground(ground)
}
