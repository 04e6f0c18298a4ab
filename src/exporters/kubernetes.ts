import { resourcePart } from './container.ts'
import { madeBy } from './input.ts'
import type { ExportInput, ExportedFile, Rendering } from './input.ts'
import { appObjects, deploymentName, environmentObject, jobObject } from './kubernetes-objects.ts'
import { makesOnKubernetes } from './kubernetes-probes.ts'
import { lostRules } from './lost-rules.ts'
import { STOP_SIGNAL } from '../core/rules-of.ts'
import { toYaml } from './yaml.ts'

/** The environment as a Secret, a Job for the release, and the app: a Deployment a type, a Service for web. */
export function kubernetes(given: ExportInput): Rendering {
  const input = { ...given, app: resourcePart(given.app) }
  const head = madeBy('kubernetes', input)
  const file = (path: string, mode: number, value: object): ExportedFile => ({
    path,
    mode,
    text: toYaml(head, value),
  })
  const release = input.stages.find(({ name }) => name === 'release')
  const otherStages = input.stages.filter((stage) => stage !== release)
  const signals = input.types.filter(({ rules }) => rules.stop.signal !== STOP_SIGNAL).map(({ name }) => name)
  const ending = input.types.filter(({ rules }) => rules.mayExit).map(({ name }) => name)
  const created = [
    'kubectl apply --server-side -f environment.yaml',
    ...(release === undefined
      ? []
      : [`kubectl create -f release.yaml # wait for its end: ${waitFor(input)}`]),
    'kubectl apply --server-side -f app.yaml',
  ]
  return {
    files: [
      file('environment.yaml', 0o600, environmentObject(input)),
      ...(release === undefined ? [] : [file('release.yaml', 0o644, jobObject(input, release, {}))]),
      file('app.yaml', 0o644, { apiVersion: 'v1', kind: 'List', items: appObjects(input, {}) }),
    ],
    notes: [
      ...lostRules(
        { ...input, stages: otherStages },
        { name: 'kubernetes', hasImage: true, makes: makesOnKubernetes },
      ),
      ...(ending.length === 0
        ? []
        : [`kubernetes starts again whatever ends, also with success: ${ending.join(', ')}`]),
      ...(signals.length === 0
        ? []
        : [
            `kubernetes stops with SIGTERM; before that a script in the container sends its own signal to ${signals.join(', ')}`,
          ]),
    ],
    next: created.join('\n      '),
  }
}

function waitFor({ app }: ExportInput): string {
  return `kubectl wait --for=condition=complete job/${deploymentName(app, 'release')}-...`
}
