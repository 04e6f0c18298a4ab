import type { Run } from '../../src/core/process.ts'

/** A run that is up and of which nothing else is known; times are in ms since boot, but what is called wall. */
export function runOf(change: Partial<Run> = {}): Run {
  return {
    id: 'web.1',
    number: 1,
    generation: 1,
    session: 'this',
    command: 'x',
    port: 5000,
    token: '00000000000000aa',
    scratch: '/tmp/tw-run-00000000000000aa',
    startedAt: 1_000,
    startedWall: 1_700_000_000_000,
    life: 'alive',
    pid: 100,
    exit: undefined,
    endedAt: undefined,
    stop: undefined,
    isProbed: false,
    health: {},
    drained: false,
    told: false,
    killedAt: undefined,
    leftovers: undefined,
    leftoversKillAt: undefined,
    done: false,
    ...change,
  }
}
