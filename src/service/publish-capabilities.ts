import { functionNames } from '../bind/functions.ts'
import type { Annotation, AnnotationExpression, EntityContainer, Model, RecordMember, Reference } from '../edm/model.ts'
import { transformationNames } from '../url/apply.ts'

/** What this service can do, as far as it is not the same for all services. */
export interface ServiceFeatures {
  readonly keyAsSegment: boolean
  readonly batch: boolean
  /** the store keeps a history */
  readonly changeTracking: boolean
  /** protocols of the callbacks that are made when asynchronous requests are done; empty: none are */
  readonly callbacks: readonly string[]
  /** the store can hold reads to one state of the data */
  readonly isolation: boolean
  /** the store has transactions: bodies may nest entities */
  readonly deepWrites: boolean
  readonly compute: boolean
  readonly expand: boolean
  readonly search: boolean
}

/**
 * What odatum supports at present; `test/http/published-capabilities.test.ts` asks a running service and fails where this
 * is not the truth.
 */
export const supported: Omit<
  ServiceFeatures,
  'keyAsSegment' | 'callbacks' | 'changeTracking' | 'isolation' | 'deepWrites'
> = {
  batch: true,
  compute: true,
  expand: true,
  search: true,
}

/**
 * A model with Capabilities annotations on its entity container that say what the service supports, where the model itself says
 * nothing of it: for `$metadata` only. What is enforced is what the model says.
 * @returns the model itself where its container is not its own, or says all
 */
export function publishCapabilities(model: Model, features: ServiceFeatures): Model {
  const { container } = model
  const holder = model.schemas.find((schema) => schema.container === container)
  if (container === undefined || holder === undefined) return model
  const said = new Set(container.annotations.map(({ term }) => term))
  const added = annotationsOf(features).filter(({ term }) => !said.has(term))
  if (added.length === 0) return model
  const annotated: EntityContainer = Object.freeze({ ...container, annotations: [...container.annotations, ...added] })
  return Object.freeze({
    ...model,
    references: withReferences(model, added),
    schemas: model.schemas.map((schema) => (schema === holder ? { ...schema, container: annotated } : schema)),
    container: annotated,
  })
}

const capabilities = 'Org.OData.Capabilities.V1.'
const aggregation = 'Org.OData.Aggregation.V1.'
const core = 'Org.OData.Core.V1.'

