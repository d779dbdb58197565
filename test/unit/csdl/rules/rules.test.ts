import { describe, expect, it } from 'vitest'
import { ruleTable } from '../../../../src/csdl/rules/table.ts'
import { csdlDocument, tryCsdl } from '../../../support/csdl.ts'

/** How one rule is broken: the content of a schema, or a whole document; `line` where the problem must lie. */
interface Case {
  readonly content?: string
  readonly document?: string
  readonly version?: '4.0' | '4.01'
  readonly references?: string
  readonly line?: number
  readonly resolve?: (uri: string) => string | undefined
  /** other rules that the same fault breaks */
  readonly also?: readonly string[]
}

const E = (body: string, attributes = '') =>
  `<EntityType Name="E" ${attributes}><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>${body}</EntityType>`
const container = (body: string, attributes = '') => `<EntityContainer Name="C" ${attributes}>${body}</EntityContainer>`
const term = (attributes: string) => `<Term Name="T" ${attributes}/>`
const jsonSchema = (schema: string) =>
  `<ComplexType Name="A"><Annotation Term="Org.OData.JSON.V1.Schema"><String>${schema}</String></Annotation></ComplexType>`
const core = '<edmx:Reference Uri="core"><edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/></edmx:Reference>'
const edmxNs = 'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"'
const schemaNs = 'xmlns="http://docs.oasis-open.org/odata/ns/edm"'

