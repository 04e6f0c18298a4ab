import { afterAll, expect, test } from 'vitest'
import { clusterApp, interruptAt } from '../support/kubernetes.ts'
import { liveApp } from '../support/live.ts'

const app = clusterApp({ Procfile: 'web: node web.js\n' })
afterAll(() => app.cleanup())

const SWARM = JSON.stringify({ Swarm: { LocalNodeState: 'active', Cluster: { ID: 'a-swarm' } } })

test('a one-off process whose creation is interrupted is removed, as it may be there', async () => {
  app.answer(
    { match: '^info ', replies: [{ stdout: SWARM }] },
    { match: '^secret (ls|create) ', replies: [{ stdout: '' }] },
    { match: '^service create ', replies: [{ hangs: true }] },
    { match: '^service rm ', replies: [{ code: 1, stderr: 'Error: No such service: app_run\n' }] },
  )
  const by = liveApp({})
  const args = ['run', '--engine', 'swarm', '--image', 'app:1', '-d', app.root, 'true']
  const run = by.startBy([process.execPath], args, app.env)
  await interruptAt(/service create /, app, by, run)
  expect([await run.ended, run.output()]).toEqual([130, ''])
  const [created, removed] = app.calls().slice(-2)
  const name = created?.args[(created?.args.indexOf('--name') ?? 0) + 1]
  expect(name).toMatch(/^app_run-[0-9a-f]{6}$/)
  expect(removed?.args).toEqual(['service', 'rm', name])
})
