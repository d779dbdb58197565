import { expect, it } from 'vitest'
import { customAggregates, Moods, Notes } from '../../examples/notebook.ts'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

const settings = { controllers: { Notes, Moods }, customAggregates, lookUpForeignKeys: true }

onEveryStore('examples/notebook.ts', 'examples/notebook.xml', settings, (running) => {
  const { ask, get, make } = jsonClient(running)
  const [a, b] = [{ 'x-tenant': 'a' }, { 'x-tenant': 'b' }]

  it('keeps tenants apart', async () => {
    const ID = (await make('/Notes', { Text: 'mine', Tenant: 'b' }, a)).json?.ID
    expect((await get(`/Notes(${ID})`, a)).json?.Tenant).toBe('a')
    expect((await get(`/Notes(${ID})`, b)).status).toBe(404)
    expect((await ask('PATCH', `/Notes(${ID})`, { Text: 'yours' }, b)).status).toBe(404)
    expect((await ask('DELETE', `/Notes(${ID})`, undefined, b)).status).toBe(404)
    expect((await get('/Notes/$count', b)).text).toBe('0')
    expect((await get(`/Notes(${ID})`, a)).json?.Text).toBe('mine')
  })

  it('deletes softly', async () => {
    const made = await make('/Notes', { Text: 'gone' }, a)
    const path = `/Notes(${made.json?.ID})`
    const stale = { ...a, 'If-Match': 'W/"77"' }
    expect((await ask('DELETE', path, undefined, stale)).status).toBe(412)
    expect((await ask('DELETE', path, undefined, a)).status).toBe(204)
    expect((await get(path, a)).status).toBe(404)
    expect((await ask('DELETE', path, undefined, a)).status).toBe(404)
    expect((await get("/Notes?$filter=Text eq 'gone'", a)).json?.value).toEqual([])
  })

  it('computes when it shows', async () => {
    const made = await make('/Notes', { Text: 'three short words', Words: 99 }, a)
    expect(made.json?.Words).toBe(3)
    expect((await get(`/Notes(${made.json?.ID})/Words`, a)).json?.value).toBe(3)
    expect((await get('/Notes?$filter=Words gt 1', a)).status).toBe(400)
  })

  it('aggregates in a way of its own, what the caller may see', async () => {
    const [c, d] = [{ 'x-tenant': 'c' }, { 'x-tenant': 'd' }]
    for (const Text of ['a note', 'another note']) await make('/Notes', { Text, MoodName: 'calm' }, c)
    await make('/Notes', { Text: 'the longest of all notes', MoodName: 'calm' }, d)
    const found = await get('/Notes?$apply=groupby((MoodName),aggregate(Longest))', c)
    expect(found.json?.value).toMatchObject([{ MoodName: 'calm', Longest: 12 }])
  })

  it('has a set that no store holds', async () => {
    expect((await get("/Moods?$filter=Colour eq 'red'")).json?.value).toMatchObject([{ Name: 'angry' }])
    const made = await make('/Notes?$expand=Mood', { Text: 'sea', MoodName: 'calm' }, a)
    expect(made.json?.Mood).toMatchObject({ Colour: 'blue' })
    expect((await ask('POST', '/Notes', { Text: 'x', MoodName: 'none' }, a)).error?.target).toBe('MoodName')
    expect((await ask('POST', '/Moods', { Name: 'new', Colour: 'x' })).status).toBe(405)
  })
})
