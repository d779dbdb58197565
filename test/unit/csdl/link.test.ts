import { describe, expect, it } from 'vitest'
import { annotationOf, isTagged, text } from '../../../src/edm/annotations.ts'
import type { ComplexType, EntityType, EnumType, Model } from '../../../src/edm/model.ts'
import { csdlDocument, modelOf, tryCsdl } from '../../support/csdl.ts'

const entity = (model: Model, name: string) => model.types.get(name) as EntityType
const complex = (model: Model, name: string) => model.types.get(name) as ComplexType

const hierarchy = `
  <EntityType Name="C" BaseType="t.B"><Property Name="c" Type="Edm.String"/></EntityType>
  <EntityType Name="A" Abstract="true">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Int32" Nullable="false"/>
    <NavigationProperty Name="n" Type="self.A"/>
  </EntityType>
  <EntityType Name="B" BaseType="self.A"><Property Name="b" Type="self.X"/></EntityType>
  <ComplexType Name="X"><Property Name="x" Type="Collection(self.X)" Nullable="false"/></ComplexType>`

describe('the linked model', () => {
  it('links base types whatever their order, and gives inherited members first', () => {
    const model = modelOf(hierarchy)
    const c = entity(model, 't.C')
    expect(c.baseType).toBe(entity(model, 't.B'))
    expect([...c.allProperties.keys()]).toEqual(['id', 'b', 'c'])
    expect([...c.allNavigationProperties.keys()]).toEqual(['n'])
    expect(c.properties.map(({ name }) => name)).toEqual(['c'])
    expect(c.allProperties.get('id')).toBe(entity(model, 't.A').properties[0])
    expect(entity(model, 't.A').derivedTypes.map(({ name }) => name)).toEqual(['t.C', 't.B'])
    expect(c.key).toBe(entity(model, 't.A').key)
    expect(c.key).toMatchObject([{ path: ['id'], alias: 'id' }])
  })

  it('links types to themselves and to each other', () => {
    const x = complex(modelOf(hierarchy), 't.X')
    expect(x.properties[0]?.type).toMatchObject({ collection: true, nullable: false })
    expect(x.properties[0]?.type.type).toBe(x)
    expect(x.properties[0]?.declaringType).toBe(x)
  })

  it('is frozen', () => {
    const model = modelOf(`${hierarchy}<Term Name="T" Type="Edm.Untyped"/>
      <Annotation Term="self.T"><Collection><Record><PropertyValue Property="a" Int="1"/></Record></Collection></Annotation>`)
    const seen = new Set<object>()
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return
      seen.add(value)
      if (value instanceof Map || value instanceof Set) {
        for (const item of value.values()) check(item)
        return
      }
      expect(Object.isFrozen(value), JSON.stringify(Object.keys(value))).toBe(true)
      for (const item of Object.values(value)) check(item)
    }
    check(model)
    expect(seen.size).toBeGreaterThan(30)
  })

  it('shares equal types in use, facets included', () => {
    const model = modelOf(`<ComplexType Name="X">
      <Property Name="a" Type="Edm.String" MaxLength="5"/><Property Name="b" Type="Edm.String" MaxLength="5"/>
      <Property Name="c" Type="Edm.Int32" /><Property Name="d" Type="Edm.Int32"/>
      <Property Name="e" Type="Edm.Int32" Nullable="false"/></ComplexType>`)
    const [a, b, c, d, e] = complex(model, 't.X').properties
    expect(a?.type).toBe(b?.type)
    expect(c?.type).toBe(d?.type)
    expect(e?.type).not.toBe(d?.type)
    expect(a?.type.facets).toEqual({ maxLength: 5 })
    expect(c?.type.facets).toBe(e?.type.facets)
  })

  it('reads facets, symbolic ones in any case', () => {
    const model = modelOf(
      `<ComplexType Name="X"><Property Name="a" Type="Edm.Decimal" Precision="5" Scale="Variable"/>
      <Property Name="b" Type="Edm.GeometryPoint" SRID="variable"/><Property Name="c" Type="Edm.String" MaxLength="max" Unicode="false"/></ComplexType>`,
      { version: '4.0' },
    )
    expect(complex(model, 't.X').properties.map(({ type }) => type.facets)).toEqual([
      { precision: 5, scale: 'variable' },
      { srid: 'variable' },
      { maxLength: 'max', unicode: false },
    ])
  })

  it('gives enumeration members their values', () => {
    const model = modelOf(`<EnumType Name="A"><Member Name="x"/><Member Name="y"/></EnumType>
      <EnumType Name="B" UnderlyingType="Edm.Int64"><Member Name="x" Value="9223372036854775807"/></EnumType>`)
    expect((model.types.get('t.A') as EnumType).members.map(({ value }) => value)).toEqual([0n, 1n])
    expect((model.types.get('t.B') as EnumType).memberByName.get('x')?.value).toBe(9223372036854775807n)
  })

  it('follows key paths through complex and navigation properties', () => {
    const model = modelOf(`
      <ComplexType Name="Info"><Property Name="id" Type="Edm.Int32" Nullable="false"/></ComplexType>
      <EntityType Name="A"><Key><PropertyRef Name="info/id" Alias="infoId"/><PropertyRef Name="b/key" Alias="b_key"/></Key>
        <Property Name="info" Type="self.Info" Nullable="false"/><NavigationProperty Name="b" Type="self.B" Nullable="false"/></EntityType>
      <EntityType Name="B"><Key><PropertyRef Name="key"/></Key><Property Name="key" Type="Edm.String" Nullable="false"/></EntityType>`)
    expect(entity(model, 't.A').key.map(({ path, alias }) => [path.join('/'), alias])).toEqual([
      ['info/id', 'infoId'],
      ['b/key', 'b_key'],
    ])
    expect(entity(model, 't.A').key[1]?.property).toBe(entity(model, 't.B').properties[0])
  })

  it('lets a derived type narrow a property', () => {
    const model = modelOf(`
      <ComplexType Name="X"/><ComplexType Name="Y" BaseType="self.X"/>
      <ComplexType Name="A"><Property Name="p" Type="self.X"/><Property Name="q" Type="Edm.String"/></ComplexType>
      <ComplexType Name="B" BaseType="self.A"><Property Name="p" Type="self.Y"/></ComplexType>`)
    const b = complex(model, 't.B')
    expect([...b.allProperties.keys()]).toEqual(['p', 'q'])
    expect(b.allProperties.get('p')?.type.type.name).toBe('t.Y')
  })

  it('gives imports all unbound overloads', () => {
    const model = modelOf(`
      <Function Name="F"><ReturnType Type="Edm.String"/></Function>
      <Function Name="F"><Parameter Name="p" Type="Edm.Int32"/><ReturnType Type="Edm.String"/></Function>
      <Function Name="F" IsBound="true"><Parameter Name="b" Type="Edm.Int32"/><ReturnType Type="Edm.String"/></Function>
      <EntityContainer Name="C"><FunctionImport Name="F" Function="self.F"/></EntityContainer>`)
    const child = model.container?.children.get('F')
    expect(child && 'operations' in child && child.operations.map(({ parameters }) => parameters.length)).toEqual([
      0, 1,
    ])
    expect(model.operations.get('t.F')).toHaveLength(3)
  })

  it('tells an annotation without a value from one with the value null', () => {
    const model = modelOf(`<Term Name="T" Type="Edm.Boolean" DefaultValue="true"/>
      <ComplexType Name="A"><Annotation Term="self.T"/></ComplexType>
      <ComplexType Name="B"><Annotation Term="self.T"><Null/></Annotation></ComplexType>`)
    expect(annotationOf(complex(model, 't.A'), 't.T')?.value).toEqual({ kind: 'default' })
    expect(annotationOf(complex(model, 't.B'), 't.T')?.value).toMatchObject({ kind: 'null' })
    expect(isTagged(complex(model, 't.A'), 't.T')).toBe(true)
  })
})

