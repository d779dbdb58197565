import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../../../src/csdl/read-csdl.ts'
import { readModel } from '../../../../src/csdl/read-model.ts'
import type { EntityType } from '../../../../src/edm/model.ts'
import { ODataError } from '../../../../src/errors/odata-error.ts'
import { readEntity } from '../../../../src/payload/read-entity.ts'
import { isOptional, isPartOf } from '../../../../src/tools/types/shapes.ts'
import { writeTypes } from '../../../../src/tools/types/write-types.ts'

function typesOf(body: string): string {
  const text = `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
    <Schema Namespace="some.name" xmlns="http://docs.oasis-open.org/odata/ns/edm">${body}</Schema>
    <Schema Namespace="other" xmlns="http://docs.oasis-open.org/odata/ns/edm"><ComplexType Name="thing"/></Schema>
  </edmx:DataServices></edmx:Edmx>`
  return writeTypes(parseCsdl(text, { file: 'test.xml' }), 'test.xml')
}

describe('writeTypes', () => {
  it.each([['examples/bookshop.xml'], ['test/models/kitchen-sink.xml'], ['metadata/microsoft.graph.xml']])(
    'requires of a create what the service requires: %s',
    async (file) => {
      const model = await readModel(file)
      const types = [...model.types.values()].filter(
        (type): type is EntityType => type.kind === 'entity' && !type.abstract,
      )
      expect(types.length).toBeGreaterThan(0)
      for (const type of types) {
        const required = [...type.allProperties.values()]
          .filter((property) => property.type.type.name !== 'Edm.Stream')
          .filter((property) => isPartOf(type, property, 'create') && !isOptional(property, 'create'))
          .map(({ name }) => name)
        expect([type.name, required]).toEqual([type.name, faultsOfEmptyBody(model, type)])
      }
    },
  )

  it('puts the namespace before names that two schemas share', () => {
    const text = typesOf('<ComplexType Name="Thing"/><ComplexType Name="Other"/>')
    expect(text).toContain('export type SomeNameThing = {}')
    expect(text).toContain('export type OtherThing = {}')
    expect(text).toContain('export type Other = {}')
  })

  it('tells deltas of operations (Core.IsDelta) by the types of odatum', async () => {
    const text = writeTypes(await readModel('test/models/operations.xml'), 'operations.xml')
    expect(text).toContain("import type { DeltaChange, DeltaEntity, ODataController } from 'odatum'")
    expect(text).toContain('export type SyncParameters = {\n  readonly changes: readonly DeltaChange<Book>[]\n}')
    expect(text).toContain('export type SyncResult = readonly DeltaEntity<Book>[]')
    expect(text).toContain('export type NewsResult = readonly DeltaEntity<Book>[]')
    expect(typesOf('<ComplexType Name="DeltaChange"/>')).toContain('export type SomeNameDeltaChange = {}')
  })

  it('gives no name twice, whatever types are called', () => {
    const text = typesOf(
      '<ComplexType Name="A"/><ComplexType Name="ACreate"/><ComplexType Name="Flags"/><ComplexType Name="flags"/>',
    )
    const names = [...text.matchAll(/export type (\w+) =/g)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toContain('ACreate2')
  })

  it('writes inherited members once, and all of them where bodies differ from those of the base type', () => {
    const text =
      typesOf(`<EntityType Name="Base" Abstract="true"><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
        <Property Name="Told" Type="Edm.String"/></EntityType>
      <EntityType Name="Keyed" BaseType="some.name.Base"><Key><PropertyRef Name="ID"/></Key></EntityType>
      <EntityType Name="More" BaseType="some.name.Keyed"><Property Name="Own" Type="Edm.Int32"/></EntityType>`)
    expect(text).toContain('export interface KeyedMembers extends BaseMembers {}')
    expect(text).toContain(
      "export interface More extends KeyedMembers {\n  readonly '@odata.type': '#some.name.More'\n  readonly Own: number | null\n}",
    )
    // a key is no part of updates, which it is for the base type that has none
    expect(text).toContain('export interface KeyedMembersUpdate {\n  readonly Told?: string | null\n}')
    expect(text.match(/readonly Told: /g)).toHaveLength(1)
  })

  it('quotes member names that are no identifiers of TypeScript, and keeps comments closed', () => {
    const text = typesOf(`<ComplexType Name="A"><Property Name="Größe" Type="Edm.Int32">
      <Annotation Term="Org.OData.Core.V1.Description" String="ends */ here"/></Property></ComplexType>`)
    expect(text).toContain("readonly 'Größe': number | null")
    expect(text).toContain('/** ends * / here */')
  })

  it('needs no import of odatum without a container', () => {
    expect(typesOf('<ComplexType Name="A"/>')).not.toContain('import')
  })
})

/** What the reader of bodies says is missing. */
function faultsOfEmptyBody(model: Parameters<typeof readEntity>[1]['model'], type: EntityType): readonly string[] {
  try {
    readEntity(Buffer.from('{}'), { model, type, mode: 'create', version: '4.01', keyByService: false })
    return []
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    const faults = error.details.length > 0 ? error.details : [{ code: error.code, target: error.target }]
    return faults.filter(({ code }) => code === 'propertyRequired').map(({ target }) => target ?? '')
  }
}
