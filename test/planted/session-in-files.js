import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cookieOf, serve } from './serve.js'

mkdirSync('sessions', { recursive: true })

serve((request) => {
  const known = `sessions/${cookieOf(request, 'sid')}.json`
  if (existsSync(known)) return { text: readFileSync(known, 'utf8') }
  if (request.url !== '/login') return { status: 302, headers: { location: '/login' } }
  const sid = randomUUID()
  writeFileSync(`sessions/${sid}.json`, '{"user":"ann"}')
  return { headers: { 'set-cookie': `sid=${sid}` } }
})
