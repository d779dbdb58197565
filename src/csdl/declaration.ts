import type { Place, Source } from './problems.ts'

/**
 * What a document declares, before names are resolved: one node for each element of CSDL XML. The JSON reader makes the same
 * nodes, so that everything after it is written once.
 */
export interface Declaration extends Place {
  /** local name of the element (`EntityType`, `Property`, `Record` ...) */
  readonly name: string
  /** attributes without namespace, by name; no prototype */
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Declaration[]
  /** character content of constant expressions and paths, else empty */
  readonly text: string
  readonly source: Source
  /** of the `<`, or of the member's name in JSON */
  readonly offset: number
  /** JSON only: a string whose kind (date, path, enumeration member ...) the term's type decides */
  readonly untyped?: true
}

/** What an element may hold (CSDL XML, appendix B). */
export interface ElementGrammar {
  readonly required: readonly string[]
  readonly attributes: ReadonlySet<string>
  readonly children: ReadonlySet<string>
  readonly text: boolean
}

const facets = ['MaxLength', 'Unicode', 'Precision', 'Scale', 'SRID']

/** Constant and path expressions, which can stand as an attribute as well as an element (CSDL XML 14.3, 14.4.1). */
export const constantNames: readonly string[] = [
  'Binary',
  'Bool',
  'Date',
  'DateTimeOffset',
  'Decimal',
  'Duration',
  'EnumMember',
  'Float',
  'Guid',
  'Int',
  'String',
  'TimeOfDay',
  'AnnotationPath',
  'AnyPropertyPath',
  'ModelElementPath',
  'NavigationPropertyPath',
  'PropertyPath',
  'Path',
]

/** Operators of comparison, logic and arithmetic (CSDL XML 14.4.2, 14.4.3). */
export const operatorNames: readonly string[] = [
  'And',
  'Or',
  'Not',
  'Eq',
  'Ne',
  'Gt',
  'Ge',
  'Lt',
  'Le',
  'Has',
  'In',
  'Add',
  'Sub',
  'Neg',
  'Mul',
  'Div',
  'DivBy',
  'Mod',
]

/** All elements that are annotation expressions. */
export const expressionNames: ReadonlySet<string> = new Set([
  ...constantNames,
  ...operatorNames,
  'Apply',
  'Cast',
  'Collection',
  'If',
  'IsOf',
  'LabeledElement',
  'LabeledElementReference',
  'Null',
  'Record',
  'UrlRef',
])

const inlineValues = [...constantNames, 'UrlRef']
const annotation = ['Annotation']

function element(
  required: readonly string[],
  optional: readonly string[],
  children: Iterable<string>,
  text = false,
): ElementGrammar {
  return { required, attributes: new Set([...required, ...optional]), children: new Set(children), text }
}

const dynamic = (required: readonly string[] = [], optional: readonly string[] = []): ElementGrammar =>
  element(required, optional, [...expressionNames, ...annotation])

