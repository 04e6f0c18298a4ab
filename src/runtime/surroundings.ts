import { Acquaintances } from './acquaintances.ts'
import { Ballast, planDescriptors } from './descriptors.ts'
import type { DescriptorPlan } from './descriptors.ts'
import { beginThreads } from './process-room.ts'

/** What a supervisor has of the machine before it starts anything. */
export interface Surroundings extends DescriptorPlan {
  readonly acquaintances: Acquaintances
  readonly ballast: Ballast
  /** Whether this process also shows what its processes say. */
  readonly shows?: boolean
}

/** Needs no lock: done while a helper takes that. */
export function lookAround(): Surroundings {
  beginThreads()
  return { acquaintances: new Acquaintances(), ballast: new Ballast(), ...planDescriptors() }
}
