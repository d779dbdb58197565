import { describe, expect, it } from 'vitest'
import { printBound, printQuery } from '../../../src/bind/print.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { bindUrl, refusal } from './shop.ts'

function call(url: string): string {
  const { path, values } = bindUrl(url)
  const text = values.map((value) => (Array.isArray(value) ? `[${value.join(' ')}]` : String(value)))
  return `${path.resource} ${path.signature} [${text.join(',')}]`
}

describe('operations in paths', () => {
  it.each([
    ['Top(n=3)', 'entityCollection Top(n=#0:Edm.Int32) [3]'],
    ['Top(n=@n)?@n=3', 'entityCollection Top(n=#0:Edm.Int32) [3]'],
    ['Top(n=null)', 'entityCollection Top(n=null) []'],
    ['Top(n=@n)', 'entityCollection Top(n=null) []'],
    ['Top(n=3)(2)/name', 'primitive Top(n=#0:Edm.Int32)(#1)/name [3,2]'],
    ['Top(n=3)/2/category', 'entity Top(n=#0:Edm.Int32)(#1)/category [3,2]'],
    ['Sum(of=@a)?@a=[1,2]', 'primitive Sum(of=#0:Collection(Edm.Int32)) [[1 2]]'],
    ['Reset', 'actionImport Reset() []'],
    ['Products/s.Cheapest()', 'entity Products/my.shop.Cheapest() []'],
    ['Products/my.shop.Cheapest', 'entity Products/my.shop.Cheapest() []'],
    ['Products/Cheapest()/category', 'entity Products/my.shop.Cheapest()/category []'],
    ['Products/s.Book/s.Cheapest()', 'entity Products/my.shop.Book/my.shop.Cheapest() []'],
    ['Products(1)/s.Near(count=3)', 'entityCollection Products(#0)/my.shop.Near(count=#1:Edm.Int32) [1,3]'],
    ['Products(1)/Near(count=3)/$count', 'count Products(#0)/my.shop.Near(count=#1:Edm.Int32)/$count [1,3]'],
    ['Products(1)/s.Near(count=3)(2)', 'entity Products(#0)/my.shop.Near(count=#1:Edm.Int32)(#2) [1,3,2]'],
    ['Products(1)/s.Discount', 'actionCall Products(#0)/my.shop.Discount() [1]'],
    ['Products(1)/Discount', 'actionCall Products(#0)/my.shop.Discount() [1]'],
  ])('%s', (url, bound) => {
    expect(call(url)).toBe(bound)
  })

  it('knows where the entities of a result stand', () => {
    const targets = (url: string) =>
      bindUrl(url).path.segments.flatMap((segment) => ('target' in segment ? [segment.target?.name] : []))
    expect(targets('Top(n=3)(2)/category')).toEqual(['Products', 'Categories'])
    expect(targets('Products/s.Cheapest()/category')).toEqual(['Products', 'Categories'])
    expect(targets('Products(1)/s.Near(count=3)(2)/related')).toEqual(['Products', 'Products'])
  })

  it('gives the arguments by name', () => {
    const segment = bindUrl('Products(1)/s.Near(count=3)').path.segments.at(-1)
    if (segment?.kind !== 'operation') throw new Error('no operation')
    expect([...segment.arguments].map(([name, value]) => `${name}=${printBound(value)}`)).toEqual([
      'count=#1:Edm.Int32',
    ])
    expect(segment.operation.name).toBe('my.shop.Near')
    expect(segment.import).toBeUndefined()
  })

  it.each([
    ['Sum()', 'resourceNotFound Sum(): The function is Sum(of=...).'],
    ['Top(m=1)', "resourceNotFound Top(m=1): The parameter 'm' does not exist on 'Top'. Did you mean 'n'?"],
    ['Top(n=1,n=2)', "typeMismatch Top(n=1,n=2): The parameter 'n' must not be given twice."],
    ['Top(1)', "typeMismatch Top(1): The parameters of 'Top' are given by name."],
    ["Top(n='x')", "typeMismatch Top(n='x'): The parameter 'n' is Edm.Int32, not the string 'x'."],
    ['Top(n=3000000000)', "literalInvalid Top(n=3000000000): '3000000000' is no valid Edm.Int32."],
    [
      'Top(n=@n)?@n=1%20add%201',
      'notImplemented Top(n=@n): An expression as a parameter of a function is not implemented by this service.',
    ],
    ['Sum(of=@a)?@a=["x"]', 'literalInvalid Sum(of=@a): \'["x"]\' is no valid Collection(Edm.Int32).'],
    ['Sum(of=@a)/x?@a=[1]', "badRequest x: Nothing can follow the function 'my.shop.Sum', which is not composable."],
    ['Reset(x=1)', "resourceNotFound Reset(x=1): 'Reset' is an action: its parameters stand in the body."],
    ['Reset/x', "resourceNotFound x: 'x' does not exist behind an action."],
    [
      'Products(1)/s.Cheapest()',
      "propertyNotFound s.Cheapest: The property 's.Cheapest' does not exist on type 'my.shop.Product'.",
    ],
  ])('refuses %s', (url, message) => {
    expect(refusal(url)).toBe(message)
  })

  it('takes a short name without parentheses as the key it can be', () => {
    expect(bindUrl('Products/Cheapest').path.signature).toBe('Products/my.shop.Cheapest()')
    expect(bindUrl('Categories/Cheapest').path.signature).toBe('Categories(#0)')
  })
})

