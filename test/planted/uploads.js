import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { serve } from './serve.js'

mkdirSync('uploads', { recursive: true })

serve(async ({ method, url }) => {
  if (method !== 'PUT') return {}
  await writeFile(`uploads/${url.slice(1)}`, 'a picture')
  return { status: 201 }
})
