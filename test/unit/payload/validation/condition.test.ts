import { describe, expect, it } from 'vitest'
import { annotationOf, member } from '../../../../src/edm/annotations.ts'
import { isStructured } from '../../../../src/edm/types.ts'
import { Faults } from '../../../../src/payload/faults.ts'
import { parseJson } from '../../../../src/payload/json.ts'
import { readStructured } from '../../../../src/payload/read-structured.ts'
import { holds } from '../../../../src/payload/validation/condition.ts'
import { unknownIn } from '../../../../src/payload/validation/unknown-conditions.ts'
import { tryCsdl } from '../../../support/csdl.ts'

const document = (
  condition: string,
) => `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:Reference Uri="v"><edmx:Include Namespace="Org.OData.Validation.V1" Alias="V"/></edmx:Reference>
  <edmx:DataServices><Schema Namespace="t" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Color" IsFlags="true"><Member Name="Red" Value="1"/><Member Name="Blue" Value="2"/></EnumType>
  <ComplexType Name="Place"><Property Name="City" Type="Edm.String"/></ComplexType>
  <ComplexType Name="Office" BaseType="t.Place"><Property Name="Floor" Type="Edm.Int32"/></ComplexType>
  <EntityType Name="E" OpenType="true"><Key><PropertyRef Name="ID"/></Key>
    <Property Name="ID" Type="Edm.Int32" Nullable="false"/>
    <Property Name="S" Type="Edm.String"/><Property Name="N" Type="Edm.Int32"/><Property Name="P" Type="Edm.Decimal" Scale="variable"/>
    <Property Name="B" Type="Edm.Boolean"/><Property Name="D" Type="Edm.Date"/><Property Name="At" Type="Edm.DateTimeOffset"/>
    <Property Name="For" Type="Edm.Duration"/><Property Name="C" Type="t.Color"/><Property Name="Tags" Type="Collection(Edm.String)"/>
    <Property Name="Places" Type="Collection(t.Place)"/><Property Name="Home" Type="t.Place"/>
    <NavigationProperty Name="Next" Type="t.E"/>
    <Annotation Term="V.Constraint"><Record><PropertyValue Property="Condition">${condition}</PropertyValue></Record></Annotation>
  </EntityType></Schema></edmx:DataServices></edmx:Edmx>`

function judge(condition: string, body: object, whole = true): boolean | undefined | string {
  const { model, problems } = tryCsdl(document(condition))
  const type = model?.types.get('t.E')
  if (model === undefined || type === undefined || !isStructured(type)) throw new Error(JSON.stringify(problems))
  const faults = new Faults()
  const bare = { ...type, annotations: [] }
  const node = parseJson(Buffer.from(JSON.stringify(body)))
  if (node.kind !== 'object') throw new Error('an object is expected')
  const value = readStructured(node, bare, '', { model, faults, keyIgnored: true }, 'merge')
  const expression = member(annotationOf(type, 'Org.OData.Validation.V1.Constraint')?.value, 'Condition')
  if (value === undefined || expression === undefined) throw new Error('nothing to judge')
  return unknownIn(expression, type) ?? holds(expression, value, whole)
}

const path = (name: string) => `<Path>${name}</Path>`
const apply = (name: string, ...parts: string[]) => `<Apply Function="odata.${name}">${parts.join('')}</Apply>`
const op = (name: string, ...parts: string[]) => `<${name}>${parts.join('')}</${name}>`
const int = (value: number) => `<Int>${value}</Int>`
const string = (value: string) => `<String>${value}</String>`

