/**
 * What odatum does with each term of the OASIS vocabularies: docs/csdl.md is made from this table, and a service says at its
 * start which annotations of its model it does not enforce. A test holds it against the vocabularies (every term is here), against
 * the files and tests it names, and against the page.
 */

/**
 * - `enforced`: requests are held to it,
 * - `partly`: to some of it, as `what` says,
 * - `served`: it says something to clients and tools, and there is nothing to enforce; it is written to `$metadata`,
 * - `not yet`: it should have an effect and has none,
 * - `not applicable`: it tells of something that this service cannot have, for the reason that `what` gives.
 */
export type TermStatus = 'enforced' | 'partly' | 'served' | 'not yet' | 'not applicable'

export interface TermEntry {
  readonly status: TermStatus
  /** what it does here, or what is missing; for a person */
  readonly what: string
  /** the source file that does it */
  readonly file?: string
  /** the test that shows it */
  readonly test?: string
}

const query = 'test/unit/plan/capabilities/query.test.ts'
const access = 'test/unit/plan/capabilities/access.test.ts'
const http = 'test/http/vocabularies.test.ts'
const apply = 'test/unit/plan/capabilities/apply-support.test.ts'
const validation = 'test/unit/payload/validation/validation.test.ts'
const batches = 'src/service/batch-support.ts'
const batchTest = 'test/unit/service/batch-support.test.ts'
const here = 'src/plan/capabilities'
const checks = 'src/payload/validation'

function enforced(what: string, file: string, test: string): TermEntry {
  return { status: 'enforced', what, file, test }
}

function partly(what: string, file: string, test: string): TermEntry {
  return { status: 'partly', what, file, test }
}

const served: TermEntry = { status: 'served', what: 'for clients and tools' }

function notYet(what: string): TermEntry {
  return { status: 'not yet', what }
}

const called = 'test/http/operations.test.ts'
const media = 'test/http/media.test.ts'
const terms = 'test/http/terms.test.ts'

