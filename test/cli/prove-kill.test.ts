import { createServer } from 'node:http'
import { expect, vi } from 'vitest'
import { found, leftOf, plantedApp, prove } from '../support/prove.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux')
vi.setConfig({ testTimeout: 90_000 })

const ASK = {
  'ask.js':
    `for (let request = 0; request < 12; request += 1) {\n` +
    `  const { status } = await fetch(process.env.BASE_URL)\n` +
    '  if (status >= 500) throw new Error(`status ${status}`)\n}\n',
}

test('a request that takes a while is answered before its process is killed', async () => {
  const app = plantedApp('web: node slow.js 300\n', ASK)
  const result = await prove(app, ['--kill', '--', 'node', 'ask.js'])
  expect({ code: result.code, found: found(result) }, result.stdout).toEqual({ code: 0, found: [] })
  expect(new Set(result.report?.proof.order)).toEqual(new Set(['web.1', 'web.2']))
  expect(leftOf(app)).toEqual([])
})

test.for([
  { how: 'told to stop', args: [], code: 0, findings: [] },
  { how: 'killed', args: ['--kill'], code: 3, findings: ['tests tests'] },
])('work that goes on after its answer, of who is $how', async ({ args, code, findings }) => {
  const kept = new Set<string | undefined>()
  const store = createServer(({ method, url }, response) => {
    if (method === 'PUT') kept.add(url)
    response.writeHead(kept.has(url) ? 200 : 404).end()
  })
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve))
  try {
    const app = plantedApp('web: node later.js\n')
    const { port } = store.address() as { port: number }
    const env = { STORE_URL: `http://127.0.0.1:${port}` }
    const result = await prove(app, [...args, '--', 'node', 'hand-in.js'], env)
    const seen = { code: result.code, found: found(result) }
    expect(seen, result.stdout + result.stderr).toEqual({ code, found: findings })
  } finally {
    store.close()
    store.closeAllConnections()
  }
})
