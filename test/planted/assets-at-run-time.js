import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { serve } from './serve.js'

const ASSET = 'public/assets/app-3f2a.css'

serve(() => {
  if (!existsSync(ASSET)) {
    mkdirSync('public/assets', { recursive: true })
    writeFileSync(ASSET, 'body{margin:0}')
  }
  return { text: ASSET }
})