const core: Readonly<Record<string, TermEntry>> = {
  AcceptableMediaTypes: enforced(
    '415 for other media of media entities, stream properties, and raw values of binary and string properties',
    'src/service/media-rules.ts',
    media,
  ),
  AdditionalProperties: served,
  AlternateKeys: enforced(
    'entities are found by them; unique indexes but for contained collections',
    'src/bind/keys.ts',
    http,
  ),
  AnyStructure: served,
  AppliesViaContainer: { status: 'served', what: 'about terms, for tools' },
  AutoExpand: enforced(
    'navigation properties and streams of the rows asked for and of what is expanded, where nothing forbids it; streams of single complex values where $select gives all of the value, or the stream (not at the URL of the value itself); media of types derived from that of the set only where that has it; no streams in what operations give',
    `${here}/auto-expand.ts`,
    access,
  ),
  AutoExpandReferences: enforced('as AutoExpand', `${here}/auto-expand.ts`, access),
  Computed: enforced(
    'a client’s value is ignored; kept by PUT; keys are made',
    'src/payload/read-structured.ts',
    'test/http/create-faults.test.ts',
  ),
  ComputedDefaultValue: partly(
    'the property need not be given; the service makes keys, and for what a new entity and its complex values leave out (a null that is said stays, where there may be one; no foreign keys) values of Guid (new), DateTimeOffset (now) and Date (today, UTC), behind the hooks; of other types it makes none, as nothing says what they would mean: a controller’s `beforeCreate` can',
    'src/payload/read-structured.ts',
    http,
  ),
  ContentDisposition: enforced(
    'the header of streams and of `/$value` of other properties, the file name constant or a path',
    'src/service/media-rules.ts',
    media,
  ),
  ContentID: enforced(
    'of nested entities in bodies: the answer gives it back',
    'src/service/deep/content-ids.ts',
    'test/http/deep-update.test.ts',
  ),
  ConventionalIDs: { status: 'served', what: 'entity ids always follow the conventions; published' },
  DataModificationException: { status: 'served', what: 'an instance annotation of answers' },
  DefaultNamespace: enforced(
    'types and operations of the schema can be named without it in URLs',
    'src/bind/context.ts',
    'test/unit/bind/operations.test.ts',
  ),
  DereferenceableIDs: { status: 'served', what: 'entity ids can always be read; published' },
  Description: { status: 'served', what: 'also in OpenAPI and TypeScript types' },
  Example: served,
  ExplicitOperationBindings: enforced(
    'of sets, singletons, properties, types and their base types',
    'src/bind/operations.ts',
    'test/unit/bind/operations.test.ts',
  ),
  GeometryFeature: served,
  Immutable: enforced('ignored in updates, kept by PUT', 'src/payload/read-structured.ts', http),
  IsDelta: partly(
    'of collections of entities: parameters of actions and functions are read as deltas (entities, removed entities, links), results are written as such; results have no links, related entities inside parameters, and options of results but `$select`, are a 501',
    'src/service/operations/delta-result.ts',
    called,
  ),
  IsLanguageDependent: served,
  IsMediaType: enforced('values are media types', `${checks}/property-checks.ts`, validation),
  IsURL: enforced('values are URLs or relative references', `${checks}/property-checks.ts`, validation),
  Links: served,
  LongDescription: { status: 'served', what: 'also in OpenAPI' },
  MayImplement: partly(
    '`isof`, `cast` and casts in expressions to such types are legal, and true of what the data say is of that type: a stored value is of the one type it was made with, so of nothing that this service has stored. Type-cast segments to them are a 404, in $select and $expand a 400',
    'src/bind/may-implement.ts',
    'test/http/inheritance.test.ts',
  ),
  MediaType: enforced(
    'the Content-Type of `/$value` of binary properties, and of texts where Accept names it (else text/plain, Protocol 11.2.4.2); of streams: what may be uploaded (415). A property that a path names (of the same type) is set by uploads of streams and raw values, and is the media type in the Content-Type and in `mediaContentType`, where it says one that the model accepts (else that of the upload)',
    'src/payload/told-media-type.ts',
    media,
  ),
  Messages: { status: 'served', what: 'an instance annotation of answers' },
  ODataVersions: { status: 'served', what: 'published' },
  OperationAvailable: enforced(
    'calls of what is not available: 404 where it never is, 409 where the entity it is bound to decides; not advertised then; in expressions 400 and null',
    'src/service/operations/binding.ts',
    called,
  ),
  OptimisticConcurrency: enforced(
    'changes need If-Match or If-None-Match (428); the ETag is the entity’s version, whatever properties are listed',
    `${here}/check.ts`,
    http,
  ),
  OptionalParameter: enforced(
    'what is left out has its default, or is left out for the handler too',
    'src/service/operations/arguments.ts',
    called,
  ),
  Ordered: enforced(
    'positions in paths and expressions, and items read, changed and taken away by them; contained entities are kept in the order in which they came',
    'src/bind/bind-path.ts',
    'test/http/property-changes.test.ts',
  ),
  Permissions: enforced(
    'what cannot be read is in no answer and cannot be filtered, sorted, searched, selected or computed with; what cannot be written is ignored; on entity sets, navigation properties and entity types: 405',
    `${here}/readable.ts`,
    http,
  ),
  PositionalInsert: partly(
    '`$index` of a POST to a collection in a property and of contained entities; in entity sets, which are kept in the order of their keys, and of media it is a 501',
    'src/plan/property-change.ts',
    'test/http/property-changes.test.ts',
  ),
  RequiresExplicitBinding: enforced(
    'bound only to what names the operation: 404 elsewhere',
    'src/bind/operations.ts',
    'test/unit/bind/operations.test.ts',
  ),
  RequiresType: { status: 'served', what: 'about terms, for tools' },
  ResourceException: { status: 'served', what: 'an instance annotation of answers' },
  ResourcePath: enforced(
    'sets, singletons and imports are found under the path, too, and the service document says it; contexts (Protocol 10) and ids, links with them (ConventionalIDs), go by the names. Paths of names below the service root only',
    'src/bind/resource-path.ts',
    terms,
  ),
  Revisions: served,
  SchemaVersion: enforced(
    '`$schemaversion`: 404 for any other version',
    'src/service/admission.ts',
    'test/http/metadata.test.ts',
  ),
  SymbolicName: served,
  ValueException: {
    status: 'served',
    what: 'an instance annotation of answers: stored values that do not fit the model',
  },
}

