import { expect } from 'vitest'
import type { RunningService } from './running-service.ts'

/** What a test reads of an answer. */
export type Json = Record<string, unknown> & { value: Json[] }

/** Asks a running service and reads its JSON. */
export function asking(running: () => RunningService) {
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await running().get(path, headers)
    const text = await answer.text()
    const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Json & { error: Record<string, string> }
    return { status: answer.status, headers: answer.headers, text, json }
  }
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Json> => {
    const { status, text, json } = await ask(path, headers)
    expect(status, `${path}: ${text}`).toBe(200)
    return json
  }
  const values = async (path: string, headers?: Record<string, string>) => (await get(path, headers)).value
  const ids = async (path: string, headers?: Record<string, string>) =>
    (await values(path, headers)).map(({ id }) => id)
  return { ask, get, values, ids }
}

const berlin = { city: 'Berlin', zip: 10115, lines: ['Hof 2', 'Tor 1'], countryCode: 'de' }
const oslo = { city: 'Oslo', zip: 150, lines: [], countryCode: 'no' }
const rome = { '@odata.type': '#u.WorkAddress', city: 'Rome', zip: 184, lines: ['Via'], countryCode: 'it', desk: 'D4' }

/** Fills a service of test/models/urls.xml. */
export async function makePeople(running: () => RunningService): Promise<void> {
  const make = async (path: string, body: unknown) => {
    const answer = await running().send('POST', path, body)
    expect(answer.status, `${path}: ${await answer.text()}`).toBe(201)
  }
  await make('/countries', { code: 'de', name: 'Germany' })
  await make('/countries', { code: 'no', name: 'Norway' })
  await make('/people', {
    id: 'ann',
    name: 'Ann',
    age: 30,
    rank: 'High',
    uid: '21ec2020-3aea-1069-a2dd-08002b30309d',
    since: '2020-01-02T03:04:05Z',
    print: 'T0RhdGE=',
    weight: 1.5,
    tags: ['red', 'blue', 'green', 'red'],
    scores: [5, 3, 8],
    home: berlin,
    addresses: [berlin, oslo, rome],
  })
  await make('/people', {
    '@odata.type': '#u.Employee',
    id: 'bob',
    name: 'Bob',
    age: 41,
    rank: 'Low',
    tags: [],
    home: rome,
    addresses: [oslo],
    friendId: 'ann',
    salary: 10.5,
    badge: 'B7',
  })
  await make('/people', { id: 'cy', name: 'Cy', age: 12, addresses: [], friendId: 'ann' })
  for (const [id, buyer, price, amount] of [
    [1, 'ann', 10, 3],
    [2, 'bob', 20, 1],
    [3, 'ann', 5, 5],
    [4, 'nobody', 1, 1],
  ] as const)
    await make('/orders', { id, buyer, price, amount })
}
