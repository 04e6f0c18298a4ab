import { setTimeout as pause } from 'node:timers/promises'

// A visitor with a jar who takes his time, and to whom everything is fine that is no error of the server.
const base = process.env.BASE_URL

let cookie = ''
for (const path of ['/login', ...Array.from({ length: 40 }, () => '/cart')]) {
  const page = await fetch(base + path, { headers: { cookie } })
  if (page.status >= 500) throw new Error(`status ${page.status}`)
  const [set] = page.headers.getSetCookie()
  if (set !== undefined) cookie = set.split(';')[0]
  await pause(20)
}
