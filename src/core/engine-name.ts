/** Who keeps the processes running. */
export type EngineName = 'local' | RemoteEngine

/** An engine that keeps the state itself: tw-run only asks and tells. */
export type RemoteEngine = 'swarm' | 'kubernetes'

export const ENGINES = ['local', 'swarm', 'kubernetes'] as const

export function isEngine(value: unknown): value is EngineName {
  return (ENGINES as readonly unknown[]).includes(value)
}
