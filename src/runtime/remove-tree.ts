import { rm, rmdir } from 'node:fs'
import { promisify } from 'node:util'
import { failedWith } from './system-error.ts'

/**
 * Removes a scratch directory, or what else has this name, if it is there. Most are empty, which is found out by removing
 * one: what removes trees takes Node 2 ms to load. Errors: those of rm.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await promisify(rmdir)(path)
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) await promisify(rm)(path, { recursive: true, force: true })
  }
}
