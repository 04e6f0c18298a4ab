import { Acquaintances } from './acquaintances.ts'
import { Ballast, descriptorCeiling } from './descriptors.ts'
import { beginThreads } from './process-room.ts'

/** What a supervisor has of the machine before it starts anything. */
export interface Surroundings {
  readonly acquaintances: Acquaintances
  readonly ballast: Ballast
  /** As of `descriptorCeiling`. */
  readonly ceiling: number
  /** Whether this process also shows what its processes say. */
  readonly shows?: boolean
}

/** Needs no lock: done while a helper takes that. */
export function lookAround(): Surroundings {
  beginThreads()
  return { acquaintances: new Acquaintances(), ballast: new Ballast(), ceiling: descriptorCeiling() }
}