const capabilities: Readonly<Record<string, TermEntry>> = {
  AcceptableEncodings: served,
  AnnotationValuesInQuerySupported: {
    status: 'served',
    what: 'published: supported. Constants that the model says; instance annotations are not stored, so that what the model does not say is null',
  },
  AsynchronousRequestsSupported: { status: 'served', what: 'published: supported' },
  BatchContinueOnErrorSupported: enforced(
    'where it says false the preference is not applied; JSON batches go on behind failures without it, too',
    batches,
    batchTest,
  ),
  BatchSupport: enforced('what it denies is refused; published', batches, batchTest),
  BatchSupported: enforced('batches are refused where it says false; published', batches, batchTest),
  CallbackSupported: enforced(
    'of sets and the container: no callback to URLs of other protocols, nor is it said to be applied; published where the operator named hosts (`callbackHosts`)',
    'src/service/asynchronous.ts',
    'test/http/asynchronous.test.ts',
  ),
  ChangeTracking: enforced(
    '`Supported`: what it denies is not tracked; published. `FilterableProperties` and `ExpandableProperties`, where they name any: a filter on others, or $expand of others, is not tracked',
    'src/plan/tracking.ts',
    'test/unit/plan/tracking.test.ts',
  ),
  CollectionPropertyRestrictions: enforced(
    'options on the property’s path; `Insertable`, and `Updatable` and `Deletable` of items by position and with `/$each`: 405',
    `${here}/collection-property.ts`,
    'test/http/property-changes.test.ts',
  ),
  ComputeSupported: enforced(
    '$compute; the transformation `compute` is a matter of Aggregation.ApplySupported',
    `${here}/query.ts`,
    query,
  ),
  ConformanceLevel: served,
  CountRestrictions: enforced(
    '`/$count`, $count and counts inside expressions, the navigation and collection properties listed too',
    `${here}/count.ts`,
    query,
  ),
  CrossJoinSupported: enforced('501 where it says false; else published', 'src/plan/crossjoin.ts', terms),
  CustomHeaders: enforced(
    'required ones: 400 without, also of sets that `$all`, `$crossjoin` and `$root` read; a request in a batch may say those that the model names, where the batch does not',
    `${here}/demands.ts`,
    http,
  ),
  CustomQueryOptions: enforced(
    'required ones: 400 without, also of sets that `$all`, `$crossjoin` and `$root` read',
    `${here}/demands.ts`,
    http,
  ),
  DeepInsertSupport: enforced(
    'nested entities are refused, Core.ContentID does not come back where it says false; published',
    'src/plan/nested.ts',
    'test/http/deep-writes.test.ts',
  ),
  DeepUpdateSupport: enforced(
    'nested entities and deltas are refused, Core.ContentID does not come back where it says false; published',
    'src/plan/nested.ts',
    'test/http/deep-update.test.ts',
  ),
  DefaultCapabilities: enforced(
    'counts where nothing more specific says otherwise, member by member',
    `${here}/capability.ts`,
    'test/unit/plan/capabilities/capability.test.ts',
  ),
  DeleteRestrictions: enforced(
    '`Deletable`, `Permissions`, `MaxLevels`, `FilterSegmentSupported` and `TypecastSegmentSupported` (of `/$each`), `CustomHeaders`, `CustomQueryOptions`; `NonDeletableNavigationProperties`: DELETE of references (405), and bodies and PUT of references that would part what is related (400); not of foreign keys set to null',
    `${here}/access.ts`,
    access,
  ),
  ExpandRestrictions: enforced(
    '`Expandable`, `NonExpandableProperties`, `MaxLevels`, `ExpandByKeyRestrictions`, `StreamsExpandable` (where it says false), `NonExpandableStreamProperties`',
    `${here}/query.ts`,
    query,
  ),
  FilterFunctions: enforced(
    'functions and operators in $filter, and in filters of `$apply`, that are not listed; what the filtered collection says counts',
    `${here}/filter.ts`,
    query,
  ),
  FilterRestrictions: enforced(
    'all of it, on the bound expression: $compute, lambdas, navigation and the filters of `$apply` cannot go round it, nor what the transformation `compute` makes of a property',
    `${here}/filter.ts`,
    query,
  ),
  IndexableByKey: enforced('keys in paths: 404', `${here}/check.ts`, query),
  InsertRestrictions: enforced(
    '`Insertable`, `NonInsertableProperties`, `RequiredProperties`, `Permissions`, `MaxLevels`, `TypecastSegmentSupported`, `QueryOptions`, `CustomHeaders`, `CustomQueryOptions`; `NonInsertableNavigationProperties`: bodies that relate or nest entities there',
    `${here}/body-rules.ts`,
    http,
  ),
  IsolationSupported: served,
  KeyAsSegmentSupported: enforced(
    '`/Set/key`; published',
    'src/service/service.ts',
    'test/unit/bind/bind-path.test.ts',
  ),
  MediaLocationUpdateSupported: {
    status: 'not applicable',
    what: 'media stand in the store of the service at URLs that follow from those of their entities: a link to somewhere else has nothing that could serve it',
  },
  ModificationQueryOptions: enforced('$expand, $select and $compute on changes', `${here}/check.ts`, access),
  NavigationRestrictions: enforced(
    '`Navigability`, and for each path the same restrictions as for sets',
    `${here}/navigation.ts`,
    query,
  ),
  OperationRestrictions: enforced(
    '`Permissions` (in place of those for reading what the operation is bound to), `FilterSegmentSupported`, `CustomHeaders`, `CustomQueryOptions`',
    `${here}/operation.ts`,
    called,
  ),
  QuerySegmentSupported: enforced('501 where it says false; else published', 'src/service/standing-for.ts', terms),
  ReadRestrictions: enforced(
    '`Readable`, `Permissions` with `RestrictedProperties`, `ReadByKeyRestrictions`, `TypecastSegmentSupported`, `CustomHeaders`, `CustomQueryOptions`; also of sets that $filter, $orderby and $expand look into',
    `${here}/access.ts`,
    http,
  ),
  SearchRestrictions: enforced('$search', `${here}/search.ts`, query),
  SelectSupport: enforced(
    '`Supported`; of options nested in $select what it says is false (`Filterable`, `Sortable`, `Countable`, `TopSupported`, `SkipSupported`, `ComputeSupported`), beside what is said of the collection they are applied to; published. $expand, $search and annotations inside $select are a 400 anyway',
    `${here}/query.ts`,
    query,
  ),
  SkipSupported: enforced(
    '$skip; the transformation `skip` is a matter of Aggregation.ApplySupported',
    `${here}/query.ts`,
    query,
  ),
  SortRestrictions: enforced(
    'all of it, on the bound expression; `orderby`, `traverse`, `topcount` and its like in `$apply`, too, also of what `compute` there makes of a property',
    `${here}/sort.ts`,
    query,
  ),
  SupportedFormats: { status: 'served', what: 'published' },
  SupportedMetadataFormats: { status: 'served', what: 'published' },
  TopSupported: enforced(
    '$top; the transformation `top` is a matter of Aggregation.ApplySupported',
    `${here}/query.ts`,
    query,
  ),
  UpdateRestrictions: enforced(
    '`Updatable`, `Upsertable` (where it says false), `UpdateMethod`, `NonUpdatableProperties`, `RequiredProperties`, `Permissions`, `MaxLevels`, `FilterSegmentSupported` and `TypecastSegmentSupported` (of `/$each`), `DeltaUpdateSupported` (where it says false), `QueryOptions`, `CustomHeaders`, `CustomQueryOptions`; `NonUpdatableNavigationProperties`: bodies and requests to `$ref` (not foreign keys as data)',
    `${here}/body-rules.ts`,
    http,
  ),
}

