import { expect, it } from 'vitest'
import type { Precondition } from '../../src/store/port.ts'
import { type Client, decoded, mergeOf, replaceOf } from './kit.ts'

/** Updates and deletes, their preconditions and versions. */
export function changeContract(client: () => Client): void {
  const row = async (id: string) => decoded(await client().one(`things('${id}')`))

  it('merges: what is named changes, null takes away, the rest stays, the version rises by one', async () => {
    await client().create('things', {
      id: 'merge',
      text: 'a',
      number: 1,
      at: '2017-01-01T00:03:18.9597073-08:00',
      address: { city: 'Ulm', zip: 1 },
      tags: ['x'],
    })
    const change = mergeOf('things', { text: null, number: 2, address: { zip: 2 }, tags: ['y', 'z'] })
    const outcome = await client().update(`things('merge')`, change)
    if (outcome.kind !== 'updated') throw new Error(outcome.kind)
    const stored = await row('merge')
    expect(decoded(outcome.row)).toEqual(stored)
    expect(stored).toMatchObject({
      _id: 'merge',
      '@version': 2,
      number: 2,
      address: { city: 'Ulm', zip: 2 },
      tags: ['y', 'z'],
    })
    expect(stored).not.toHaveProperty('text')
    expect(stored['at@exact']).toBeDefined()
    await client().update(`things('merge')`, mergeOf('things', { at: '2017-01-01T00:00:00Z', address: null }))
    const later = await row('merge')
    expect(later).not.toHaveProperty('at@exact')
    expect(later).not.toHaveProperty('address')
    expect(later['@version']).toBe(3)
  })

  it('merges into a complex value that is not there', async () => {
    await client().create('things', { id: 'complex' })
    await client().update(`things('complex')`, mergeOf('things', { address: { city: 'Ulm' } }))
    expect(await row('complex')).toEqual({ _id: 'complex', '@version': 2, address: { city: 'Ulm' } })
  })

  it('takes values for what they are, whatever they look like', async () => {
    await client().create('things', { id: 'literal' })
    const text = '$number'
    await client().update(`things('literal')`, mergeOf('things', { text, address: { city: '$$ROOT' } }))
    expect(await row('literal')).toMatchObject({ text, address: { city: '$$ROOT' } })
    await client().update(
      `things('literal')`,
      replaceOf('things', { text, note: '$text', address: { city: '$$ROOT' } }),
    )
    expect(await row('literal')).toMatchObject({ text, note: '$text', address: { city: '$$ROOT' } })
  })

  it('replaces everything but the key, the version and what is to be kept', async () => {
    await client().create('things', { id: 'replace', text: 'a', number: 1, note: 'kept', flag: true })
    const outcome = await client().update(
      `things('replace')`,
      replaceOf('things', { text: 'b', note: 'new' }, ['note', 'big']),
    )
    expect(outcome.kind).toBe('updated')
    expect(await row('replace')).toEqual({ _id: 'replace', '@version': 2, text: 'b', note: 'kept' })
  })

  it('says `missing` where there is no row', async () => {
    expect(await client().update(`things('nobody')`, mergeOf('things', { number: 1 }))).toEqual({ kind: 'missing' })
    expect(await client().delete(`things('nobody')`)).toEqual({ kind: 'missing' })
    expect(await client().one(`things('nobody')`)).toBeUndefined()
  })

  const preconditions: readonly [string, Precondition, boolean][] = [
    ['exists', { kind: 'exists' }, true],
    ['its version', { kind: 'versions', anyOf: [7, 2] }, true],
    ['another version', { kind: 'versions', anyOf: [1, 3] }, false],
    ['no version', { kind: 'versions', anyOf: [] }, false],
    ['not its version', { kind: 'notVersions', noneOf: [2] }, false],
    ['not another version', { kind: 'notVersions', noneOf: [1] }, true],
    ['absent', { kind: 'absent' }, false],
  ]

  it.each(preconditions)('heeds the precondition: %s', async (name, precondition, holds) => {
    const id = `precondition ${name}`
    await client().create('things', { id })
    await client().update(`things('${id}')`, mergeOf('things', { number: 1 }))
    const outcome = await client().update(`things('${id}')`, mergeOf('things', { number: 2 }), { precondition })
    expect(outcome.kind).toBe(holds ? 'updated' : 'preconditionFailed')
    expect((await row(id))['@version']).toBe(holds ? 3 : 2)
    const current = holds ? [3] : [2]
    const again: Precondition =
      precondition.kind === 'versions' && holds ? { kind: 'versions', anyOf: current } : precondition
    const deleted = await client().delete(`things('${id}')`, { precondition: again })
    expect(deleted.kind).toBe(holds ? 'deleted' : 'preconditionFailed')
    expect((await client().one(`things('${id}')`)) === undefined).toBe(holds)
  })

  it.each(preconditions)(
    'says `missing` and not `preconditionFailed` where there is no row: %s',
    async (_, precondition) => {
      expect(await client().update(`things('void')`, mergeOf('things', { number: 2 }), { precondition })).toEqual({
        kind: 'missing',
      })
      expect(await client().delete(`things('void')`, { precondition })).toEqual({ kind: 'missing' })
    },
  )

  it('deletes, once', async () => {
    await client().create('things', { id: 'delete' })
    const outcomes = await Promise.all([1, 2, 3].map(() => client().delete(`things('delete')`)))
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['deleted', 'missing', 'missing'])
    expect(await client().one(`things('delete')`)).toBeUndefined()
    expect((await client().create('things', { id: 'delete' })).kind).toBe('created')
  })

  it('lets one of many win who start from the same version', async () => {
    await client().create('things', { id: 'race' })
    const precondition: Precondition = { kind: 'versions', anyOf: [1] }
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        client().update(`things('race')`, mergeOf('things', { number }), { precondition }),
      ),
    )
    expect(outcomes.filter(({ kind }) => kind === 'updated')).toHaveLength(1)
    expect(outcomes.filter(({ kind }) => kind === 'preconditionFailed')).toHaveLength(19)
    expect((await row('race'))['@version']).toBe(2)
  })

  it('loses no update of many at once', async () => {
    await client().create('things', { id: 'busy' })
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, number) => client().update(`things('busy')`, mergeOf('things', { number }))),
    )
    expect(outcomes.every(({ kind }) => kind === 'updated')).toBe(true)
    expect((await row('busy'))['@version']).toBe(51)
  })

  it('refuses an update that makes the document too large, and leaves it', async () => {
    await client().create('things', { id: 'grow', text: 'x'.repeat(9_000_000) })
    const change = mergeOf('things', { note: 'x'.repeat(8_000_000) })
    await expect(client().update(`things('grow')`, change)).rejects.toMatchObject({ code: 'payloadTooLarge' })
    expect((await row('grow'))['@version']).toBe(1)
    await client().delete(`things('grow')`)
  })

  it('changes a document close to 16 MB, and replaces one by another', async () => {
    const text = 'x'.repeat(16_770_000)
    expect((await client().create('things', { id: 'close', text })).kind).toBe('created')
    const merged = await client().update(`things('close')`, mergeOf('things', { number: 1 }))
    if (merged.kind !== 'updated') throw new Error(merged.kind)
    expect(merged.row.length).toBeGreaterThan(16_770_000)
    const replaced = await client().update(`things('close')`, replaceOf('things', { note: text, number: 2 }))
    if (replaced.kind !== 'updated') throw new Error(replaced.kind)
    expect(decoded(replaced.row)).toMatchObject({ '@version': 3, number: 2 })
    expect(decoded(replaced.row)).not.toHaveProperty('text')
    await client().delete(`things('close')`)
  })

  it('updates rows with keys of several parts', async () => {
    await client().create('pairs', { left: 'u', right: 1, value: 1 })
    const outcome = await client().update(`pairs(left='u',right=1)`, mergeOf('pairs', { value: 2 }))
    if (outcome.kind !== 'updated') throw new Error(outcome.kind)
    expect(decoded(outcome.row)).toEqual({ _id: { left: 'u', right: 1 }, '@version': 2, value: 2 })
  })
}
