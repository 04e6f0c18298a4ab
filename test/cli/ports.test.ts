import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { portAt } from '../support/ports.ts'
import { makeApp } from '../support/rig.ts'

const app = makeApp({ Procfile: 'web: a\nrelease: m\nworker: b\n' })
afterAll(() => app.cleanup())

test('every process of the formation is listed with its port', async () => {
  const { code, stdout } = await app.cli(['ports', '-m', 'web=2', '-p', String(portAt(0))])
  expect(code).toBe(0)
  expect(stdout).toBe(
    `web.1     ${portAt(0)}  free\nweb.2     ${portAt(1)}  free\nworker.1  ${portAt(200)}  free\n`,
  )
})

test('a port that is taken is listed with its holder', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const text = await app.cli(['ports', 'web', '-p', String(port)])
  const json = await app.cli(['ports', 'web', '--json'], { PORT: String(port) })
  server.close()
  expect(text.stdout).toMatch(new RegExp(`^web\\.1 {2}${port} {2}held by .* \\(pid ${process.pid}\\)\n$`))
  expect(JSON.parse(json.stdout)).toMatchObject([
    { process: 'web.1', type: 'web', instance: 1, port, holders: [{ pid: process.pid }] },
  ])
})

test('a formation without processes has no ports', async () => {
  const { code, stderr } = await app.cli(['ports', '-m', 'all=0'])
  expect([code, stderr]).toEqual([
    2,
    'tw-run: nothing to run: the formation has no process\n  hint: give it one: --formation web=1\n',
  ])
})