describe('conditions', () => {
  it.each<[string, object, boolean | undefined]>([
    // comparisons, with constants of the other's type
    [op('Gt', path('N'), '<Decimal>1.5</Decimal>'), { N: 2 }, true],
    [op('Eq', path('D'), string('2020-01-01')), { D: '2020-01-01' }, true],
    [
      op('Le', path('At'), '<DateTimeOffset>2020-01-01T00:00:00Z</DateTimeOffset>'),
      { At: '2020-01-01T01:00:00+01:00' },
      true,
    ],
    [op('Eq', path('C'), '<EnumMember>t.Color/Red</EnumMember>'), { C: 'Red' }, true],
    [op('Ne', path('C'), '<EnumMember>t.Color/Red</EnumMember>'), { C: 'Red,Blue' }, true],
    [op('Has', path('C'), '<EnumMember>t.Color/Blue</EnumMember>'), { C: 'Red' }, false],
    [op('Has', path('C'), '<EnumMember>t.Color/Blue</EnumMember>'), { C: 'Red,Blue' }, true],
    [op('In', path('S'), op('Collection', string('a'), string('b'))), { S: 'b' }, true],
    [op('In', string('x'), path('Tags')), { Tags: ['y'] }, false],
    [op('Eq', path('N'), string('x')), { N: 1 }, undefined],
    // three-valued logic; null is not true
    [op('Not', path('B')), {}, false],
    [op('Not', op('Gt', path('N'), int(5))), {}, true],
    [op('Or', path('B'), op('Eq', int(1), int(1))), {}, true],
    [op('If', path('B'), path('B'), op('Eq', path('S'), '<Null/>')), {}, true],
    // arithmetic
    [op('Eq', op('Add', path('N'), int(1)), int(3)), { N: 2 }, true],
    [op('Eq', op('Div', path('N'), int(2)), int(2)), { N: 5 }, true],
    [op('Eq', op('DivBy', path('N'), int(2)), '<Decimal>2.5</Decimal>'), { N: 5 }, true],
    [op('Eq', op('Mod', path('N'), int(0)), int(0)), { N: 5 }, false],
    [op('Lt', op('Neg', path('P')), '<Decimal>-1.4</Decimal>'), { P: 1.5 }, true],
    [
      op('Gt', op('Sub', path('At'), path('For')), '<DateTimeOffset>2020-01-01T00:00:00Z</DateTimeOffset>'),
      { At: '2020-01-02T00:00:00Z', For: 'PT25H' },
      false,
    ],
    // canonical functions
    [apply('startsWith', path('S'), string('ab')), { S: 'abc' }, true],
    [op('Ge', apply('length', path('S')), int(3)), { S: 'abc' }, true],
    [op('Eq', apply('substring', path('S'), int(1), int(1)), string('b')), { S: 'abc' }, true],
    [op('Eq', apply('year', path('D')), int(2020)), { D: '2020-02-03' }, true],
    [op('Le', path('At'), apply('now')), { At: '2020-01-02T00:00:00Z' }, true],
    [apply('matchesPattern', path('S'), string('^[a-c]+$')), { S: 'abd' }, false],
    [apply('hasSubset', path('Tags'), op('Collection', string('a'))), { Tags: ['b', 'a'] }, true],
    [op('Eq', apply('round', path('P')), int(3)), { P: 2.5 }, true],
    [
      op('Eq', apply('concat', path('S'), string('-'), path('N'), path('C')), string('a-1Red')),
      { S: 'a', N: 1, C: 'Red' },
      true,
    ],
    [apply('contains', path('S'), string('a')), {}, false],
    // casts
    [op('Eq', '<Cast Type="Edm.String"><Path>N</Path></Cast>', string('1')), { N: 1 }, true],
    ['<IsOf Type="t.Office"><Path>Home</Path></IsOf>', { Home: { '@odata.type': '#t.Office' } }, true],
    // paths: through collections, casts, dynamic properties
    [op('In', string('Bonn'), path('Places/City')), { Places: [{ City: 'Rome' }, { City: 'Bonn' }] }, true],
    [op('Lt', path('Places/$count'), int(2)), { Places: [{}, {}] }, false],
    [op('Eq', path('Home/t.Office/Floor'), int(2)), { Home: { '@odata.type': '#t.Office', Floor: 2 } }, true],
    [op('Eq', path('Home/t.Office/Floor'), '<Null/>'), { Home: {} }, true],
    [op('Eq', path('more'), string('x')), { more: 'x' }, true],
    [op('Gt', path('more'), int(1)), { more: 1.5 }, true],
  ])('%s of %j: %s', (condition, body, expected) => {
    expect(judge(condition, body)).toBe(expected)
  })

  it('do not know what a merge leaves out, unless the rest decides', () => {
    const either = op('Or', op('Eq', path('N'), int(1)), op('Eq', path('S'), string('x')))
    expect(judge(either, { N: 2 }, false)).toBeUndefined()
    expect(judge(either, { N: 1 }, false)).toBe(true)
    expect(judge(op('Eq', apply('length', path('S')), int(1)), {}, false)).toBeUndefined()
  })

  it.each([
    [apply('uriEncode', path('S')), 'odata.uriEncode'],
    ['<Apply Function="my.Function"/>', 'my.Function'],
    [op('Eq', path('Next/S'), string('x')), "'Next' in the path 'Next/S'"],
    [op('Not', apply('matchesPattern', path('S'), string('(?=a)'))), "the pattern '(?=a)'"],
  ])('are told where they cannot be evaluated: %s', (condition, unknown) => {
    expect(judge(condition, {})).toBe(unknown)
  })
})