describe('annotations from outside', () => {
  const targets = `
    <Term Name="T" Type="Edm.String"/>
    <EnumType Name="E"><Member Name="m"/></EnumType>
    <EntityType Name="A"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/>
      <NavigationProperty Name="n" Type="self.A"/><Annotation Term="self.T" String="inside"/></EntityType>
    <EntityType Name="B" BaseType="self.A"/>
    <Action Name="F"/>
    <Action Name="F" IsBound="true"><Parameter Name="p" Type="Collection(self.A)"/><ReturnType Type="Edm.String"/></Action>
    <EntityContainer Name="C"><EntitySet Name="As" EntityType="self.A"/></EntityContainer>`
  const annotate = (target: string, qualifier = 'q') =>
    `<Annotations Target="${target}" Qualifier="${qualifier}"><Annotation Term="self.T" String="${target}"/></Annotations>`

  const find: Readonly<
    Record<string, (model: Model) => readonly ({ annotations: Model['schemas'][number]['annotations'] } | undefined)[]>
  > = {
    'self.A': (model) => [model.types.get('t.A')],
    't.A': (model) => [model.types.get('t.A')],
    'self.A/id': (model) => [entity(model, 't.A').properties[0]],
    'self.A/n': (model) => [entity(model, 't.A').navigationProperties[0]],
    'self.E/m': (model) => [(model.types.get('t.E') as EnumType).members[0]],
    'self.F': (model) => [...(model.operations.get('t.F') ?? [])],
    'self.F()': (model) => [model.operations.get('t.F')?.[0]],
    'self.F( Collection(self.A) )': (model) => [model.operations.get('t.F')?.[1]],
    'self.F/p': (model) => [model.operations.get('t.F')?.[1]?.parameters[0]],
    'self.F(Collection(self.A))/$ReturnType': (model) => [model.operations.get('t.F')?.[1]?.returnType],
    'self.C': (model) => [model.container],
    'self.C/As': (model) => [model.container?.children.get('As')],
    'self.T': (model) => [model.terms.get('t.T')],
    'self.A/@self.T': (model) => [annotationOf(entity(model, 't.A'), 't.T')],
  }

  for (const [target, elements] of Object.entries(find))
    it(`reach ${target}`, () => {
      const model = modelOf(targets + annotate(target))
      const found = elements(model)
      expect(found.length).toBeGreaterThan(0)
      for (const element of found) {
        const annotation = element?.annotations.find(({ qualifier }) => qualifier === 'q')
        expect(text(annotation?.value)).toBe(target)
        expect(annotation?.externalTarget).toBe(target.replaceAll('self.', 't.').replaceAll(' ', ''))
      }
      expect(model.schemas[0]?.unresolvedAnnotations).toEqual([])
    })

  it('keep what names a use rather than an element, without a warning', () => {
    for (const target of ['self.C/As/id', 'self.B/id', 'self.A/n/id', 'self.A/self.B/id']) {
      const model = modelOf(targets + annotate(target))
      expect(model.schemas[0]?.unresolvedAnnotations).toHaveLength(1)
      expect(entity(model, 't.A').properties[0]?.annotations).toEqual([])
    }
  })

  it('warn where the target does not exist, and keep the annotation', () => {
    for (const target of [
      'self.X',
      'self.A/x',
      'self.F(Edm.String)',
      'self.E/x',
      'self.C/x',
      'self.A/@self.T#x',
      'A',
      '',
    ]) {
      const { model, problems } = tryCsdl(csdlDocument(targets + annotate(target)))
      expect(problems).toMatchObject([{ rule: 'annotation-target-resolved', severity: 'warning' }])
      expect(model?.schemas[0]?.unresolvedAnnotations).toHaveLength(1)
    }
  })
})

