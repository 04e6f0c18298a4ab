import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { listAt, textAt } from '../core/json.ts'
import { decodePod, podReason } from '../core/kubernetes.ts'
import type { Pod } from '../core/kubernetes.ts'
import {
  COMPONENT_LABEL,
  CONTAINER,
  deploymentName,
  JOB_LABEL,
  jobObject,
} from '../exporters/kubernetes-objects.ts'
import type { ExportInput, ExportStage } from '../exporters/input.ts'
import type { LineSink } from './engine.ts'
import { streamLines } from './engine-stream.ts'
import type { Stream } from './engine-stream.ts'
import type { Interruption } from './interruption.ts'
import { kubectl, kubectlJson, placeOptions, printedJson, tryKubectl } from './kubectl.ts'
import type { Where } from './kubectl.ts'
import { runThenRemove } from './one-off-removal.ts'

const LOOK_AGAIN_MS = 1_000
/** ms until a pod that has no node, no image or no permission to be is given up. */
const BEGINS_WITHIN_MS = 60_000
/** ms in which the lines of a process that has ended arrive. */
const LAST_LINES_MS = 10_000
const NEVER = /ImagePullBackOff|ErrImageNeverPull|InvalidImageName|CreateContainer|RunContainer/

export interface JobOptions {
  readonly readOnly?: boolean
  readonly manager: string
}

/**
 * Runs a process once to its end as a Job, and removes that. Its exit code; 128 + n if we were sent a signal.
 * Errors: TwRunError 1 if it cannot begin, in the cluster's own words.
 */
export async function runJob(
  where: Where,
  input: ExportInput,
  stage: ExportStage & { readonly firstPort: number },
  { sink, manager, readOnly }: JobOptions & { readonly sink: LineSink },
): Promise<number> {
  const name = `${deploymentName(input.app, stage.name)}-${randomBytes(3).toString('hex')}`
  const job = jobObject(input, stage, { name, readOnly: readOnly === true })
  const removal = ['delete', 'job', name, '--ignore-not-found', '--wait=false', '--cascade=background']
  const oneOff = {
    name: `job ${name}`,
    remove: (): Promise<unknown> => kubectl(where, removal),
    command: ['kubectl', ...placeOptions(where), 'delete', 'job', name].join(' '),
  }
  return runThenRemove(oneOff, async (interruption) => {
    await kubectl(where, ['apply', '--server-side', `--field-manager=${manager}`, '--filename=-'], {
      input: JSON.stringify(job),
    })
    let stream: Stream | undefined
    const follow = (pod: Pod): void => {
      if (pod.state === 'waiting' || pod.state === 'none') return
      const args = [...placeOptions(where), 'logs', '--follow', pod.name, '--container', CONTAINER]
      stream ??= streamLines(
        'kubectl',
        args,
        (text) => void sink({ process: `${stage.name}.1`, time: Date.now(), text }),
        () => {},
      )
    }
    try {
      const code = await untilOver(where, name, { interruption, follow })
      // It ends by itself, after its last line.
      await Promise.race([stream?.ended, sleep(LAST_LINES_MS, undefined, { ref: false })])
      return code
    } finally {
      await stream?.end()
    }
  })
}

interface Following {
  readonly interruption: Interruption
  readonly follow: (pod: Pod) => void
}

async function untilOver(where: Where, name: string, { interruption, follow }: Following): Promise<number> {
  const until = performance.now() + BEGINS_WITHIN_MS
  for (;;) {
    if (interruption.code !== undefined) return interruption.code
    const args = ['get', 'jobs.batch,pods', `--selector=${JOB_LABEL}=${name}`, '--output=json']
    const list = await kubectlJson(where, args)
    const items = listAt(list, 'items')
    const job = items.find((item) => textAt(item, 'kind') === 'Job')
    const [pod] = items
      .filter((item) => textAt(item, 'kind') === 'Pod')
      .map((item) => decodePod(item, { component: COMPONENT_LABEL }))
    if (pod !== undefined) follow(pod)
    const code = codeOf(pod, listAt(job, 'status', 'conditions'))
    if (code !== undefined) return code
    const reason = pod === undefined ? await whyNoPod(where, name) : podReason(pod)
    const isLate = performance.now() > until && pod?.state !== 'running'
    if (NEVER.test(reason) || isLate) throw neverBegan(reason)
    await sleep(LOOK_AGAIN_MS)
  }
}

/** Undefined while it runs. Errors: TwRunError 1 if it was ended from outside. */
function codeOf(pod: Pod | undefined, conditions: readonly unknown[]): number | undefined {
  if (pod?.exitCode !== undefined && pod.state === 'terminated') return pod.exitCode
  const failed = conditions.find(
    (one) => textAt(one, 'type') === 'Failed' && textAt(one, 'status') === 'True',
  )
  if (failed === undefined) return undefined
  throw new TwRunError(`it was ended: ${textAt(failed, 'reason')}: ${textAt(failed, 'message')}`, {
    exitCode: 1,
  })
}

/** A Job says in its events alone why it could make no pod, such as for a quota. */
async function whyNoPod(where: Where, name: string): Promise<string> {
  const selector = `--field-selector=involvedObject.kind=Job,involvedObject.name=${name},type=Warning`
  const args = ['get', 'events', selector, '--output=json']
  const called = await tryKubectl(where, args)
  if (called.code !== 0) return ''
  const event = listAt(printedJson(where, args, called.stdout), 'items').at(-1)
  return event === undefined ? '' : `${textAt(event, 'reason')}: ${textAt(event, 'message')}`
}

function neverBegan(reason: string): TwRunError {
  return new TwRunError(`it could not begin: ${reason === '' ? 'its pod is not there yet' : reason}`, {
    exitCode: 1,
    hint: 'see what the cluster says: kubectl get events',
  })
}
