import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

// tw-run with says where the app is. All of it is ready now: nothing here has to try again until it is.
const { TW_RUN_URL = 'http://127.0.0.1:5100' } = process.env

const done = async () => Number(await (await fetch(TW_RUN_URL)).text())

const before = await done()
for (let job = 0; job < 3; job += 1) {
  assert.equal((await fetch(TW_RUN_URL, { method: 'POST' })).status, 202)
}
const until = Date.now() + 10_000
while ((await done()) < before + 3) {
  assert.ok(Date.now() < until, 'the jobs were not done within 10 s')
  await pause(20)
}
console.log('3 jobs were asked for and done')
