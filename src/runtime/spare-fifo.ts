import { renameSync } from 'node:fs'
import { failedWith } from './system-error.ts'

/** Gives one of these FIFOs in a folder the name that it is needed under; whether there was one. Who gets it has it alone. */
export function takeSpare(folder: string, names: string[], path: string): boolean {
  for (;;) {
    const name = names.pop()
    if (name === undefined) return false
    try {
      renameSync(`${folder}/${name}`, path)
      return true
    } catch (error) {
      // Somebody took it or removed it, or its folder.
      if (!failedWith(error, 'ENOENT')) throw error
    }
  }
}