describe('several documents', () => {
  const reference = (uri: string, content: string) => `<edmx:Reference Uri="${uri}">${content}</edmx:Reference>`
  const other = csdlDocument('<ComplexType Name="X"/><Term Name="T" Type="Edm.String"/>')
    .replace('Namespace="t"', 'Namespace="o"')
    .replace('Alias="self"', 'Alias="inner"')

  it('resolve names by the aliases of the document they stand in', () => {
    const main = csdlDocument('<ComplexType Name="A"><Property Name="p" Type="O.X"/></ComplexType>', {
      references: reference('o.xml', '<edmx:Include Namespace="o" Alias="O"/>'),
    })
    const { model, problems } = tryCsdl(main, { resolve: (uri) => (uri === 'o.xml' ? other : undefined) })
    expect(problems).toEqual([])
    expect(complex(model as Model, 't.A').properties[0]?.type.type.name).toBe('o.X')
    expect(model?.schemas.map(({ namespace }) => namespace)).toEqual(['t'])
    expect(model?.includedSchemas.map(({ namespace }) => namespace)).toEqual(['o'])
    const inner = main.replace('O.X', 'inner.X')
    expect(tryCsdl(inner, { resolve: () => other }).problems).toMatchObject([{ rule: 'type-resolved' }])
  })

  it('say where a name comes from that is not at hand', () => {
    const main = csdlDocument('<ComplexType Name="A"><Property Name="p" Type="O.X"/></ComplexType>', {
      references: reference('https://example.org/o.xml', '<edmx:Include Namespace="o" Alias="O"/>'),
    })
    expect(tryCsdl(main).problems[0]?.message).toBe(
      "'O.X' is of 'o', which is included from https://example.org/o.xml and not at hand: map it to a file.",
    )
  })

  it('may reference each other', () => {
    const uses = (namespace: string, name: string, uri: string) =>
      csdlDocument(`<ComplexType Name="A"><Property Name="p" Type="${name}.A"/></ComplexType>`, {
        references: reference(uri, `<edmx:Include Namespace="${name}"/>`),
      }).replace('Namespace="t"', `Namespace="${namespace}"`)
    const files: Record<string, string> = { 'b.xml': uses('b', 'a', 'a.xml'), 'a.xml': uses('a', 'b', 'b.xml') }
    const { model, problems } = tryCsdl(files['a.xml'] ?? '', { file: 'a.xml', resolve: (uri) => files[uri] })
    expect(problems).toEqual([])
    expect(complex(model as Model, 'b.A').properties[0]?.type.type).toBe(complex(model as Model, 'a.A'))
  })

  it('include the annotations that a reference asks for, and no others', () => {
    const annotations = (term: string, qualifier: string) =>
      `<Annotations Target="t.A"><Annotation Term="${term}" Qualifier="${qualifier}" String="from outside"/></Annotations>`
    const source = csdlDocument(annotations('o.T', 'a') + annotations('o.T', 'b') + annotations('p.T', 'a'), {
      references:
        reference('main.xml', '<edmx:Include Namespace="t"/>') +
        reference('terms', '<edmx:Include Namespace="o"/><edmx:Include Namespace="p"/>'),
    }).replace('Namespace="t" Alias', 'Namespace="s" Alias')
    const main = (include: string) =>
      csdlDocument('<ComplexType Name="A"/>', { references: reference('s.xml', include) })
    const included = (include: string) => {
      const resolve = (uri: string) =>
        uri === 's.xml' ? source : uri === 'main.xml' ? { file: 'test.xml', text: '' } : undefined
      const { model, problems } = tryCsdl(main(include), { resolve })
      expect(problems).toEqual([])
      return complex(model as Model, 't.A').annotations.map(({ term, qualifier }) => `${term}#${qualifier}`)
    }
    expect(included('<edmx:IncludeAnnotations TermNamespace="o"/>')).toEqual(['o.T#a', 'o.T#b'])
    expect(included('<edmx:IncludeAnnotations TermNamespace="o" Qualifier="b"/>')).toEqual(['o.T#b'])
    expect(included('<edmx:IncludeAnnotations TermNamespace="o" TargetNamespace="u"/>')).toEqual([])
    expect(included('<edmx:Include Namespace="s"/>')).toEqual([])
  })

  it('extend containers', () => {
    const base =
      csdlDocument(`<EntityType Name="E"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Int32" Nullable="false"/></EntityType>
      <EntityContainer Name="Base"><EntitySet Name="Es" EntityType="self.E"/></EntityContainer>`).replace(
        'Namespace="t"',
        'Namespace="o"',
      )
    const main = csdlDocument(
      '<EntityContainer Name="C" Extends="o.Base"><Singleton Name="One" Type="o.E"/></EntityContainer>',
      { references: reference('o.xml', '<edmx:Include Namespace="o"/>') },
    )
    const { model, problems } = tryCsdl(main, { resolve: () => base })
    expect(problems).toEqual([])
    expect(model?.container?.name).toBe('t.C')
    expect([...(model?.container?.children.keys() ?? [])]).toEqual(['Es', 'One'])
  })
})
