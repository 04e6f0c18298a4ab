import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import test from 'node:test'

/** Where the app is: what `tw-run prove` says, else the first process of `tw-run start`. */
const BASE = process.env.TW_RUN_URL ?? process.env.BASE_URL ?? 'http://127.0.0.1:5000'
const LARGEST = Number(process.env.MAX_UPLOAD_BYTES ?? 8 * 1024 * 1024)

await test('what is sent comes back, byte by byte, as often as it is asked for', async () => {
  for (const size of [1, 100_000, 3_000_000]) {
    const name = `${randomUUID()}.png`
    const sent = randomBytes(size)
    const sha256 = createHash('sha256').update(sent).digest('hex')
    assert.deepEqual(await put(name, sent), { status: 201, answer: { name, bytes: size, sha256 } })
    for (const _ of Array(3)) {
      const { status, type, body } = await get(name)
      assert.deepEqual([status, type, body.equals(sent)], [200, 'image/png', true])
    }
  }
})

await test('what comes last stays', async () => {
  const name = `${randomUUID()}.txt`
  await put(name, Buffer.from('the first'))
  await put(name, Buffer.from('the second'))
  assert.equal((await get(name)).body.toString(), 'the second')
})

await test('ten uploads at once are ten uploads', async () => {
  const uploads = Array.from({ length: 10 }, () => ({
    name: `${randomUUID()}.pdf`,
    sent: randomBytes(50_000),
  }))
  await Promise.all(uploads.map(({ name, sent }) => put(name, sent)))
  for (const { name, sent } of uploads) assert.ok((await get(name)).body.equals(sent))
})

await test('what is too large is refused, and nothing of it is kept', async () => {
  const name = `${randomUUID()}.jpg`
  assert.equal((await put(name, randomBytes(LARGEST + 1))).status, 413)
  assert.equal((await get(name)).status, 404)
})

async function put(name, body) {
  const response = await fetch(`${BASE}/uploads/${name}`, { method: 'PUT', body })
  const text = await response.text()
  return { status: response.status, answer: response.status === 201 ? JSON.parse(text) : text }
}

async function get(name) {
  const response = await fetch(`${BASE}/uploads/${name}`)
  const body = Buffer.from(await response.arrayBuffer())
  return { status: response.status, type: response.headers.get('content-type'), body }
}