/** Every element of the edm and edmx namespaces. */
export const grammar: ReadonlyMap<string, ElementGrammar> = new Map<string, ElementGrammar>([
  ['Edmx', element(['Version'], [], ['Reference', 'DataServices'])],
  ['Reference', element(['Uri'], [], ['Include', 'IncludeAnnotations', ...annotation])],
  ['Include', element(['Namespace'], ['Alias'], annotation)],
  ['IncludeAnnotations', element(['TermNamespace'], ['Qualifier', 'TargetNamespace'], [])],
  ['DataServices', element([], [], ['Schema'])],
  [
    'Schema',
    element(
      ['Namespace'],
      ['Alias'],
      [
        'Action',
        'Annotations',
        'ComplexType',
        'EntityContainer',
        'EntityType',
        'EnumType',
        'Function',
        'Term',
        'TypeDefinition',
        ...annotation,
      ],
    ),
  ],
  [
    'EntityType',
    element(
      ['Name'],
      ['BaseType', 'Abstract', 'OpenType', 'HasStream'],
      ['Key', 'Property', 'NavigationProperty', ...annotation],
    ),
  ],
  [
    'ComplexType',
    element(['Name'], ['BaseType', 'Abstract', 'OpenType'], ['Property', 'NavigationProperty', ...annotation]),
  ],
  ['Key', element([], [], ['PropertyRef'])],
  ['PropertyRef', element(['Name'], ['Alias'], [])],
  ['Property', element(['Name', 'Type'], ['Nullable', 'DefaultValue', ...facets], annotation)],
  [
    'NavigationProperty',
    element(
      ['Name', 'Type'],
      ['Nullable', 'Partner', 'ContainsTarget'],
      ['ReferentialConstraint', 'OnDelete', ...annotation],
    ),
  ],
  ['ReferentialConstraint', element(['Property', 'ReferencedProperty'], [], annotation)],
  ['OnDelete', element(['Action'], [], annotation)],
  ['EnumType', element(['Name'], ['UnderlyingType', 'IsFlags'], ['Member', ...annotation])],
  ['Member', element(['Name'], ['Value'], annotation)],
  ['TypeDefinition', element(['Name', 'UnderlyingType'], facets, annotation)],
  ['Action', element(['Name'], ['IsBound', 'EntitySetPath'], ['ReturnType', 'Parameter', ...annotation])],
  [
    'Function',
    element(['Name'], ['IsBound', 'IsComposable', 'EntitySetPath'], ['ReturnType', 'Parameter', ...annotation]),
  ],
  ['ReturnType', element(['Type'], ['Nullable', ...facets], annotation)],
  ['Parameter', element(['Name', 'Type'], ['Nullable', ...facets], annotation)],
  [
    'EntityContainer',
    element(['Name'], ['Extends'], ['EntitySet', 'Singleton', 'ActionImport', 'FunctionImport', ...annotation]),
  ],
  [
    'EntitySet',
    element(['Name', 'EntityType'], ['IncludeInServiceDocument'], ['NavigationPropertyBinding', ...annotation]),
  ],
  ['Singleton', element(['Name', 'Type'], ['Nullable'], ['NavigationPropertyBinding', ...annotation])],
  ['NavigationPropertyBinding', element(['Path', 'Target'], [], [])],
  ['ActionImport', element(['Name', 'Action'], ['EntitySet'], annotation)],
  ['FunctionImport', element(['Name', 'Function'], ['EntitySet', 'IncludeInServiceDocument'], annotation)],
  ['Term', element(['Name', 'Type'], ['Nullable', 'DefaultValue', 'BaseTerm', 'AppliesTo', ...facets], annotation)],
  ['Annotations', element(['Target'], ['Qualifier'], annotation)],
  ['Annotation', dynamic(['Term'], ['Qualifier', ...inlineValues])],
  ...constantNames.map((name) => [name, element([], [], [], true)] as const),
  ...operatorNames.map((name) => [name, dynamic()] as const),
  ['Apply', dynamic(['Function'])],
  ['Cast', dynamic(['Type'], [...facets, ...inlineValues])],
  ['IsOf', dynamic(['Type'], [...facets, ...inlineValues])],
  ['Collection', element([], [], expressionNames)],
  ['If', dynamic()],
  ['LabeledElement', dynamic(['Name'], inlineValues)],
  ['LabeledElementReference', element([], ['Name'], [], true)],
  ['Null', element([], [], annotation)],
  ['Record', element([], ['Type'], ['PropertyValue', ...annotation])],
  ['PropertyValue', dynamic(['Property'], inlineValues)],
  ['UrlRef', dynamic([], inlineValues)],
])

/** Elements of the edmx namespace; all others are of the edm namespace (CSDL XML 2.2). */
export const edmxNames: ReadonlySet<string> = new Set([
  'Edmx',
  'Reference',
  'Include',
  'IncludeAnnotations',
  'DataServices',
])