const countedItems = partly(
  'of collection-valued properties (one that is left out is empty); of related entities at the end of each request that changes them, all that is stored counted: new entities, links, foreign keys, what is contained, deletions (409). Not: where a store has no transactions, requests of others at the same time on MongoDB (but for links without a referential constraint), navigation properties of complex values; in a change set each request has to hold',
  'src/service/links/judging.ts',
  terms,
)

const validationTerms: Readonly<Record<string, TermEntry>> = {
  AllowedTerms: { status: 'served', what: 'about terms, for tools' },
  AllowedValues: enforced('on properties and type definitions', `${checks}/property-checks.ts`, validation),
  ApplicableTerms: { status: 'served', what: 'about terms, for tools' },
  Constraint: partly(
    'on entity and complex types, properties, navigation properties and parameters (their paths start with a parameter, not the one an operation is bound to, nor entities), also of what a PATCH would make of the stored entity: all operators, `If`, `Cast`, `IsOf`, `Collection`, the canonical functions as `odata.*`, paths through complex values, collections, casts and dynamic properties; no paths through navigation properties, no `odata.uriEncode`, `odata.fillUriTemplate` and functions of others: the log tells those',
    `${checks}/condition.ts`,
    'test/unit/payload/validation/condition.test.ts',
  ),
  DerivedTypeConstraint: enforced(
    'on properties, entity sets, containing navigation properties and parameters',
    `${checks}/type-constraints.ts`,
    validation,
  ),
  Exclusive: enforced('of Minimum and Maximum', `${checks}/property-checks.ts`, validation),
  ItemsOf: partly(
    'of entity types, paths of one navigation property: at the end of each request that changes one of both, as for MinItems; other paths, and complex types, are told in the log',
    'src/service/links/judging.ts',
    terms,
  ),
  MaxItems: countedItems,
  Maximum: enforced('of properties and their type definitions', `${checks}/property-checks.ts`, validation),
  MinItems: countedItems,
  Minimum: enforced('of properties and their type definitions', `${checks}/property-checks.ts`, validation),
  MultipleOf: enforced('of numbers, Duration and TimeOfDay (in seconds)', `${checks}/property-checks.ts`, validation),
  OpenPropertyTypeConstraint: enforced('of dynamic properties', `${checks}/type-constraints.ts`, validation),
  Pattern: enforced('in linear time; no look-around, no back-references', `${checks}/property-checks.ts`, validation),
}

