import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { type ServingCommand, serveCommand } from './command.ts'
import { payload } from './payloads.ts'

const set = '/onPremEncryptedPayloads'
const writers = 16

/**
 * Kills the command (SIGKILL) again and again while many clients create entities, and looks for every entity whose creation was
 * acknowledged: each must be there, whole.
 * @param store the arguments that name the store
 * @returns how many entities were acknowledged
 */
export async function crash(store: readonly string[], kills: number): Promise<number> {
  const args = [
    'metadata/microsoft.graph.xml',
    '--graph',
    '--base-path',
    '/beta',
    '--auth',
    'none',
    '--log-level',
    'silent',
    ...store,
  ]
  const acknowledged = new Map<string, Record<string, unknown>>()
  for (let round = 0; round < kills; round++) {
    const serving = await serveCommand(args, {}, { group: true })
    const before = acknowledged.size
    const running = Promise.all(Array.from({ length: writers }, () => create(serving, acknowledged)))
    // Not before some were acknowledged, then at any moment of the writes that follow.
    const enough = async (): Promise<void> => {
      while (acknowledged.size < before + 2 * writers) await delay(5)
    }
    await Promise.race([enough(), running])
    await delay(Math.random() * 150)
    // with all its workers
    const { pid } = serving.process
    if (pid === undefined) throw new Error('the command has no process')
    process.kill(-pid, 'SIGKILL')
    expect(await serving.ended).toBe('SIGKILL')
    await running
  }
  const serving = await serveCommand(args)
  try {
    const ids = [...acknowledged.keys()]
    for (let i = 0; i < ids.length; i += 50)
      await Promise.all(
        ids.slice(i, i + 50).map(async (id) => {
          const answer = await fetch(`${serving.root}${set}('${id}')`)
          expect(answer.status, `an acknowledged entity is gone: ${id}`).toBe(200)
          expect(await answer.json()).toMatchObject({ ...acknowledged.get(id), id })
        }),
      )
    await checkAll(serving, acknowledged)
  } finally {
    await serving.stop()
  }
  return acknowledged.size
}

/** Creates one entity after another until the service is gone. */
async function create(serving: ServingCommand, acknowledged: Map<string, Record<string, unknown>>): Promise<void> {
  for (;;) {
    const body = payload({ deviceKeyThumbprint: randomUUID(), plistTemplate: 'x'.repeat(Math.random() * 5_000) })
    try {
      const answer = await fetch(serving.root + set, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
      const status = answer.status
      const { id } = (await answer.json()) as { id: string }
      if (status !== 201) throw new Error(`status ${status}`)
      acknowledged.set(id, body)
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return
      throw error
    }
  }
}

/** What was not acknowledged may be there or not, but never in part, and never twice. */
async function checkAll(serving: ServingCommand, acknowledged: ReadonlyMap<string, unknown>): Promise<void> {
  const members = Object.keys(payload()).filter((name) => !name.startsWith('@'))
  const met = new Set<string>()
  const thumbprints = new Set<unknown>()
  let url: string | undefined = serving.root + set
  while (url !== undefined) {
    const page = (await (await fetch(url)).json()) as { value: Record<string, unknown>[]; '@odata.nextLink'?: string }
    for (const row of page.value) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(members))
      met.add(String(row.id))
      thumbprints.add(row.deviceKeyThumbprint)
    }
    url = page['@odata.nextLink']
  }
  expect([...acknowledged.keys()].filter((id) => !met.has(id))).toEqual([])
  expect(thumbprints.size).toBe(met.size)
}
