import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'
import type { IJob } from 'kubernetes-models/batch/v1/Job'
import type { IContainer } from 'kubernetes-models/v1/Container'
import type { IEnvVar } from 'kubernetes-models/v1/EnvVar'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'
import type { ISecret } from 'kubernetes-models/v1/Secret'
import type { IService } from 'kubernetes-models/v1/Service'
import { TwRunError } from '../core/error.ts'
import { STOP_SIGNAL } from '../core/rules-of.ts'
import { isExclusive, resourcePart, SCRATCH, shellCommand } from './container.ts'
import type { ExportInput, ExportStage, ExportType } from './input.ts'
import { escapeReferences, probes } from './kubernetes-probes.ts'

export const NAME_LABEL = 'app.kubernetes.io/name'
export const MANAGED_LABEL = 'app.kubernetes.io/managed-by'
export const COMPONENT_LABEL = 'app.kubernetes.io/component'
export const MANAGER = 'tw-run'
/** On a Deployment of ours: the name in the Procfile, which a label may not be able to hold. */
export const TYPE_NOTE = 'tw-run/type'
export const PORT_NOTE = 'tw-run/port'
/** The place of the type in the Procfile, from 0. */
export const ORDER_NOTE = 'tw-run/order'
export const MAX_NOTE = 'tw-run/max'
/** On a job and its pod, so that both are found by it: which one it is. */
export const JOB_LABEL = 'tw-run/job'
/** On its pods: which version of the environment they were made with. */
const ENVIRONMENT_NOTE = 'tw-run/environment'

/**
 * s for which a new pod has to stay ready before it counts, so that what crashes in a loop never does: without this
 * and a probe, a roll-out of such pods is called successful.
 */
const MIN_READY_S = 5
/** s until a Deployment that does not get on says so: before a waiting tw-run gives up. */
const PROGRESS_S = 50
/** s that a release may take: Heroku's limit. */
const RELEASE_S = 3_600
/** s until the API server removes a job that nobody removed. */
const KEEP_JOB_S = 3_600

export const CONTAINER = 'process'

export interface KubernetesOptions {
  /** Nothing but TMPDIR can be written to. */
  readonly readOnly?: boolean
  /** Another text makes new pods: the version of the environment on the server. */
  readonly environment?: string
}

type Labels = Readonly<Record<string, string>>

/** What is on everything that tw-run makes for an app. */
export function appLabels(app: string): Labels {
  return { [NAME_LABEL]: app, [MANAGED_LABEL]: MANAGER }
}

function labelsOf(app: string, component: string): Labels {
  return { ...appLabels(app), [COMPONENT_LABEL]: resourcePart(component) }
}

export function deploymentName(app: string, type: string): string {
  return `${app}-${resourcePart(type)}`
}

/** The Secret with the environment of all processes. */
export function environmentName(app: string): string {
  return `${app}-environment`
}

/** The environment as a Secret: only this holds values. */
export function environmentObject({ app, environment }: ExportInput): ISecret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: environmentName(app), labels: appLabels(app) },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, base64(value)])),
  }
}

/** A Deployment for each type, and a Service for web. */
export function appObjects(input: ExportInput, options: KubernetesOptions): (IDeployment | IService)[] {
  return input.types.flatMap((type, order) => [
    deployment(input, type, order, options),
    ...(type.name === 'web' ? [webService(input, type)] : []),
  ])
}

function deployment(
  input: ExportInput,
  type: ExportType,
  order: number,
  options: KubernetesOptions,
): IDeployment {
  const { app } = input
  const { name, count, firstPort, rules } = type
  const labels = labelsOf(app, name)
  const notes = {
    [TYPE_NOTE]: name,
    [PORT_NOTE]: String(firstPort),
    [ORDER_NOTE]: String(order),
    ...(rules.max === undefined ? {} : { [MAX_NOTE]: String(rules.max.count) }),
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: deploymentName(app, name), labels, annotations: notes },
    spec: {
      replicas: count,
      minReadySeconds: MIN_READY_S,
      progressDeadlineSeconds: PROGRESS_S,
      revisionHistoryLimit: 3,
      selector: { matchLabels: { [NAME_LABEL]: app, [COMPONENT_LABEL]: resourcePart(name) } },
      strategy: isExclusive(rules)
        ? { type: 'Recreate' }
        : { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
      template: {
        metadata: {
          labels,
          ...(options.environment === undefined
            ? {}
            : { annotations: { [ENVIRONMENT_NOTE]: options.environment } }),
        },
        spec: {
          ...POD,
          terminationGracePeriodSeconds: Math.max(1, Math.ceil(rules.stop.graceMs / 1000)),
          containers: [
            {
              ...container(input, type.command, options),
              ports: [{ name: 'port', containerPort: firstPort, protocol: 'TCP' }],
              env: environmentOf(String(firstPort), undefined),
              ...probes(type),
              ...stopHook(type),
            },
          ],
        },
      },
    },
  }
}

