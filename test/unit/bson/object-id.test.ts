import { ObjectId, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { decodeEntity } from '../../../src/bson/decode.ts'
import { encodeEntity, encodeKey } from '../../../src/bson/encode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { isObjectIdText, newObjectIdText, toObjectId } from '../../../src/bson/object-id.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import type { EntityType } from '../../../src/edm/model.ts'

const model = parseCsdl(
  `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
  <Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
    <TypeDefinition Name="ObjectId" UnderlyingType="Edm.String"><Annotation Term="Odatum.V1.ObjectId"/></TypeDefinition>
    <EntityType Name="E"><Key><PropertyRef Name="_id"/></Key>
      <Property Name="_id" Type="n.ObjectId" Nullable="false"/>
      <Property Name="other" Type="n.ObjectId"/>
      <Property Name="list" Type="Collection(n.ObjectId)" Nullable="false"/>
    </EntityType>
    <EntityContainer Name="C"><EntitySet Name="es" EntityType="n.E"/></EntityContainer>
  </Schema></edmx:DataServices></edmx:Edmx>`,
  { file: 'test.xml' },
)
const layout = layoutOf(model)
const collection = layout.collections.get('es')!
const digits = '507f1f77bcf86cd799439011'

describe('values of an ObjectId type', () => {
  it('are stored as ObjectIds, in keys, properties and collections, and read as their digits', () => {
    const members = new Map<string, string | string[]>([
      ['_id', digits],
      ['other', digits],
      ['list', [digits, 'text']],
    ])
    const type = model.types.get('n.E') as EntityType
    const document = encodeEntity(layout, collection, { kind: 'structured', type, members })
    expect(document).toEqual({
      _id: new ObjectId(digits),
      other: new ObjectId(digits),
      list: [new ObjectId(digits), 'text'],
    })
    expect(decodeEntity(layout, collection, serialize(document)).members).toEqual(members)
  })

  it('find their row by key', () => {
    expect(encodeKey(collection, [digits])).toEqual(new ObjectId(digits))
  })

  it('stay texts where they are no ObjectId that reads back the same', () => {
    for (const text of ['x', '', digits.toUpperCase(), `${digits}0`, digits.slice(1)]) {
      expect(isObjectIdText(text)).toBe(false)
      expect(toObjectId(text)).toBe(text)
    }
  })

  it('can be made, later ones after earlier ones', () => {
    const made = [newObjectIdText(), newObjectIdText()]
    expect(made.every(isObjectIdText)).toBe(true)
    expect(made.toSorted()).toEqual(made)
  })
})
