import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { expect } from 'vitest'
import { done, pids } from '../support/control.ts'
import {
  eventually,
  exampleApp,
  filesOf,
  passWhileReplaced,
  REPLACED,
  runItsTests,
} from '../support/example.ts'
import { listening, startExample, startService, stopExample } from '../support/example.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux', 'redis-server')
const FIXED = ['-f', 'Procfile.fixed']
const ITS_TESTS = ['node', 'test.js'] as const

test('examples/uploads leaves uploads in its folder', async () => {
  const web = await startExample(exampleApp('uploads'), { port: portAt(60), webs: 3, router: true })
  const before = filesOf(web.app)
  const { code, output } = await runItsTests(web.app, ITS_TESTS, web.url)
  expect(code, output).toBe(0)
  await stopExample(web)
  const added = Object.keys(filesOf(web.app)).filter((path) => before[path] === undefined)
  expect(added).toHaveLength(14)
  for (const path of added) expect(path).toMatch(/^uploads\/[\w-]{36}\.(png|txt|pdf)$/)
})

test(
  'examples/uploads as it should be leaves nothing, in its folder or its scratch directories',
  { timeout: 60_000 },
  async () => {
    const service = await startService('redis', portAt(89))
    const env = { REDIS_URL: `redis://127.0.0.1:${portAt(89)}` }
    const args = [...FIXED, ...REPLACED]
    const web = await startExample(exampleApp('uploads'), {
      port: portAt(70),
      webs: 3,
      router: true,
      args,
      env,
    })
    const before = filesOf(web.app)
    await passWhileReplaced(web, ITS_TESTS)
    const scratch = web.app.path('../tmp')
    // One that goes while it is read had nothing in it that is left.
    const left = readdirSync(scratch, { recursive: true, encoding: 'utf8' })
    expect(left.filter((path) => /^tw-run-[0-9a-f]{16}\/./.test(path))).toEqual([])
    await stopExample(web)
    expect(filesOf(web.app)).toEqual(before)
    await stopExample(service)
  },
)

test.for([
  { variant: 'Procfile', port: portAt(90), known: 404 },
  { variant: 'Procfile.fixed', port: portAt(120), known: 200 },
])('what one machine got, another one answers with $known ($variant)', async ({ variant, port, known }) => {
  const service = await startService('redis', port + 29)
  const env = { REDIS_URL: `redis://127.0.0.1:${port + 29}` }
  const start = (at: number): ReturnType<typeof startExample> =>
    startExample(exampleApp('uploads'), { port: at, webs: 1, args: ['-f', variant], env })
  const [here, there] = [await start(port), await start(port + 1)]
  expect((await put(port, 'note.txt', 'buy tea')).status).toBe(201)
  expect((await fetch(`http://127.0.0.1:${port}/uploads/note.txt`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${port + 1}/uploads/note.txt`)).status).toBe(known)
  for (const one of [here, there, service]) await stopExample(one)
})

test('an upload in flight at SIGTERM is finished', async () => {
  const service = await startService('redis', portAt(159))
  const env = { REDIS_URL: `redis://127.0.0.1:${portAt(159)}` }
  const args = [...FIXED, '--restart', 'always']
  const web = await startExample(exampleApp('uploads'), { port: portAt(150), webs: 1, args, env })
  const body = randomBytes(100_000)
  const upload = slowPut(portAt(150), 'slow.png')
  upload.write(body.subarray(0, 50_000))
  await web.run.waitFor(/PUT \/uploads\/slow\.png/)
  const before = pids(web.app)['web.1']
  const restarted = done(web.app, 'restart', 'web.1', '--wait')
  await eventually(() => expect(fetch(`http://127.0.0.1:${portAt(150)}`)).rejects.toThrow('fetch failed'))
  upload.write(body.subarray(50_000))
  expect(await upload.end()).toBe(201)
  await restarted
  await listening(portAt(150), web.run)
  expect(pids(web.app)['web.1']).not.toBe(before)
  const response = await fetch(`http://127.0.0.1:${portAt(150)}/uploads/slow.png`)
  expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true)
  await stopExample(web)
  await stopExample(service)
})

test('what is no upload is refused', async () => {
  const web = await startExample(exampleApp('uploads'), { port: portAt(100), webs: 1 })
  for (const name of ['.hidden.txt', 'a%2fb.txt', 'page.html', 'noend', `${'a'.repeat(101)}.txt`])
    expect((await put(portAt(100), name, 'x')).status, name).toBe(404)
  expect((await put(portAt(100), '..%2f..%2fup.txt', 'x')).status).toBe(404)
  const removal = await fetch(`http://127.0.0.1:${portAt(100)}/uploads/a.txt`, { method: 'DELETE' })
  expect(removal.status).toBe(405)
  await stopExample(web)
})

async function put(port: number, name: string, body: string): Promise<Response> {
  return await fetch(`http://127.0.0.1:${port}/uploads/${name}`, { method: 'PUT', body })
}

/** An upload that comes in pieces; its end gives the status of the answer. */
function slowPut(port: number, name: string): { write(chunk: Buffer): void; end(): Promise<number> } {
  const upload = request({ host: '127.0.0.1', port, method: 'PUT', path: `/uploads/${name}` })
  const status = new Promise<number>((resolve, reject) => {
    upload.on('response', (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject)
  })
  return {
    write: (chunk) => void upload.write(chunk),
    end: async () => {
      upload.end()
      return await status
    },
  }
}