const aggregationTerms: Readonly<Record<string, TermEntry>> = {
  Aggregatable: enforced('where ApplySupported says PropertyRestrictions', `${here}/apply-support.ts`, apply),
  ApplySupported: partly(
    '`Transformations`, `Rollup`, `From`, `GroupableProperties`, `AggregatableProperties`, `PropertyRestrictions` of the collection that $apply is applied to; inside `join`, `outerjoin` and `addnested` also what the related collection says; `CustomAggregationMethods` are not looked at: there are none, each is a 501',
    `${here}/apply-support.ts`,
    apply,
  ),
  ApplySupportedDefaults: enforced('where ApplySupported says nothing else', `${here}/apply-support.ts`, apply),
  AvailableOnAggregates: enforced(
    'functions as transformations are applied to aggregated instances only where it says so, and these have the `RequiredProperties`: else 400',
    'src/bind/apply/function-call.ts',
    'test/http/apply.test.ts',
  ),
  ContextDefiningProperties: served,
  CustomAggregate: enforced(
    'in aggregate, with from, in groupby and rollup: code of the service (`customAggregates`) calculates it, else a property of its name with the RecommendedAggregationMethod; neither, in expressions, or as the method of from: 501',
    'src/bind/apply/custom-aggregate.ts',
    'test/http/apply.test.ts',
  ),
  Groupable: enforced('where ApplySupported says PropertyRestrictions', `${here}/apply-support.ts`, apply),
  LeveledHierarchy: enforced('rollup by its qualifier', 'src/bind/apply/leveled.ts', 'test/http/apply.test.ts'),
  RecursiveHierarchy: enforced(
    'hierarchical transformations and functions by its qualifier',
    'src/bind/apply/hierarchy.ts',
    'test/http/apply.test.ts',
  ),
  UpPath: served,
}

/** Every term of the OASIS vocabularies by its qualified name. */
export const termRegistry: ReadonlyMap<string, TermEntry> = new Map([
  ...entries('Org.OData.Core.V1', core),
  ...entries('Org.OData.Capabilities.V1', capabilities),
  ...entries('Org.OData.Validation.V1', validationTerms),
  ...entries('Org.OData.Aggregation.V1', aggregationTerms),
  ...entries('Org.OData.Authorization.V1', {
    Authorizations: { status: 'served', what: 'also in OpenAPI' },
    SecuritySchemes: { status: 'served', what: 'also in OpenAPI' },
  }),
  ...entries('Org.OData.JSON.V1', {
    Schema: enforced(
      'JSON in values of Edm.String and Edm.Untyped, in streams by value and uploads of a JSON media type (at most `bodyBytes` long; of streams of other media types nothing is checked), on properties, type definitions, media entity types and parameters; drafts 6 to 2020-12, `format` is an annotation, patterns run in linear time, no references to other documents, numbers count as doubles; not what operations return',
      `${checks}/json-schema.ts`,
      terms,
    ),
  }),
  ...entries('Org.OData.Measures.V1', {
    DurationGranularity: served,
    ISOCurrency: served,
    Scale: served,
    UNECEUnit: served,
    Unit: served,
  }),
  ...entries('Org.OData.Repeatability.V1', {
    DeleteWithClientIDSupported: notYet('what is remembered cannot be deleted; it ends by itself'),
    DeleteWithRequestIDSupported: notYet('what is remembered cannot be deleted; it ends by itself'),
    Supported: enforced(
      'repeatable requests are rejected where it says false; on actions, sets, singletons and the container',
      'src/service/repeatable.ts',
      'test/http/repeatable.test.ts',
    ),
  }),
  ...entries('Org.OData.Temporal.V1', { ApplicationTimeSupport: notYet('temporal data is not implemented') }),
])

function entries(namespace: string, terms: Readonly<Record<string, TermEntry>>): [string, TermEntry][] {
  return Object.entries(terms).map(([name, entry]) => [`${namespace}.${name}`, entry])
}