describe('explicit bindings (Core.RequiresExplicitBinding)', () => {
  const model = parseCsdl(
    `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="d" Alias="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Person"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/></EntityType>
  <Action Name="Fire" IsBound="true"><Annotation Term="Org.OData.Core.V1.RequiresExplicitBinding"/><Parameter Name="p" Type="d.Person"/></Action>
  <EntityContainer Name="C"><EntitySet Name="Staff" EntityType="d.Person"><Annotation Term="Org.OData.Core.V1.ExplicitOperationBindings"><Collection><String>s.Fire</String></Collection></Annotation></EntitySet>
  <EntitySet Name="Guests" EntityType="d.Person"/><EntitySet Name="Bosses" EntityType="d.Boss"/></EntityContainer>
  <EntityType Name="Lead" BaseType="d.Person"><Annotation Term="Org.OData.Core.V1.ExplicitOperationBindings"><Collection><String>s.Hire</String></Collection></Annotation></EntityType>
  <EntityType Name="Boss" BaseType="d.Lead"/>
  <Action Name="Hire" IsBound="true"><Annotation Term="Org.OData.Core.V1.RequiresExplicitBinding"/><Parameter Name="p" Type="d.Person"/></Action>
  </Schema></edmx:DataServices></edmx:Edmx>`,
    { file: 'explicit.xml' },
  )
  it('hold where the set names the operation, and nowhere else', () => {
    expect(bindUrl('Staff(1)/d.Fire', true, model).path.resource).toBe('actionCall')
    expect(() => bindUrl('Guests(1)/d.Fire', true, model)).toThrow("The property 'd.Fire' does not exist")
  })

  it('hold for the types that derive from the one that names the operation', () => {
    expect(bindUrl('Bosses(1)/d.Hire', true, model).path.resource).toBe('actionCall')
    expect(() => bindUrl('Guests(1)/d.Hire', true, model)).toThrow("The property 'd.Hire' does not exist")
  })
})

describe('a default namespace (Core.DefaultNamespace)', () => {
  const model = parseCsdl(
    `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="d" xmlns="http://docs.oasis-open.org/odata/ns/edm"><Annotation Term="Org.OData.Core.V1.DefaultNamespace"/>
  <EntityType Name="Person"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <NavigationProperty Name="friends" Type="Collection(d.Person)"/></EntityType>
  <EntityType Name="Boss" BaseType="d.Person"><Property Name="rank" Type="Edm.Int32"/></EntityType>
  <Function Name="delta" IsBound="true"><Parameter Name="people" Type="Collection(d.Person)"/><ReturnType Type="Collection(d.Person)"/></Function>
  <EntityContainer Name="C"><EntitySet Name="People" EntityType="d.Person"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
    { file: 'default.xml' },
  )

  it('lets short names of types and operations stand where a key could', () => {
    expect(bindUrl('People/delta', true, model).path.signature).toBe('People/d.delta()')
    expect(bindUrl('People/Boss/x/rank', true, model).path.signature).toBe('People/d.Boss(#0)/rank')
    expect(bindUrl('People/x/Boss', true, model).path.signature).toBe('People(#0)/d.Boss')
    expect(bindUrl("People('delta')", true, model).path.signature).toBe('People(#0)')
    expect(bindUrl('People/deltas', true, model).path.signature).toBe('People(#0)')
  })

  it('lets short names of types stand in options', () => {
    const { query } = bindUrl(
      'People?$filter=Boss/rank%20gt%201%20and%20isof(Boss)&$select=Boss/rank&$expand=Boss/friends/Boss',
      true,
      model,
    )
    expect(printQuery(query)).toBe(
      'filter=((d.Boss/rank gt #0:Edm.Int32) and isof($it,d.Boss))&select=rank&expand=d.Boss/friends(filter=isof($this,d.Boss))',
    )
  })
})
