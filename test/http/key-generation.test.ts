import { expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

/** Only properties that must be there; no key. */
const everything = { Boolean: true, Circle: { Radius: 1 } }
const model = 'test/models/kitchen-sink.xml'
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

onEveryService('keys that clients leave out', model, { enforcePermissions: false }, (running) => {
  it('are made by the service, one after another', async () => {
    const keys: string[] = []
    for (let i = 0; i < 3; i++) {
      const answer = await running().send('POST', '/Everything', everything)
      expect(answer.status).toBe(201)
      const { ID } = (await answer.json()) as { ID: string }
      expect(ID).toMatch(guid)
      expect((await running().get(`/Everything(${ID})`)).status).toBe(200)
      keys.push(ID)
    }
    expect(new Set(keys).size).toBe(3)
  })

  it('are left as they are where a client sends them', async () => {
    const ID = '01234567-89ab-4def-8123-456789abcdef'
    expect((await running().send('POST', '/Everything', { ...everything, ID })).status).toBe(201)
    expect((await running().send('POST', '/Everything', { ...everything, ID })).status).toBe(409)
    expect((await running().send('POST', '/Everything', { ...everything, ID: null })).status).toBe(400)
  })

  it('are asked for where no value can be made: no room for one, or several properties', async () => {
    for (const [set, body, missing] of [
      ['People', { Names: [] }, 'ID'],
      ['Notes', { Number: 1 }, 'Language'],
    ] as const) {
      const answer = await running().send('POST', `/${set}`, body)
      expect(answer.status, set).toBe(400)
      expect(await answer.json()).toMatchObject({ error: { code: 'propertyRequired', target: missing } })
    }
  })

  it('are whole numbers that JavaScript reads exactly where they are computed Int64', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const answer = await running().send('POST', '/Tools', { ID: 1, Name: 'hammer' })
        expect(answer.status).toBe(201)
        return ((await answer.json()) as { ID: number }).ID
      }),
    )
    expect(made.every(Number.isSafeInteger)).toBe(true)
    expect(new Set(made).size).toBe(20)
    expect(made).not.toContain(1)
  })
})

onEveryService(
  'keys that clients must send',
  model,
  { enforcePermissions: false, keyGeneration: 'computed' },
  (running) => {
    it('are asked for, unless they are computed', async () => {
      const answer = await running().send('POST', '/Everything', everything)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ error: { code: 'propertyRequired', target: 'ID' } })
      expect((await running().send('POST', '/Tools', {})).status).toBe(201)
    })
  },
)
