import { describe, expect, it } from 'vitest'
import { withAliases } from '../../../src/bind/apply/dynamic.ts'
import { primitiveReference } from '../../../src/bind/type-references.ts'
import { Decimal } from '../../../src/edm/decimal.ts'
import type { EntityType } from '../../../src/edm/model.ts'
import type { Value } from '../../../src/edm/value.ts'
import { transient } from '../../../src/eval/apply/instance.ts'
import { InstanceWriter } from '../../../src/payload/instance-writer.ts'
import { createSink } from '../../../src/payload/sink.ts'
import type { JsonDialect } from '../../../src/payload/writer.ts'
import { modelOf } from '../../support/csdl.ts'

const base = modelOf(
  `<EntityType Name="N"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int64" Nullable="false"/>
     <Property Name="At" Type="Edm.Date"/></EntityType>`,
).types.get('t.N') as EntityType
const presence = { all: false, properties: new Map() }
const type = withAliases(base, [
  { kind: 'property', name: 'Total', type: primitiveReference('Edm.Decimal') },
  {
    kind: 'property',
    name: 'Any',
    type: { type: { kind: 'abstract', name: 'Edm.Untyped' }, collection: false, nullable: true, facets: {} },
  },
  { kind: 'navigation', name: 'X', type: base, collection: true, origin: [], presence },
])

function written(own: Readonly<Record<string, Value>>, more: Partial<JsonDialect> = {}): unknown {
  const dialect: JsonDialect = {
    version: '4.0',
    metadata: 'minimal',
    ieee754Compatible: false,
    exponentialDecimals: false,
    alwaysType: false,
    root: 'http://host/',
    ...more,
  }
  const writer = new InstanceWriter({
    dialect,
    entity: () => {
      throw new Error('nothing is stored')
    },
    link: () => undefined,
    setBehind: () => 'Ns',
  })
  const sink = createSink()
  const view = { type, select: undefined, expand: undefined, hidden: new Set<string>() }
  writer.write(transient(base, new Map(Object.entries(own))), view, sink)
  return JSON.parse(Buffer.from(sink.take()).toString())
}

describe('transient instances', () => {
  it('have the properties that they have, null or not, and types of dynamic ones', () => {
    expect(written({ Id: 9_007_199_254_740_993n, Total: null })).toEqual({ Id: 9007199254740992, Total: null })
    expect(written({ Total: Decimal.parse('1.50') ?? null, At: '2022-01-03' })).toEqual({
      'Total@odata.type': '#Decimal',
      Total: 1.5,
      At: '2022-01-03',
    })
    expect(written({ Total: Decimal.parse('1.50') ?? null }, { ieee754Compatible: true, metadata: 'none' })).toEqual({
      Total: '1.50',
    })
    expect(written({}, { metadata: 'full' })).toEqual({ '@odata.type': '#t.N', '@odata.id': null })
    expect(written({ Id: 1n }, { alwaysType: true })).toEqual({ '@odata.type': '#t.N', Id: 1 })
  })

  it('tell the types of values that have none of their own', () => {
    expect(written({ Any: 'text' })).toEqual({ Any: 'text' })
    expect(written({ Any: true })).toEqual({ Any: true })
    expect(written({ Any: 5n })).toEqual({ 'Any@odata.type': '#Int64', Any: 5 })
  })

  it('say the context of what an alias holds', () => {
    expect(written({ X: [transient(base, new Map([['Id', 1n]]))] })).toEqual({
      'X@odata.context': 'http://host/$metadata#Ns(@Core.AnyStructure)',
      X: [{ Id: 1 }],
    })
  })

  it('are not written without end', () => {
    const one = transient(base, new Map())
    expect(() => written({ X: Array.from({ length: 100_001 }, () => one) })).toThrow(/limit applyRows/)
  })
})
