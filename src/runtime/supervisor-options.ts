import type { JournalEvent } from '../core/journal.ts'
import type { Asked, Place } from '../core/session.ts'
import type { Definition } from './definition.ts'
import type { Lock } from './lock.ts'
import type { Slots } from './slots.ts'
import type { StateDir } from './state-dir.ts'
import type { Surroundings } from './surroundings.ts'

export interface SupervisorOptions {
  readonly state: StateDir
  readonly lock: Lock
  /** Loaded from the state directory. */
  readonly slots: Slots
  readonly place: Place
  readonly surroundings: Surroundings
  readonly asked: Asked
  readonly definition: Definition
  readonly journal: (event: JournalEvent) => void
}
