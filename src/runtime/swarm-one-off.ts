import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { decodeTask } from '../core/swarm.ts'
import type { SwarmTask } from '../core/swarm.ts'
import { resourcePart } from '../exporters/container.ts'
import type { ExportInput, ExportStage } from '../exporters/input.ts'
import { oneOffArguments } from '../exporters/swarm-stack.ts'
import { docker, dockerIfThere, inspect, words } from './docker.ts'
import type { LineSink } from './engine.ts'
import { streamLines } from './engine-stream.ts'
import type { Interruption } from './interruption.ts'
import { runThenRemove } from './one-off-removal.ts'

const LOOK_AGAIN_MS = 200
/** ms in which the lines of a process that has ended arrive. */
const LAST_LINES_MS = 300
/** ms for which a cluster may have no place for it. */
const PLACED_WITHIN_MS = 60_000

/**
 * Runs a process once to its end as a job of its own, and removes that. Never waits on an attached command: one that
 * fails would not return. Its exit code; 128 + n if we were sent a signal.
 */
export async function runTask(
  input: ExportInput,
  stage: ExportStage & { readonly firstPort: number },
  secret: string | undefined,
  sink: LineSink,
): Promise<number> {
  const service = `${input.app}_${resourcePart(stage.name)}-${randomBytes(3).toString('hex')}`
  const remove = (): Promise<unknown> => dockerIfThere(['service', 'rm', service])
  const oneOff = { name: `service ${service}`, remove, command: `docker service rm ${service}` }
  return runThenRemove(oneOff, async (interruption) => {
    await docker(oneOffArguments(input, stage, { service, secret }), { limitMs: 60_000 })
    let shown = 0
    const show = (line: Buffer): void => {
      shown += 1
      sink({ process: `${stage.name}.1`, time: Date.now(), text: line })
    }
    const follow = streamLines('docker', ['service', 'logs', '--follow', '--raw', service], show, () => {})
    try {
      const code = await untilOver(service, interruption)
      await sleep(LAST_LINES_MS)
      await follow.end()
      if (code.isOver) await showRest(service, shown, sink)
      return code.code
    } finally {
      await follow.end()
    }
  })
}

async function untilOver(
  service: string,
  interruption: Interruption,
): Promise<{ readonly code: number; readonly isOver: boolean }> {
  const until = performance.now() + PLACED_WITHIN_MS
  for (;;) {
    if (interruption.code !== undefined) return { code: interruption.code, isOver: false }
    const ids = words((await dockerIfThere(['service', 'ps', '--quiet', '--no-trunc', service])) ?? '')
    const [task] = (await inspect('task', ids)).map(decodeTask)
    const code = task === undefined ? undefined : codeOf(task)
    if (code !== undefined) return { code, isOver: true }
    if (task?.state === 'pending' && performance.now() > until) {
      throw new TwRunError(`no node of the swarm takes it: ${task.error}`, {
        exitCode: 1,
        hint: 'see them with: docker node ls',
      })
    }
    await sleep(LOOK_AGAIN_MS)
  }
}

/** Undefined while it runs. Errors: TwRunError 1 if it could never begin. */
function codeOf({ state, exitCode, error }: SwarmTask): number | undefined {
  if (state === 'complete') return 0
  if (state === 'failed' && exitCode > 0) return exitCode
  if (['failed', 'rejected', 'orphaned', 'shutdown', 'remove'].includes(state)) {
    throw new TwRunError(`it could not run: ${error}`, { exitCode: 1, hint: 'is the image on every node?' })
  }
  return undefined
}

/** Following may end before the last lines have come: what is missing is read again. */
async function showRest(service: string, shown: number, sink: LineSink): Promise<void> {
  let count = 0
  const all = streamLines(
    'docker',
    ['service', 'logs', '--raw', service],
    (text) => {
      count += 1
      if (count > shown) sink({ process: '', time: Date.now(), text })
    },
    () => {},
  )
  await all.ended
}
