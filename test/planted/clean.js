import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serve } from './serve.js'

// A brief cache in its own scratch directory, and a cookie that carries all that it stands for.
serve(() => {
  writeFileSync(join(process.env.TMPDIR, 'cache.json'), '{}')
  return { headers: { 'set-cookie': 'theme=dark' }, text: 'all is well' }
})
