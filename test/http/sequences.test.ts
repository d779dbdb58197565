import { expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown>

onEveryService('keys by sequence', 'test/models/changes.xml', {}, (running) => {
  const post = async (path: string, body: unknown): Promise<Json> => {
    const answer = await running().send('POST', path, body)
    const text = await answer.text()
    expect(answer.status, text).toBe(201)
    return JSON.parse(text) as Json
  }
  const get = async (path: string): Promise<Json> => (await (await running().get(path)).json()) as Json

  it('count, are never given twice, and go on after a restart', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, (_, i) => post('/tickets', { id: 7, text: `t${i}` })))
    const ids = made.map(({ id }) => id as number)
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    await running().restart()
    const { id } = await post('/tickets', { text: 'later' })
    // what the process had taken and not used is lost
    expect(id).toBe(61)
    expect((await running().send('PATCH', '/tickets(999)', { text: 'x' })).status, 'no upsert').toBe(404)
    expect((await get('/tickets(61)')).text).toBe('later')
  })

  it('begin where the model says, leave a client its choice, and go on behind it', async () => {
    expect((await post('/orders', {})).id).toBe(1000)
    expect((await post('/orders', { id: 1001 })).id).toBe(1001)
    expect((await post('/orders', { id: 5000 })).id).toBe(5000)
    // 1001 is taken
    expect((await post('/orders', {})).id).toBe(5001)
    expect((await post('/orders', {})).id).toBe(5002)
    expect((await running().send('POST', '/orders', { id: 5000 })).status).toBe(409)
    expect((await running().send('PUT', '/orders(77)', {})).status).toBe(201)
  })

  it('serve deep inserts, binding, contained entities and change sets', async () => {
    const order = await post('/orders', { lines: [{}, {}] })
    const lines = order.lines as Json[]
    expect(lines.map(({ orderId }) => orderId)).toEqual([order.id, order.id])
    expect(new Set(lines.map(({ id }) => id)).size).toBe(2)
    const line = await post('/lines', { 'order@odata.bind': `orders(${order.id})` })
    expect(line.orderId).toBe(order.id)
    expect(line.id).toBe(Math.max(...lines.map(({ id }) => id as number)) + 1)
    const ticket = await post('/tickets', { notes: [{ text: 'a' }, { text: 'b' }], order: {} })
    expect((ticket.notes as Json[]).map(({ id }) => id)).toEqual([1, 2])
    expect((await post(`/tickets(${ticket.id})/notes`, {})).id).toBe(3)
    const requests = ['1', '2'].map((id) => ({
      id,
      atomicityGroup: 'g',
      method: 'POST',
      url: 'tickets',
      headers: { 'Content-Type': 'application/json' },
      body: {},
    }))
    const batch = (await (await running().send('POST', '/$batch', { requests })).json()) as { responses: Json[] }
    const ids = batch.responses.map(({ body }) => (body as Json).id as number)
    expect(ids).toEqual([(ticket.id as number) + 1, (ticket.id as number) + 2])
  })

  it('begin behind what is there already', async () => {
    // written before the counter was ever asked
    for (const id of [40, 41]) await post('/lines', { id: id + 1000, orderId: 1000 })
    const { id } = await post('/lines', { orderId: 1000 })
    expect(id).toBeGreaterThan(0)
    const delta = { '@context': '#$delta', value: [{}, {}] }
    const headers = { Prefer: 'return=representation', 'OData-MaxVersion': '4.01' }
    const answer = (await (await running().send('PATCH', '/tickets', delta, headers)).json()) as { value: Json[] }
    const [first, second] = answer.value.map((entity) => entity.id as number)
    expect(second).toBe((first ?? 0) + 1)
  })
})
