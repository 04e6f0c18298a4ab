import fc from 'fast-check'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Job } from 'kubernetes-models/batch/v1'
import { Secret, Service } from 'kubernetes-models/v1'
import { describe, expect, test } from 'vitest'
import { resourcePart } from '../../src/exporters/container.ts'
import type { ExportInput } from '../../src/exporters/input.ts'
import { appObjects, environmentObject, jobObject } from '../../src/exporters/kubernetes-objects.ts'
import { SAMPLE } from '../support/export-sample.ts'

const KINDS = { Deployment, Job, Secret, Service }

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** What the published OpenAPI schemas have against an object; what is no field at all, the compiler finds. */
function faultOf(object: { readonly kind: string; readonly metadata?: { readonly name?: string } }): string {
  const Kind = KINDS[object.kind as keyof typeof KINDS]
  try {
    new Kind(object as never).validate()
  } catch (error) {
    return String(error)
  }
  const { name = 'made-by-the-server' } = object.metadata ?? {}
  return NAME.test(name) ? '' : `"${name}" is no name`
}

const allOf = (input: ExportInput) => [
  environmentObject(input),
  ...appObjects(input, { readOnly: true, environment: '4711' }),
  ...input.stages.map((stage) => jobObject(input, stage, {})),
]

describe('the published schemas of Kubernetes', () => {
  test('have nothing against the sample app', () => {
    expect(allOf(SAMPLE).map(faultOf).join('')).toBe('')
  })

  test('find a wrong object', () => {
    const [, deployment] = allOf(SAMPLE)
    expect(faultOf({ ...deployment, spec: { replicas: 'two' } } as never)).toMatch(/replicas must be integer/)
  })

  test('have nothing against any names, commands, counts and values', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,63}$/)
    fc.assert(
      fc.property(name, name, fc.string({ unit: 'grapheme' }), fc.nat(9_999), (app, type, text, count) => {
        const [sample] = SAMPLE.types
        const types = [{ ...sample!, name: type, command: `echo ${text}`, count }]
        const input = { ...SAMPLE, app: resourcePart(app), types, environment: { KEY: text } }
        const objects = allOf(input)
        expect(objects.map(faultOf).join('')).toBe('')
        const { data } = objects[0] as { data: Record<string, string> }
        expect(Buffer.from(data['KEY'] ?? '', 'base64').toString()).toBe(Buffer.from(text).toString())
      }),
      { numRuns: 60 },
    )
  })
})

/** What the kubelet makes of a command before it runs it: `$(NAME)` is a variable, and two `$` are one. */
function expanded(text: string): string {
  return text.replaceAll(/\$\$|\$\([^)]*\)/g, (found) => (found === '$$' ? '$' : ''))
}

test('a command arrives as it is written', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[$()A-Z'"\\ ]{1,20}$/), (text) => {
      const types = [{ ...SAMPLE.types[0]!, command: `: ${text}` }]
      const deployment = appObjects({ ...SAMPLE, types }, {}).find((one) => one.kind === 'Deployment')
      expect(expanded(deployment?.spec?.template.spec?.containers[0]?.command?.[2] ?? '')).toBe(`: ${text}`)
    }),
  )
})

test('two names never become one', () => {
  const names = [
    'web',
    'Web',
    'WEB',
    'web-',
    '-web',
    'web_',
    'w-e-b',
    'w_e_b',
    'w--e-b',
    `${'a'.repeat(40)}1`,
    `${'a'.repeat(40)}2`,
    '-',
    '_',
  ]
  expect(new Set(names.map(resourcePart))).toHaveLength(names.length)
  expect(resourcePart('web')).toBe('web')
})
