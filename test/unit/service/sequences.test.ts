import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { sequenceOf } from '../../../src/csdl/sequence.ts'
import { embeddedStore } from '../../../src/index.ts'
import { withRecords } from '../../../src/service/records.ts'
import { Counters } from '../../../src/service/sequences.ts'

const csdl = (type: string, term: string): string => `<edmx:Edmx Version="4.01"
 xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="s" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="T"><Key><PropertyRef Name="id"/></Key>
<Property Name="id" Type="${type}" Nullable="false">${term}</Property></EntityType>
<EntityContainer Name="C"><EntitySet Name="ts" EntityType="s.T"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`

const sequence = (term: string, type = 'Edm.Int32') => {
  const found = parseCsdl(csdl(type, term), { file: 'test' }).types.get('s.T')
  const property = found && 'allProperties' in found ? found.allProperties.get('id') : undefined
  return property && sequenceOf(property)
}
const record = (inner: string): string => `<Annotation Term="Odatum.V1.Sequence"><Record>${inner}</Record></Annotation>`

it('reads the term, and refuses what it cannot mean', () => {
  expect(sequence('')).toBeUndefined()
  expect(sequence('<Annotation Term="Odatum.V1.Sequence" Bool="false"/>')).toBeUndefined()
  expect(sequence('<Annotation Term="Odatum.V1.Sequence"/>')).toEqual({
    name: 's.T/id',
    start: 1n,
    block: 20n,
    last: 2_147_483_647n,
  })
  const own = '<PropertyValue Property="Name" String="n"/><PropertyValue Property="Start" Int="-5"/>'
  expect(sequence(record(own), 'Edm.Int64')).toMatchObject({ name: 'n', start: -5n, last: 2n ** 63n - 1n })
  expect(() => sequence(record('<PropertyValue Property="Block" Int="0"/>'))).toThrow('Block')
  expect(() => sequence('<Annotation Term="Odatum.V1.Sequence"/>', 'Edm.String')).toThrow('integers')
})

it('gives several processes different numbers, and ends at the last one', async () => {
  const path = mkdtempSync(join(tmpdir(), 'odatum-sequence-'))
  const store = embeddedStore({ path })
  await store.open(withRecords(layoutOf(parseCsdl(csdl('Edm.Int32', ''), { file: 'test' }))))
  try {
    const counted = { name: 'n', start: 1n, block: 3n, last: 1_000n }
    const nobody = async (): Promise<undefined> => undefined
    const processes = [new Counters(store, 10_000), new Counters(store, 10_000), new Counters(store, 10_000)]
    const numbers = await Promise.all(
      processes.flatMap((process) => Array.from({ length: 60 }, () => process.next(counted, nobody))),
    )
    expect(new Set(numbers).size).toBe(180)
    expect(Math.max(...numbers.map(Number))).toBe(180)
    const short = { name: 'short', start: 1n, block: 5n, last: 6n }
    const [first] = processes
    expect(await first?.next(short, async () => 4n)).toBe(5n)
    expect(await first?.next(short, nobody)).toBe(6n)
    await expect(first?.next(short, nobody)).rejects.toMatchObject({ code: 'conflict' })
  } finally {
    await store.close()
    rmSync(path, { recursive: true, force: true })
  }
})
