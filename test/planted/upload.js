import { randomUUID } from 'node:crypto'

const { status } = await fetch(`${process.env.BASE_URL}/${randomUUID()}.png`, { method: 'PUT' })
if (status !== 201) throw new Error(`status ${status}`)