/** A process that runs once to its end; nobody starts it again. */
export function jobObject(
  input: ExportInput,
  stage: ExportStage & { readonly firstPort?: number },
  place: { readonly name?: string } & KubernetesOptions,
): IJob {
  const { app } = input
  const port = stage.firstPort === undefined || stage.firstPort === 0 ? undefined : String(stage.firstPort)
  const labels = {
    ...labelsOf(app, `${stage.name}-once`),
    ...(place.name === undefined ? {} : { [JOB_LABEL]: place.name }),
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...(place.name === undefined
        ? { generateName: `${deploymentName(app, stage.name)}-` }
        : { name: place.name }),
      labels,
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: RELEASE_S,
      ttlSecondsAfterFinished: KEEP_JOB_S,
      template: {
        metadata: { labels },
        spec: {
          ...POD,
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 5,
          containers: [
            { ...container(input, stage.command, place), env: environmentOf(port, `${stage.name}.1`) },
          ],
        },
      },
    },
  }
}

function webService({ app }: ExportInput, { name, firstPort }: ExportType): IService {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: deploymentName(app, name), labels: labelsOf(app, name) },
    spec: {
      type: 'ClusterIP',
      selector: { [NAME_LABEL]: app, [COMPONENT_LABEL]: resourcePart(name) },
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: firstPort }],
    },
  }
}

const POD: Omit<IPodSpec, 'containers'> = {
  // It has no business with the API server, and finds backing services by its environment alone.
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  volumes: [{ name: 'scratch', emptyDir: {} }],
}

function container(input: ExportInput, command: string, { readOnly }: KubernetesOptions): IContainer {
  if (input.image === undefined) {
    throw new TwRunError('a container needs an image', {
      exitCode: 2,
      hint: 'name the image of the app with --image, such as --image registry/app:42',
    })
  }
  return {
    name: CONTAINER,
    image: input.image,
    imagePullPolicy: 'IfNotPresent',
    command: shellCommand(command).map(escapeReferences),
    ...(Object.keys(input.environment).length === 0
      ? {}
      : { envFrom: [{ secretRef: { name: environmentName(input.app) } }] }),
    securityContext: {
      allowPrivilegeEscalation: false,
      ...(readOnly === true ? { readOnlyRootFilesystem: true } : {}),
    },
    volumeMounts: [{ name: 'scratch', mountPath: SCRATCH }],
  }
}

/** What tw-run injects; a pod knows no number, so that its process is called as the pod is. */
function environmentOf(port: string | undefined, process: string | undefined): IEnvVar[] {
  const own = (fieldPath: string): Omit<IEnvVar, 'name'> => ({ valueFrom: { fieldRef: { fieldPath } } })
  const name = process === undefined ? own('metadata.name') : { value: process }
  return [
    ...(port === undefined ? [] : [{ name: 'PORT', value: port }]),
    { name: 'PS', ...name },
    { name: 'TW_RUN_PROCESS', ...name },
    { name: 'TW_RUN_INSTANCE', ...own('metadata.uid') },
    { name: 'TMPDIR', value: SCRATCH },
  ]
}

/**
 * Kubernetes sends SIGTERM. Another signal is sent before that from inside, where the process is number 1, and
 * what is left of the grace period is waited for.
 */
function stopHook({ rules }: ExportType): Pick<IContainer, 'lifecycle'> {
  const { signal } = rules.stop
  if (signal === STOP_SIGNAL) return {}
  const script = `kill -s ${signal.replace(/^SIG/, '')} 1; while kill -0 1 2>/dev/null; do sleep 1; done`
  return { lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', script] } } } }
}

/** UTF-8 in base64; nothing of Node is here. */
function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}