const cases: Readonly<Record<string, Case>> = {
  // the reader's
  'xml-well-formed': { document: '<edmx:Edmx', line: 1 },
  encoding: { also: ['tested in read-model.test.ts'] },
  'no-doctype': { document: `<!DOCTYPE x [<!ENTITY a "b">]>\n<edmx:Edmx Version="4.0" ${edmxNs}/>` },
  'json-well-formed': { document: '{"$Version":"4.01",}', line: 1 },
  'nesting-depth': {
    content: `<Annotation Term="self.T">${'<Not>'.repeat(210)}${'</Not>'.repeat(210)}</Annotation>`,
  },
  'document-root': { document: '<Schema/>', line: 1 },
  'document-version': {
    document: csdlDocument('').replace('4.01', '3.0'),
    line: 1,
  },
  'document-version-later': { document: csdlDocument('').replace('4.01', '4.02'), line: 1 },
  'data-services-once': { document: `<edmx:Edmx Version="4.0" ${edmxNs}/>`, line: 1 },
  'unknown-element': { content: '\n<Kitchen/>', line: 6 },
  'unknown-attribute': { content: '<ComplexType Name="A" Kitchen="b"/>', line: 5 },
  'unexpected-text': { content: '<ComplexType Name="A">text</ComplexType>', line: 5 },
  'attribute-required': { content: '<ComplexType/>', line: 5, also: ['schema-child-name-form'] },
  'attribute-value': { content: '<ComplexType Name="A" Abstract="yes"/>', line: 5 },
  'child-required': { content: '<EntityType Name="E" Abstract="true"><Key/></EntityType>', line: 5 },
  'child-once': {
    content: E('<Key><PropertyRef Name="ID"/></Key>'),
  },
  'reference-read': { also: ['tested in read-model.test.ts'] },
  'included-schema-found': {
    content: '',
    references: '<edmx:Reference Uri="o"><edmx:Include Namespace="nowhere"/></edmx:Reference>',
    resolve: () => csdlDocument('').replace('Namespace="t"', 'Namespace="u"'),
    line: 2,
  },
  'namespace-unique': {
    document: csdlDocument('').replace('</Schema>', `</Schema><Schema Namespace="t" ${schemaNs}/>`),
  },
  'alias-unique': {
    document: csdlDocument('').replace('</Schema>', `</Schema><Schema Namespace="u" Alias="self" ${schemaNs}/>`),
  },
  'name-unique-in-schema': {
    content: '<ComplexType Name="A"/>\n<TypeDefinition Name="A" UnderlyingType="Edm.String"/>',
    line: 6,
  },
  'operation-name-unique': { content: '<ComplexType Name="A"/>\n<Action Name="A"/>', line: 6 },
  'type-resolved': { content: '<ComplexType Name="A"><Property Name="P" Type="self.Q"/></ComplexType>', line: 5 },
  'base-type-resolved': { content: '<ComplexType Name="A" BaseType="self.B"/>', line: 5 },
  'inheritance-cycle': {
    content: '<ComplexType Name="A" BaseType="self.B"/><ComplexType Name="B" BaseType="self.A"/>',
  },
  'key-property-resolved': { content: '<EntityType Name="E"><Key><PropertyRef Name="x"/></Key></EntityType>' },
  'key-declared-once': {
    content: `${E('')}<EntityType Name="F" BaseType="self.E"><Key><PropertyRef Name="ID"/></Key></EntityType>`,
  },
  'property-name-unique': {
    content:
      '<ComplexType Name="A"><Property Name="P" Type="Edm.String"/><Property Name="P" Type="Edm.String"/></ComplexType>',
  },
  'navigation-type': { content: '<ComplexType Name="A"><NavigationProperty Name="N" Type="self.A"/></ComplexType>' },
  'property-type': { content: `${E('<Property Name="P" Type="self.E"/>')}` },
  'enum-underlying-type': { content: '<EnumType Name="A" UnderlyingType="Edm.String"><Member Name="M"/></EnumType>' },
  'enum-has-members': { content: '<EnumType Name="A"/>' },
  'enum-member-unique': { content: '<EnumType Name="A"><Member Name="M"/><Member Name="M"/></EnumType>' },
  'enum-values-all-or-none': {
    content: '<EnumType Name="A"><Member Name="M"/><Member Name="N" Value="4"/></EnumType>',
  },
  'enum-flags-value': { content: '<EnumType Name="A" IsFlags="true"><Member Name="M"/></EnumType>' },
  'type-definition-underlying': { content: '<TypeDefinition Name="A" UnderlyingType="Edm.ComplexType"/>' },
  'set-type': { content: container('<EntitySet Name="S" EntityType="self.X"/>') },
  'singleton-type': { content: container('<Singleton Name="S" Type="Edm.EntityType"/>') },
  'container-once': { content: `${container('')}${container('')}` },
  'container-child-unique': { content: E('') + container('<EntitySet Name="S" EntityType="self.E"/>'.repeat(2)) },
  'container-extends-resolved': { content: container('', 'Extends="self.D"') },
  'import-operation-resolved': { content: container('<ActionImport Name="I" Action="self.A"/>') },
  'annotation-value-once': { content: `${term('Type="Edm.Untyped"')}<Annotation Term="self.T" String="a" Int="1"/>` },
  'annotation-operands': {
    content: `${term('Type="Edm.Boolean"')}<Annotation Term="self.T"><Eq><Int>1</Int></Eq></Annotation>`,
  },
  'annotation-constant': {
    content: `${term('Type="Edm.Untyped"')}<Annotation Term="self.T" Bool="TRUE"/>`,
  },
  'annotation-qualifier-twice': {
    content: `${term('Type="Edm.String"')}<Annotations Target="self.T" Qualifier="A"><Annotation Term="self.T" Qualifier="B"/></Annotations>`,
  },
  'annotation-target-resolved': {
    content: `${term('Type="Edm.String"')}<Annotations Target="self.X"><Annotation Term="self.T"/></Annotations>`,
  },

  // names
  'namespace-form': { document: csdlDocument('').replace('Namespace="t"', 'Namespace="t."') },
  'namespace-reserved': { document: csdlDocument('').replace('Namespace="t"', 'Namespace="odata"') },
  'alias-form': { document: csdlDocument('').replace('Alias="self"', 'Alias="Edm"') },
  'alias-is-no-namespace': { document: csdlDocument('').replace('Alias="self"', 'Alias="t"') },
  'include-alias-form': { content: '', references: core.replace('"Core"', '"1"'), line: 2 },
  'namespace-included-once': { content: '', references: core + core.replace('core', 'other'), line: 2 },
  'reference-uri-once': {
    content: '',
    references: core + core.replace('Core.V1', 'Capabilities.V1').replace('"Core"', '"Cap"'),
  },
  'schema-child-name-form': { content: '<ComplexType Name="1"/>' },
  'property-name-form': { content: '<ComplexType Name="A"><Property Name="a-b" Type="Edm.String"/></ComplexType>' },
  'enum-member-name-form': { content: '<EnumType Name="A"><Member Name="a b"/></EnumType>' },
  'parameter-name-form': { content: '<Action Name="A"><Parameter Name="@p" Type="Edm.String"/></Action>' },
  'container-child-name-form': { content: E('') + container('<EntitySet Name="$s" EntityType="self.E"/>') },
  'property-names-differ-in-case-only': {
    content:
      '<ComplexType Name="A"><Property Name="P" Type="Edm.String"/><Property Name="p" Type="Edm.String"/></ComplexType>',
  },
  'enum-member-names-differ-in-case-only': {
    content: '<EnumType Name="A"><Member Name="M"/><Member Name="m"/></EnumType>',
  },

  // types
  'property-not-named-like-its-type': {
    content: '<ComplexType Name="A"><Property Name="A" Type="Edm.String"/></ComplexType>',
  },
  'inherited-property-keeps-kind': {
    content: `${E('<NavigationProperty Name="N" Type="self.E"/>')}<EntityType Name="F" BaseType="self.E"><Property Name="N" Type="Edm.String"/></EntityType>`,
  },
  'redefined-property-narrows-type': {
    content:
      '<ComplexType Name="A"><Property Name="P" Type="Edm.String"/></ComplexType><ComplexType Name="B" BaseType="self.A"><Property Name="P" Type="Edm.Int32"/></ComplexType>',
  },
  'abstract-type-derives-from-abstract': {
    content: `${E('')}<EntityType Name="F" BaseType="self.E" Abstract="true"/>`,
  },
  'derived-type-of-open-type-is-open': {
    content: '<ComplexType Name="A" OpenType="true"/><ComplexType Name="B" BaseType="self.A"/>',
  },
  'derived-type-of-media-type-is-media-type': {
    content: `${E('', 'HasStream="true"')}<EntityType Name="F" BaseType="self.E"/>`,
  },
  'key-required': { content: '<EntityType Name="E"/>', version: '4.0' },
  'key-property-type': { content: E('').replace('Edm.Int32', 'Edm.Double') },
  'key-property-not-nullable': { content: E('').replace('Nullable="false"', '') },
  'key-path-single-valued': {
    content: `<ComplexType Name="A"><Property Name="ID" Type="Edm.Int32" Nullable="false"/></ComplexType>
      <EntityType Name="E"><Key><PropertyRef Name="P/ID" Alias="X"/></Key><Property Name="P" Type="Collection(self.A)" Nullable="false"/></EntityType>`,
  },
  'key-alias': {
    content: `<ComplexType Name="A"><Property Name="ID" Type="Edm.Int32" Nullable="false"/></ComplexType>
      <EntityType Name="E"><Key><PropertyRef Name="P/ID"/></Key><Property Name="P" Type="self.A" Nullable="false"/></EntityType>`,
    line: 6,
  },
  'values-are-finite': {
    content: `<ComplexType Name="A"><Property Name="P" Type="self.B" Nullable="false"/></ComplexType>
      <ComplexType Name="B"><Property Name="Q" Type="self.A" Nullable="false"/></ComplexType>`,
  },
  'no-collection-of-streams': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Collection(Edm.Stream)" Nullable="false"/></ComplexType>',
  },
  'no-collection-of-edm-primitive-type': {
    content:
      '<ComplexType Name="A"><Property Name="P" Type="Collection(Edm.PrimitiveType)" Nullable="false"/></ComplexType>',
  },
  'untyped-is-4.01': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Edm.Untyped"/></ComplexType>',
    version: '4.0',
  },
  'path-types-in-terms-only': { content: '<Action Name="A"><Parameter Name="p" Type="Edm.PropertyPath"/></Action>' },
  'collection-says-nullable': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Collection(Edm.String)"/></ComplexType>',
  },
  'no-containment-in-complex-collection': {
    content: `${E('<Property Name="P" Type="Collection(self.A)"/>')}<ComplexType Name="A"><NavigationProperty Name="N" Type="self.E" ContainsTarget="true"/></ComplexType>`,
    version: '4.0',
  },
  'default-value': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Edm.Int32" DefaultValue="x"/></ComplexType>',
  },

  // facets
  'facet-applies': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Edm.Int32" MaxLength="3"/></ComplexType>',
  },
  'max-length-positive': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Edm.String" MaxLength="0"/></ComplexType>',
  },
  'max-length-max-is-4.0': {
    content: '<ComplexType Name="A"><Property Name="P" Type="Edm.String" MaxLength="max"/></ComplexType>',
  },
  'precision-range': { content: '<TypeDefinition Name="A" UnderlyingType="Edm.TimeOfDay" Precision="13"/>' },
  'scale-within-precision': {
    content: '<TypeDefinition Name="A" UnderlyingType="Edm.Decimal" Precision="3" Scale="4"/>',
  },
  'scale-floating-is-4.01': {
    content: '<TypeDefinition Name="A" UnderlyingType="Edm.Decimal" Scale="floating"/>',
    version: '4.0',
  },
  'type-definition-of-primitive-type-is-4.01': {
    content: '<TypeDefinition Name="A" UnderlyingType="Edm.PrimitiveType"/>',
    version: '4.0',
  },
  'type-definition-facet-not-respecified': {
    content:
      '<TypeDefinition Name="D" UnderlyingType="Edm.String" MaxLength="3"/><ComplexType Name="A"><Property Name="P" Type="self.D" MaxLength="2"/></ComplexType>',
  },

  // enumerations
  'enum-value-in-range': {
    content: '<EnumType Name="A" UnderlyingType="Edm.Byte"><Member Name="M" Value="256"/></EnumType>',
  },
  'enum-flags-not-negative': { content: '<EnumType Name="A" IsFlags="true"><Member Name="M" Value="-1"/></EnumType>' },
  'enum-flags-are-bits': { content: '<EnumType Name="A" IsFlags="true"><Member Name="M" Value="3"/></EnumType>' },

  // navigation
  'navigation-collection-not-nullable': {
    content: E('<NavigationProperty Name="N" Type="Collection(self.E)" Nullable="false"/>'),
  },
  'partner-on-entity-type-only': {
    content: `${E('<NavigationProperty Name="N" Type="self.E"/>')}<ComplexType Name="A"><NavigationProperty Name="M" Type="self.E" Partner="N"/></ComplexType>`,
  },
  'partner-resolved': { content: E('<NavigationProperty Name="N" Type="self.E" Partner="M"/>') },
  'partner-leads-back': {
    content: `${E('<NavigationProperty Name="N" Type="self.F" Partner="M"/>')}${E('<NavigationProperty Name="M" Type="self.F"/>').replace('Name="E"', 'Name="F"')}`,
  },
  'partner-is-mutual': {
    content: E(
      '<NavigationProperty Name="N" Type="self.E" Partner="M"/><NavigationProperty Name="M" Type="self.E" Partner="O"/><NavigationProperty Name="O" Type="self.E" Partner="M"/>',
    ),
  },
  'containment-partner': {
    content: E(
      '<NavigationProperty Name="N" Type="Collection(self.E)" ContainsTarget="true" Partner="M"/><NavigationProperty Name="M" Type="self.E" Nullable="false" Partner="N"/>',
    ),
  },
  'one-partner-to-a-container': {
    content: E(
      '<NavigationProperty Name="N" Type="Collection(self.E)" ContainsTarget="true" Partner="M"/><NavigationProperty Name="M" Type="self.E" Partner="N"/><NavigationProperty Name="O" Type="Collection(self.E)" ContainsTarget="true" Partner="P"/><NavigationProperty Name="P" Type="self.E" Partner="O"/>',
    ),
  },
  'contained-collection-has-key': {
    content: `${E('<NavigationProperty Name="N" Type="Collection(self.F)" ContainsTarget="true"/>')}<EntityType Name="F"/>`,
  },
  'referential-constraint-single-valued': {
    content: E(
      '<NavigationProperty Name="N" Type="Collection(self.E)"><ReferentialConstraint Property="ID" ReferencedProperty="ID"/></NavigationProperty>',
    ),
  },
  'referential-constraint-resolved': {
    content: E(
      '<NavigationProperty Name="N" Type="self.E"><ReferentialConstraint Property="x" ReferencedProperty="ID"/></NavigationProperty>',
    ),
  },
  'referential-constraint-types-match': {
    content: E(
      '<Property Name="P" Type="Edm.String"/><NavigationProperty Name="N" Type="self.E"><ReferentialConstraint Property="P" ReferencedProperty="ID"/></NavigationProperty>',
    ),
  },
  'referential-constraint-nullable': {
    content: E(
      '<Property Name="P" Type="Edm.Int32" Nullable="false"/><NavigationProperty Name="N" Type="self.E"><ReferentialConstraint Property="P" ReferencedProperty="ID"/></NavigationProperty>',
    ),
  },
  'on-delete-set-null-possible': {
    content: E(
      '<Property Name="P" Type="Edm.Int32" Nullable="false"/><NavigationProperty Name="N" Type="self.E" Nullable="false" Partner="M"><ReferentialConstraint Property="P" ReferencedProperty="ID"/></NavigationProperty><NavigationProperty Name="M" Type="Collection(self.E)" Partner="N"><OnDelete Action="SetNull"/></NavigationProperty>',
    ),
  },

  // operations
  'bound-operation-has-parameter': { content: '<Action Name="A" IsBound="true"/>' },
  'parameter-name-unique': {
    content: `<Action Name="A">${'<Parameter Name="p" Type="Edm.String"/>'.repeat(2)}</Action>`,
  },
  'returned-entity-collection-not-nullable': {
    content: `${E('')}<Action Name="A"><ReturnType Type="Collection(self.E)" Nullable="true"/></Action>`,
  },
  'entity-set-path-of-bound-operation': {
    content: `${E('')}<Action Name="A" EntitySetPath="p"><Parameter Name="p" Type="self.E"/><ReturnType Type="self.E"/></Action>`,
  },
  'entity-set-path-starts-at-binding-parameter': {
    content: `${E('')}<Action Name="A" IsBound="true" EntitySetPath="q"><Parameter Name="p" Type="self.E"/><ReturnType Type="self.E"/></Action>`,
  },
  'entity-set-path-resolved': {
    content: `${E('')}<Action Name="A" IsBound="true" EntitySetPath="p/N"><Parameter Name="p" Type="self.E"/><ReturnType Type="self.E"/></Action>`,
  },
  'entity-set-path-returns-entity': {
    content: `${E('')}<Action Name="A" IsBound="true" EntitySetPath="p"><Parameter Name="p" Type="self.E"/></Action>`,
  },
  'optional-parameters-last': {
    references: core,
    content:
      '<Function Name="F"><Parameter Name="a" Type="Edm.String"><Annotation Term="Core.OptionalParameter"/></Parameter><Parameter Name="b" Type="Edm.String"/><ReturnType Type="Edm.String"/></Function>',
  },
  'action-overload-unique': { content: '<Action Name="A"/>\n<Action Name="A"/>', line: 6 },
  'function-overload-parameter-names-unique': {
    content:
      '<Function Name="F"><Parameter Name="a" Type="Edm.String"/><ReturnType Type="Edm.String"/></Function><Function Name="F"><Parameter Name="a" Type="Edm.Int32"/><ReturnType Type="Edm.String"/></Function>',
  },
  'function-overload-parameter-types-unique': {
    content:
      '<Function Name="F"><Parameter Name="a" Type="Edm.String"/><ReturnType Type="Edm.String"/></Function><Function Name="F"><Parameter Name="b" Type="Edm.String"/><ReturnType Type="Edm.String"/></Function>',
  },
  'function-overloads-return-same-type': {
    content:
      '<Function Name="F"><ReturnType Type="Edm.String"/></Function><Function Name="F"><Parameter Name="b" Type="Edm.String"/><ReturnType Type="Edm.Int32"/></Function>',
  },
  'action-and-function-of-one-name': {
    content: `${E('')}<Function Name="F" IsBound="true"><Parameter Name="b" Type="self.E"/><ReturnType Type="Edm.String"/></Function><Action Name="F" IsBound="true"><Parameter Name="b" Type="self.E"/></Action>`,
    also: ['operation-name-one-kind'],
  },

  // container
  'redefined-container-child-narrows-type': {
    document: csdlDocument(
      `${E('')}${E('').replace('"E"', '"F"')}${container('<EntitySet Name="S" EntityType="self.E"/>')}`,
    ).replace(
      '</Schema>',
      `</Schema><Schema Namespace="u" ${schemaNs}>${container('<EntitySet Name="S" EntityType="self.F"/>', 'Extends="self.C"')}</Schema>`,
    ),
  },
  'container-extends-no-cycle': { content: container('', 'Extends="self.C"') },
  'entity-set-type-has-key': {
    content: `<EntityType Name="E"/>${container('<EntitySet Name="S" EntityType="self.E"/>')}`,
  },
  'singleton-type-has-key-in-4.0': {
    content: `<EntityType Name="E" Abstract="true"/>${container('<Singleton Name="S" Type="self.E"/>')}`,
    version: '4.0',
  },
  'singleton-nullable-is-4.01': {
    content: E('') + container('<Singleton Name="S" Type="self.E" Nullable="true"/>'),
    version: '4.0',
  },
  'binding-path-resolved': {
    content:
      E('') +
      container(
        '<EntitySet Name="S" EntityType="self.E"><NavigationPropertyBinding Path="ID" Target="S"/></EntitySet>',
      ),
  },
  'binding-path-ends-outside-containment': {
    content:
      E('<NavigationProperty Name="N" Type="Collection(self.E)" ContainsTarget="true"/>') +
      container('<EntitySet Name="S" EntityType="self.E"><NavigationPropertyBinding Path="N" Target="S"/></EntitySet>'),
  },
  'binding-path-through-containment-only': {
    content:
      E('<NavigationProperty Name="N" Type="Collection(self.E)"/>') +
      container(
        '<EntitySet Name="S" EntityType="self.E"><NavigationPropertyBinding Path="N/N" Target="S"/></EntitySet>',
      ),
  },
  'binding-path-once': {
    content:
      E('<NavigationProperty Name="N" Type="Collection(self.E)"/>') +
      container(
        `<EntitySet Name="S" EntityType="self.E">${'<NavigationPropertyBinding Path="N" Target="S"/>'.repeat(2)}</EntitySet>`,
      ),
  },
  'binding-target-resolved': {
    content:
      E('<NavigationProperty Name="N" Type="Collection(self.E)"/>') +
      container('<EntitySet Name="S" EntityType="self.E"><NavigationPropertyBinding Path="N" Target="T"/></EntitySet>'),
  },
  'binding-target-type': {
    content:
      E('<NavigationProperty Name="N" Type="Collection(self.E)"/>') +
      E('').replace('"E"', '"F"') +
      container(
        '<EntitySet Name="S" EntityType="self.E"><NavigationPropertyBinding Path="N" Target="T"/></EntitySet><EntitySet Name="T" EntityType="self.F"/>',
      ),
  },
  'import-entity-set-resolved': {
    content: `${E('')}<Action Name="A"><ReturnType Type="self.E"/></Action>${container('<ActionImport Name="I" Action="self.A" EntitySet="X"/>')}`,
  },
  'import-entity-set-returns-entity': {
    content: `${E('')}<Action Name="A"/>${container('<EntitySet Name="S" EntityType="self.E"/><ActionImport Name="I" Action="self.A" EntitySet="S"/>')}`,
  },
  'function-in-service-document-has-no-parameters': {
    content: `<Function Name="F"><Parameter Name="p" Type="Edm.String"/><ReturnType Type="Edm.String"/></Function>${container('<FunctionImport Name="I" Function="self.F" IncludeInServiceDocument="true"/>')}`,
  },

  // annotations
  'annotation-namespace-in-scope': { content: '<ComplexType Name="A"><Annotation Term="x.Y"/></ComplexType>' },
  'labeled-element-unique': {
    content: `${term('Type="Edm.Untyped"')}<ComplexType Name="A"><Annotation Term="self.T"><Collection>${'<LabeledElement Name="L" Int="1"/>'.repeat(2)}</Collection></Annotation></ComplexType>`,
  },
  'term-default-value': { content: term('Type="Edm.Int32" DefaultValue="x"') },
  'base-term-resolved': { content: term('Type="Edm.Int32" BaseTerm="self.U"') },
  'annotation-once': {
    content: `${term('Type="Edm.String"')}<ComplexType Name="A">${'<Annotation Term="self.T"/>'.repeat(2)}</ComplexType>`,
  },
  'annotation-term-resolved': { content: '<ComplexType Name="A"><Annotation Term="self.T"/></ComplexType>' },
  'annotation-applies-to': {
    content: `${term('Type="Edm.String" AppliesTo="EntitySet"')}<ComplexType Name="A"><Annotation Term="self.T"/></ComplexType>`,
  },
  'annotation-base-term-applied': {
    content: `${term('Type="Edm.String"')}<Term Name="U" Type="Edm.String" BaseTerm="self.T"/><ComplexType Name="A"><Annotation Term="self.U"/></ComplexType>`,
  },
  'annotation-constant-form': {
    content: `${term('Type="Edm.Date"')}<ComplexType Name="A"><Annotation Term="self.T" Date="2001-02-30"/></ComplexType>`,
  },
  'annotation-value-type': {
    content: `${term('Type="Edm.Int32"')}<ComplexType Name="A"><Annotation Term="self.T" String="x"/></ComplexType>`,
  },
  'annotation-path-resolved': {
    content: `${term('Type="Edm.Int32"')}<ComplexType Name="A"><Annotation Term="self.T" Path="x"/></ComplexType>`,
  },
  'json-schema': { content: jsonSchema('{"type":"objekt"}'), also: ['annotation-namespace-in-scope'], line: 5 },
  'json-schema-known': {
    content: jsonSchema('{"$ref":"https://example.com/s.json"}'),
    also: ['annotation-namespace-in-scope'],
  },
  'annotation-null-allowed': {
    content: `<Term Name="T" Type="Edm.Int32" Nullable="false"/><ComplexType Name="A"><Annotation Term="self.T"><Null/></Annotation></ComplexType>`,
  },
  'annotation-record-type': {
    content: `<ComplexType Name="X"/><ComplexType Name="Y"/><Term Name="T" Type="self.X"/><ComplexType Name="A"><Annotation Term="self.T"><Record Type="self.Y"/></Annotation></ComplexType>`,
  },
  'annotation-record-complete': {
    content: `<ComplexType Name="X"><Property Name="a" Type="Edm.Int32" Nullable="false"/></ComplexType><Term Name="T" Type="self.X"/><ComplexType Name="A"><Annotation Term="self.T"><Record/></Annotation></ComplexType>`,
  },
  'annotation-record-property-once': {
    content: `<ComplexType Name="X"><Property Name="a" Type="Edm.Int32" Nullable="false"/></ComplexType><Term Name="T" Type="self.X"/><ComplexType Name="A"><Annotation Term="self.T"><Record>${'<PropertyValue Property="a" Int="1"/>'.repeat(2)}</Record></Annotation></ComplexType>`,
  },
  'annotation-function-known': {
    content: `<Term Name="T" Type="Edm.String"/><ComplexType Name="A"><Annotation Term="self.T"><Apply Function="odata.concat"><String>a</String></Apply></Annotation></ComplexType>`,
  },
  'annotation-operand-type': {
    content: `<Term Name="T" Type="Edm.Boolean"/><ComplexType Name="A"><Annotation Term="self.T"><Not><String>a</String></Not></Annotation></ComplexType>`,
  },
  'annotation-path-kind': {
    content: `<Term Name="T" Type="Edm.AnnotationPath"/><ComplexType Name="A"><Annotation Term="self.T"><AnnotationPath>a/b</AnnotationPath></Annotation></ComplexType>`,
  },
  'labeled-element-resolved': {
    content: `<Term Name="T" Type="Edm.String"/><ComplexType Name="A"><Annotation Term="self.T"><LabeledElementReference>self.L</LabeledElementReference></Annotation></ComplexType>`,
  },
  'annotation-value-within-facets': {
    content: `<Term Name="T" Type="Edm.String" MaxLength="2"/><ComplexType Name="A"><Annotation Term="self.T" String="abc"/></ComplexType>`,
  },
  'annotation-path-type': {
    content: `<Term Name="T" Type="Edm.Boolean"/><ComplexType Name="A"><Property Name="P" Type="Edm.String"/><Annotation Term="self.T" Path="P"/></ComplexType>`,
  },
  'annotation-absolute-path-resolved': {
    content: `${E('')}${container('<EntitySet Name="Es" EntityType="self.E"/>')}<Term Name="T" Type="Edm.ModelElementPath"/><ComplexType Name="A"><Annotation Term="self.T" ModelElementPath="/self.C/Es/Kitchen"/></ComplexType>`,
  },
  'alternate-key-alias-unique': {
    content: E(
      '<Property Name="P" Type="Edm.String"/><Annotation Term="Org.OData.Core.V1.AlternateKeys"><Collection><Record><PropertyValue Property="Key"><Collection><Record><PropertyValue Property="Name" PropertyPath="P"/><PropertyValue Property="Alias" String="ID"/></Record></Collection></PropertyValue></Record></Collection></Annotation>',
    ),
    also: ['annotation-namespace-in-scope'],
  },
  'items-of-path-once': {
    content: E(
      `<NavigationProperty Name="a" Type="Collection(self.E)"/><NavigationProperty Name="b" Type="Collection(self.E)"/><Annotation Term="Org.OData.Validation.V1.ItemsOf"><Collection>${'<Record><PropertyValue Property="path" NavigationPropertyPath="a"/><PropertyValue Property="target" NavigationPropertyPath="b"/></Record>'.repeat(2)}</Collection></Annotation>`,
    ),
    also: ['annotation-namespace-in-scope'],
  },
  'multiple-of-positive': {
    content: `<TypeDefinition Name="A" UnderlyingType="Edm.Decimal"><Annotation Term="Org.OData.Validation.V1.MultipleOf" Decimal="0"/></TypeDefinition>`,
    also: ['annotation-namespace-in-scope'],
  },
  'binding-parameter-not-optional': {
    content: `${E('')}<Action Name="a" IsBound="true"><Parameter Name="e" Type="self.E"><Annotation Term="Org.OData.Core.V1.OptionalParameter"/></Parameter></Action>`,
    also: ['annotation-namespace-in-scope'],
  },
  'custom-aggregate-form': {
    content: E('<Annotation Term="Org.OData.Aggregation.V1.CustomAggregate" String="Edm.Decimal"/>'),
    also: ['annotation-namespace-in-scope'],
  },
  'aggregation-method-qualified': {
    content: `${E('')}${container('<EntitySet Name="Es" EntityType="self.E"><Annotation Term="Org.OData.Aggregation.V1.ApplySupported"><Record><PropertyValue Property="CustomAggregationMethods"><Collection><String>median</String></Collection></PropertyValue></Record></Annotation></EntitySet>')}`,
    also: ['annotation-namespace-in-scope'],
  },
  'recursive-hierarchy-parent': {
    content: `<EntityType Name="F"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/></EntityType>${E('<NavigationProperty Name="p" Type="self.F"/><Annotation Term="Org.OData.Aggregation.V1.RecursiveHierarchy" Qualifier="H"><Record><PropertyValue Property="NodeProperty" PropertyPath="ID"/><PropertyValue Property="ParentNavigationProperty" NavigationPropertyPath="p"/></Record></Annotation>')}`,
    also: ['annotation-namespace-in-scope'],
  },
  'base-term-cycle': { content: term('Type="Edm.String" BaseTerm="self.T"') },
  'term-applies-to-known': { content: term('Type="Edm.String" AppliesTo="Kitchen"') },
  'term-collection-says-nullable': { content: term('Type="Collection(Edm.String)"') },
  'schema-names-differ-in-case-only': { content: '<ComplexType Name="Ab"/><ComplexType Name="aB"/>' },
  'container-names-differ-in-case-only': {
    content: E('') + container('<EntitySet Name="Es" EntityType="self.E"/><Singleton Name="eS" Type="self.E"/>'),
  },
  'operation-name-one-kind': {
    content: '<Action Name="a"/><Function Name="a"><ReturnType Type="Edm.Int32"/></Function>',
  },
  'key-property-once': {
    content:
      '<EntityType Name="E"><Key><PropertyRef Name="a"/><PropertyRef Name="a"/></Key><Property Name="a" Type="Edm.Int32" Nullable="false"/></EntityType>',
  },
  'key-of-related-type-is-whole': {
    content:
      '<EntityType Name="F"><Key><PropertyRef Name="a"/><PropertyRef Name="b"/></Key><Property Name="a" Type="Edm.Int32" Nullable="false"/><Property Name="b" Type="Edm.Int32" Nullable="false"/></EntityType><EntityType Name="E"><Key><PropertyRef Name="n/a" Alias="na"/></Key><NavigationProperty Name="n" Type="self.F" Nullable="false"/></EntityType>',
  },
  'entity-holds-no-paths': {
    content: `<ComplexType Name="X"><Property Name="a" Type="Edm.PropertyPath"/></ComplexType>${E('<Property Name="p" Type="self.X"/>')}`,
  },
  'no-stream-parameters': { content: '<Action Name="a"><Parameter Name="p" Type="Edm.Stream"/></Action>' },
  'default-value-within-max-length': {
    content: E('<Property Name="p" Type="Edm.String" MaxLength="1" DefaultValue="ab"/>'),
  },
  'type-definition-of-primitive-type-has-no-facets': {
    content: '<TypeDefinition Name="D" UnderlyingType="Edm.PrimitiveType" MaxLength="5"/>',
  },
  'referential-constraint-once': {
    content: E(
      '<Property Name="p" Type="Edm.Int32"/><NavigationProperty Name="n" Type="self.E">' +
        '<ReferentialConstraint Property="p" ReferencedProperty="ID"/>'.repeat(2) +
        '</NavigationProperty>',
    ),
  },
  'import-entity-set-type': {
    content: `${E('')}<EntityType Name="F"/><Action Name="a"><ReturnType Type="self.F"/></Action>${container('<EntitySet Name="Es" EntityType="self.E"/><ActionImport Name="a" Action="self.a" EntitySet="Es"/>')}`,
  },
  'binding-path-cast-last-is-4.01': {
    content: `${E('<NavigationProperty Name="n" Type="self.E"/>')}<EntityType Name="F" BaseType="self.E"/>${container('<EntitySet Name="Es" EntityType="self.E"><NavigationPropertyBinding Path="n/self.F" Target="Es"/></EntitySet>')}`,
    version: '4.0',
  },
  'related-type-has-key-in-4.0': {
    content: `<EntityType Name="F" Abstract="true"/>${E('<NavigationProperty Name="n" Type="self.F"/>')}`,
    version: '4.0',
  },
  'annotation-if-has-else': {
    content: `${term('Type="Edm.Untyped"')}<ComplexType Name="A"><Annotation Term="self.T"><If><Bool>true</Bool><Int>1</Int></If></Annotation></ComplexType>`,
  },
}

describe('the rules of CSDL', () => {
  for (const { name, section, severity } of ruleTable) {
    const given = cases[name]
    if (given && given.content === undefined && given.document === undefined) continue
    it(`${name} (${section}): ${severity}`, () => {
      expect(given, `no case for '${name}'`).toBeDefined()
      const { content = '', document, version, references, line, resolve, also = [] } = given ?? {}
      const text = document ?? csdlDocument(content, { ...(version && { version }), ...(references && { references }) })
      const { model, problems } = tryCsdl(text, resolve ? { resolve } : {})
      const found = problems.find((problem) => problem.rule === name)
      expect(found, JSON.stringify(problems)).toMatchObject({ file: 'test.xml', severity })
      if (line !== undefined) expect(found?.line).toBe(line)
      expect(model === undefined).toBe(problems.some((problem) => problem.severity === 'error'))
      // The case breaks nothing else, so that it really is this rule that speaks.
      expect(problems.map(({ rule }) => rule).filter((rule) => rule !== name && !also.includes(rule))).toEqual([])
    })
  }

  it('has no case for a rule that does not exist', () => {
    const names = new Set(ruleTable.map(({ name }) => name))
    expect(Object.keys(cases).filter((name) => !names.has(name))).toEqual([])
  })
})