function annotationsOf(features: ServiceFeatures): readonly Annotation[] {
  const { batch, compute, expand, search } = features
  return [
    annotation(`${core}ODataVersions`, text('4.0 4.01')),
    annotation(`${core}ConventionalIDs`, yes),
    annotation(`${core}DereferenceableIDs`, yes),
    annotation(
      `${capabilities}SupportedFormats`,
      texts(['minimal', 'full', 'none'].map((level) => `application/json;odata.metadata=${level}`)),
    ),
    annotation(`${capabilities}SupportedMetadataFormats`, texts(['application/xml', 'application/json'])),
    annotation(`${capabilities}KeyAsSegmentSupported`, bool(features.keyAsSegment)),
    annotation(`${capabilities}AsynchronousRequestsSupported`, yes),
    ...(features.callbacks.length > 0
      ? [
          annotation(
            `${capabilities}CallbackSupported`,
            record({
              CallbackProtocols: {
                kind: 'collection',
                items: features.callbacks.map((id) => record({ Id: text(id) })),
              },
            }),
          ),
        ]
      : []),
    ...(features.isolation
      ? [
          annotation(`${capabilities}IsolationSupported`, {
            kind: 'enumMember',
            value: `${capabilities}IsolationLevel/Snapshot`,
          }),
        ]
      : []),
    annotation(`${capabilities}BatchSupported`, bool(batch)),
    annotation(
      `${capabilities}BatchSupport`,
      record({
        Supported: bool(batch),
        ContinueOnErrorSupported: yes,
        ReferencesInRequestBodiesSupported: no,
        ReferencesAcrossChangeSetsSupported: yes,
        EtagReferencesSupported: yes,
        RequestDependencyConditionsSupported: yes,
        SupportedFormats: texts(['multipart/mixed', 'application/json']),
      }),
    ),
    annotation(
      `${capabilities}DeepInsertSupport`,
      record({ Supported: bool(features.deepWrites), ContentIDSupported: bool(features.deepWrites) }),
    ),
    annotation(
      `${capabilities}DeepUpdateSupport`,
      record({ Supported: bool(features.deepWrites), ContentIDSupported: bool(features.deepWrites) }),
    ),
    annotation(`${capabilities}CrossJoinSupported`, yes),
    annotation(`${capabilities}QuerySegmentSupported`, yes),
    annotation(`${capabilities}AnnotationValuesInQuerySupported`, yes),
    annotation(`${capabilities}FilterFunctions`, texts([...operators, ...functionNames])),
    annotation(
      `${aggregation}ApplySupportedDefaults`,
      record({
        Transformations: texts(transformationNames),
        Rollup: { kind: 'enumMember', value: `${aggregation}RollupType/MultipleHierarchies` },
        From: yes,
      }),
    ),
    annotation(
      `${capabilities}DefaultCapabilities`,
      record({
        ChangeTracking: record({ Supported: bool(features.changeTracking) }),
        CountRestrictions: record({ Countable: yes }),
        IndexableByKey: yes,
        TopSupported: yes,
        SkipSupported: yes,
        ComputeSupported: bool(compute),
        // what is not said is false there
        SelectSupport: record({
          Supported: yes,
          Filterable: yes,
          TopSupported: yes,
          SkipSupported: yes,
          ComputeSupported: bool(compute),
          Countable: yes,
          Sortable: yes,
        }),
        FilterRestrictions: record({ Filterable: yes }),
        SortRestrictions: record({ Sortable: yes }),
        ExpandRestrictions: record({ Expandable: bool(expand), StreamsExpandable: bool(expand) }),
        SearchRestrictions: record({ Searchable: bool(search) }),
      }),
    ),
  ]
}

/** URL Conventions 5.1.1.1 to 5.1.1.3, 5.1.1.13. */
const operators = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'has', 'in', 'and', 'or', 'not']
  .concat(['add', 'sub', 'mul', 'div', 'divby', 'mod'])
  .concat(['any', 'all'])

const vocabularies: Readonly<Record<string, string>> = {
  'Org.OData.Aggregation.V1':
    'https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Aggregation.V1.xml',
  'Org.OData.Capabilities.V1':
    'https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Capabilities.V1.xml',
  'Org.OData.Core.V1': 'https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Core.V1.xml',
}

/** References to the vocabularies of the annotations, where the model has none. */
function withReferences(model: Model, added: readonly Annotation[]): readonly Reference[] {
  const known = new Set([
    ...model.references.flatMap(({ includes }) => includes.map(({ namespace }) => namespace)),
    ...[...model.schemas, ...model.includedSchemas].map(({ namespace }) => namespace),
  ])
  const missing = Object.entries(vocabularies).filter(
    ([namespace]) => !known.has(namespace) && added.some(({ term }) => term.startsWith(`${namespace}.`)),
  )
  return [
    ...model.references,
    ...missing.map(
      ([namespace, uri]): Reference => ({
        uri,
        includes: [{ namespace, alias: undefined, annotations: [] }],
        includeAnnotations: [],
        annotations: [],
      }),
    ),
  ]
}

function annotation(term: string, value: AnnotationExpression): Annotation {
  return { term, qualifier: undefined, value, annotations: [], externalTarget: undefined }
}

function bool(value: boolean): AnnotationExpression {
  return { kind: 'bool', value }
}

const yes = bool(true)
const no = bool(false)

function text(value: string): AnnotationExpression {
  return { kind: 'string', value }
}

function texts(values: readonly string[]): AnnotationExpression {
  return { kind: 'collection', items: values.map(text) }
}

function record(values: Readonly<Record<string, AnnotationExpression>>): AnnotationExpression {
  const members = Object.entries(values).map(
    ([property, value]): RecordMember => ({ property, value, annotations: [] }),
  )
  return { kind: 'record', type: undefined, values: members, annotations: [] }
}
