import { describe, expect, vi } from 'vitest'
import { found, leftOf, plantedApp, prove } from '../support/prove.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux')
vi.setConfig({ testTimeout: 90_000 })

describe('a login page and a page behind it, with a session that is', () => {
  const LOGIN = ['--path', '/login', '--path', '/cart'] as const

  test.for(['signed', 'sliding'])('%s: known to all', async (kind) => {
    const app = plantedApp(`web: node login-page.js '${kind}'\n`)
    const result = await prove(app, LOGIN)
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({ code: 0, found: [] })
    expect(result.stdout).toMatch(/\n {2}✔ session {3}every process knew what one had set\n/)
    expect(result.report?.notLookedAt).toContain('GET /login: it sets its cookies anew at each visit')
    expect(leftOf(app)).toEqual([])
  })

  test.for([
    ['in memory', /unknown to web\.2 \(GET \/cart: 302 to \/login instead of 200\)/],
    ['prolonged in memory', /unknown to web\.2 \(GET \/login: it was given a new one\)/],
  ] as const)('%s: unknown to others', async ([kind, evidence]) => {
    const app = plantedApp(`web: node login-page.js '${kind}'\n`)
    const result = await prove(app, LOGIN)
    expect({ code: result.code, found: found(result) }, result.stdout).toEqual({
      code: 3,
      found: ['session sid'],
    })
    expect(result.stdout).toMatch(evidence)
  })
})
