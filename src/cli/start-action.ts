import type { Flags } from '../core/settings.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { requireLastingFiles } from '../runtime/lasting-files.ts'
import { takeGround } from './formation.ts'

/** Runs the formation in the foreground to its end, which `begins` when nothing refuses it; the exit code of the run. */
export async function start(types: readonly string[], flags: Flags, begins: () => void): Promise<number> {
  requireLastingFiles(flags, process.env)
  closeInheritedDescriptors()
  // What supervises is loaded while a helper takes the lock.
  const [ground, { runInForeground }] = await Promise.all([
    takeGround({ ...flags, types }),
    import('./foreground.ts'),
  ])
  if (ground.stages.length > 1) (await import('./late-stages.ts')).refuseLateStages(ground, flags)
  begins()
  return runInForeground(ground)
}
