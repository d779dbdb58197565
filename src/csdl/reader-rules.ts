/**
 * The rules that are checked while a document is read and linked, before there is a model. `section` is the anchor in OData
 * CSDL XML 4.01 (`odata-csdl-xml-v4.01.html#...`). The rules that look at the finished model are in `rules/`.
 */
const e = (section: string) => ({ section, severity: 'error' }) as const
const w = (section: string) => ({ section, severity: 'warning' }) as const

export const readerRules = {
  'xml-well-formed': e('XMLRepresentation'),
  encoding: e('XMLRepresentation'),
  'no-doctype': e('XMLRepresentation'),
  'json-well-formed': e('CSDLXMLDocument'),
  'nesting-depth': e('XMLRepresentation'),
  'document-root': e('ElementedmxEdmx.2'),
  'document-version': e('AttributeVersion.2.1'),
  'document-version-later': w('AttributeVersion.2.1'),
  'data-services-once': e('ElementedmxDataServices.3'),
  'unknown-element': w('XMLRepresentation'),
  'unknown-attribute': w('XMLRepresentation'),
  'unexpected-text': w('XMLRepresentation'),
  'attribute-required': e('TableofXMLElementsandAttributes'),
  'attribute-value': e('TableofXMLElementsandAttributes'),
  'child-required': e('TableofXMLElementsandAttributes'),
  'child-once': e('TableofXMLElementsandAttributes'),
  'reference-read': e('Reference'),
  'included-schema-found': e('IncludedSchema'),
  'namespace-unique': e('Schema'),
  'alias-unique': e('Alias'),
  'name-unique-in-schema': e('Schema'),
  'operation-name-unique': w('Schema'),
  'type-resolved': e('Type'),
  'base-type-resolved': e('DerivedEntityType'),
  'inheritance-cycle': e('DerivedEntityType'),
  'key-property-resolved': e('Key'),
  'key-declared-once': e('Key'),
  'property-name-unique': e('StructuralProperty'),
  'navigation-type': e('NavigationPropertyType'),
  'property-type': e('StructuralProperty'),
  'enum-underlying-type': e('UnderlyingIntegerType'),
  'enum-has-members': w('EnumerationType'),
  'enum-member-unique': e('EnumerationTypeMember'),
  'enum-values-all-or-none': e('EnumerationTypeMember'),
  'enum-flags-value': e('EnumerationTypeMember'),
  'type-definition-underlying': e('UnderlyingPrimitiveType'),
  'set-type': e('EntitySet'),
  'singleton-type': e('Singleton'),
  'container-once': e('EntityContainer'),
  'container-child-unique': e('EntityContainer'),
  'container-extends-resolved': e('ExtendinganEntityContainer'),
  'import-operation-resolved': e('FunctionImport'),
  'annotation-value-once': e('Annotation'),
  'annotation-operands': e('DynamicExpression'),
  'annotation-constant': w('ConstantExpression'),
  'annotation-qualifier-twice': e('AttributeQualifier.31.2'),
  'annotation-target-resolved': w('Target'),
} as const satisfies Record<string, { readonly section: string; readonly severity: 'error' | 'warning' }>

export type ReaderRule = keyof typeof readerRules
