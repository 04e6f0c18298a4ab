import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect } from 'vitest'
import { portAt, portsToChooseFrom } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { PROCFILE, runWith, webApp } from '../support/with.ts'

const test = requires('linux')

function isToChoose(port: number): boolean {
  const [first = 0, last = 0] = portsToChooseFrom().split('-').map(Number)
  return port >= first && port <= last
}

test(
  'twenty at once in one folder with ports of their own: all pass, no two at one port',
  { timeout: 120_000 },
  async () => {
    const app = webApp({ Procfile: `${PROCFILE}worker: exec sleep 1000\n` })
    const work =
      'const url = process.env.TW_RUN_URL; fetch(url).then((a) => a.text()).then((text) => console.log(url, text))'
    // A page for each: where there are hardly more than it takes, two in a row may be hard to find.
    const alone = ['--port', 'auto', '--port-step', '5']
    const runs = await Promise.all(
      [...Array(20).keys()].map(async () => await runWith(app, [...alone, '--', 'node', '-e', work])),
    )
    expect(runs.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(Array(20).fill(0))
    const taken = runs.map(({ stdout }) => /^http:\/\/127\.0\.0\.1:(\d+) hello\n$/.exec(stdout)?.[1])
    expect(new Set(taken)).toHaveLength(20)
    for (const port of taken) expect(isToChoose(Number(port)), port).toBe(true)
    expect(app.survivors()).toEqual([])
    const own = `${app.state()}/with`
    expect(existsSync(own) ? readdirSync(own) : []).toEqual([])
  },
)

test.for([
  ['a command that ends with 3', ['--', 'sh', '-c', 'exit 3']],
  ['a budget that is not kept', ['--ready-within', '1ms', '--', 'true']],
] as const)('%s leaves no state of its own behind', async ([, args]) => {
  const app = webApp()
  const { code, stderr } = await runWith(app, ['--port', 'auto', ...args])
  expect(code, stderr).toBe(3)
  expect(readdirSync(`${app.state()}/with`)).toEqual([])
})

test('many of a type fit, and the router has a port of its own, which is the address', async () => {
  const app = webApp({ Procfile: `${PROCFILE}worker: exec sleep 1000\n` })
  const args = ['--port', 'auto', '--router', '--formation', 'web=11,worker=2']
  const show = 'echo "$TW_RUN_URL $TW_RUN_WEB_URL $TW_RUN_WORKER_URL"'
  const { code, stdout, stderr } = await runWith(app, [...args, '--', 'sh', '-c', show])
  expect(code, stderr).toBe(0)
  const [router = 0, web = 0, worker = 0] = [...stdout.matchAll(/:(\d+)/g)].map(([, port]) => Number(port))
  expect(stderr).toContain(`tw-run: ports from ${web}\n`)
  expect([worker - web, router - web]).toEqual([20, 22])
})

test('a port that somebody listens on is passed over, and no room is said', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(portAt(10), '127.0.0.1', resolve))
  const show = ['--port', 'auto', '--', 'sh', '-c', 'echo $PORT']
  const none = await runWith(webApp(), show, { TW_RUN_AUTO_PORTS: `${portAt(10)}-${portAt(19)}` })
  const passed = await runWith(webApp(), show, { TW_RUN_AUTO_PORTS: `${portAt(0)}-${portAt(19)}` })
  server.close()
  expect([none.code, none.stdout]).toEqual([1, ''])
  expect(none.stderr).toMatch(
    new RegExp(
      String.raw`^tw-run: there are no 2 free ports in a row from ${portAt(10)} to ${portAt(19)}\n {2}hint: `,
    ),
  )
  expect([passed.code, passed.stdout]).toEqual([0, `${portAt(0)}\n`])
})

test('TW_RUN_PORT=auto does the same, and a range that is none is refused', async () => {
  const { code, stdout } = await runWith(webApp(), ['--', 'sh', '-c', 'echo $PORT'], { TW_RUN_PORT: 'auto' })
  expect([code, isToChoose(Number(stdout))], stdout).toEqual([0, true])
  const wrong = await runWith(webApp(), ['--port', 'auto', '--', 'true'], { TW_RUN_AUTO_PORTS: '5-1' })
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toContain(
    'TW_RUN_AUTO_PORTS in the shell: "5-1" is not a range of ports such as 20000-31999',
  )
})
