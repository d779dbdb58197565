import { annotationOf, bool, integer, items, member, text } from '../edm/annotations.ts'
import type { Annotatable, AnnotationExpression } from '../edm/model.ts'
import { enumMembers, paths, pathText, texts } from './core.ts'

/**
 * Typed access to Org.OData.Capabilities.V1. Each reader takes an element and reads the term from that element only; what the
 * annotation does not say is undefined (or an empty list), so that the caller knows the difference to a default. The records also occur inside
 * NavigationRestrictions, CollectionPropertyRestrictions and DefaultCapabilities: `...In` reads one from such a place. Results
 * are frozen and made once per element.
 */

const capabilities = 'Org.OData.Capabilities.V1.'
type Expression = AnnotationExpression | undefined

/** One way to get access: the security scheme and the scopes, any of which is enough (Capabilities.PermissionType). */
export interface Permission {
  readonly scheme: string
  readonly scopes: readonly PermissionScope[]
}

export interface PermissionScope {
  readonly scope: string
  /** comma-separated properties that the scope gives access to; `*` or undefined: all */
  readonly restrictedProperties?: string
}

export interface ReadRestrictions {
  readonly readable: boolean | undefined
  readonly permissions: readonly Permission[]
  readonly typecastSegmentSupported: boolean | undefined
  /** what counts for reading one entity by key instead, where it is said (ReadByKeyRestrictions) */
  readonly readByKey:
    | { readonly readable: boolean | undefined; readonly permissions: readonly Permission[] }
    | undefined
}

export interface InsertRestrictions {
  readonly insertable: boolean | undefined
  readonly permissions: readonly Permission[]
  readonly nonInsertableProperties: readonly string[]
  readonly nonInsertableNavigationProperties: readonly string[]
  readonly requiredProperties: readonly string[]
  readonly maxLevels: number | undefined
  readonly typecastSegmentSupported: boolean | undefined
  readonly queryOptions: ModificationQueryOptions | undefined
}

export interface UpdateRestrictions {
  readonly updatable: boolean | undefined
  readonly upsertable: boolean | undefined
  readonly deltaUpdateSupported: boolean | undefined
  /** `PATCH`, `PUT`; undefined where it is not said */
  readonly updateMethods: readonly string[] | undefined
  readonly permissions: readonly Permission[]
  readonly nonUpdatableProperties: readonly string[]
  readonly nonUpdatableNavigationProperties: readonly string[]
  readonly requiredProperties: readonly string[]
  readonly maxLevels: number | undefined
  readonly filterSegmentSupported: boolean | undefined
  readonly typecastSegmentSupported: boolean | undefined
  readonly queryOptions: ModificationQueryOptions | undefined
}

export interface DeleteRestrictions {
  readonly deletable: boolean | undefined
  readonly permissions: readonly Permission[]
  readonly nonDeletableNavigationProperties: readonly string[]
  readonly maxLevels: number | undefined
  readonly filterSegmentSupported: boolean | undefined
  readonly typecastSegmentSupported: boolean | undefined
}

export interface ModificationQueryOptions {
  readonly expand: boolean | undefined
  readonly select: boolean | undefined
  readonly compute: boolean | undefined
  readonly filter: boolean | undefined
  readonly search: boolean | undefined
  readonly sort: boolean | undefined
}

export interface CountRestrictions {
  readonly countable: boolean | undefined
  readonly nonCountableProperties: readonly string[]
  readonly nonCountableNavigationProperties: readonly string[]
}

export interface FilterRestrictions {
  readonly filterable: boolean | undefined
  readonly requiresFilter: boolean | undefined
  readonly requiredProperties: readonly string[]
  readonly nonFilterableProperties: readonly string[]
  /** allowed expressions (`SingleValue`, `MultiRange` ...) of single properties */
  readonly expressionRestrictions: readonly { readonly property: string; readonly allowed: readonly string[] }[]
  readonly maxLevels: number | undefined
}

export interface SortRestrictions {
  readonly sortable: boolean | undefined
  readonly ascendingOnlyProperties: readonly string[]
  readonly descendingOnlyProperties: readonly string[]
  readonly nonSortableProperties: readonly string[]
}

export interface ExpandRestrictions {
  readonly expandable: boolean | undefined
  readonly streamsExpandable: boolean | undefined
  readonly nonExpandableProperties: readonly string[]
  readonly nonExpandableStreamProperties: readonly string[]
  readonly maxLevels: number | undefined
}

export interface SearchRestrictions {
  readonly searchable: boolean | undefined
  /** `AND`, `OR`, `NOT`, `phrase`, `group` */
  readonly unsupportedExpressions: readonly string[]
}

export interface SelectSupport {
  readonly supported: boolean | undefined
  readonly instanceAnnotationsSupported: boolean | undefined
  readonly expandable: boolean | undefined
  readonly filterable: boolean | undefined
  readonly searchable: boolean | undefined
  readonly topSupported: boolean | undefined
  readonly skipSupported: boolean | undefined
  readonly computeSupported: boolean | undefined
  readonly countable: boolean | undefined
  readonly sortable: boolean | undefined
}

/** What counts for one navigation property, seen from the annotated set (Capabilities.NavigationPropertyRestriction). */
export interface NavigationPropertyRestriction {
  readonly navigationProperty: string
  readonly navigability: string | undefined
  readonly indexableByKey: boolean | undefined
  readonly topSupported: boolean | undefined
  readonly skipSupported: boolean | undefined
  readonly optimisticConcurrencyControl: boolean | undefined
  readonly read: ReadRestrictions
  readonly insert: InsertRestrictions
  readonly update: UpdateRestrictions
  readonly delete: DeleteRestrictions
  readonly filter: FilterRestrictions
  readonly sort: SortRestrictions
  readonly search: SearchRestrictions
  readonly select: SelectSupport
}

export interface NavigationRestrictions {
  readonly navigability: string | undefined
  readonly restrictedProperties: readonly NavigationPropertyRestriction[]
}

/** Reads the value of a term into a typed object, once per element. */
function reader<T extends object>(term: string, read: (expression: Expression) => T): (target: Annotatable) => T {
  const known = new WeakMap<Annotatable, T>()
  const unsaid = Object.freeze(read(undefined))
  return (target) => {
    const annotation = annotationOf(target, `${capabilities}${term}`)
    if (!annotation) return unsaid
    let value = known.get(target)
    if (value === undefined) {
      value = Object.freeze(read(annotation.value))
      known.set(target, value)
    }
    return value
  }
}

/** A tagging term: undefined where it is not applied. */
function tag(term: string): (target: Annotatable | undefined) => boolean | undefined {
  return (target) => {
    const annotation = target && annotationOf(target, `${capabilities}${term}`)
    if (!annotation) return undefined
    return annotation.value.kind === 'default' ? true : bool(annotation.value)
  }
}

const flag = (record: Expression, property: string): boolean | undefined => bool(member(record, property))
const list = (record: Expression, property: string): readonly string[] => paths(member(record, property)) ?? []

/** A limit that counts from 0; -1 (no limit) and all else is undefined. */
function limit(record: Expression, property: string): number | undefined {
  const value = integer(member(record, property))
  return value === undefined || value < 0n ? undefined : Number(value)
}

/** The permissions of a restriction's record. */
function permissionsIn(record: Expression): readonly Permission[] {
  return items(member(record, 'Permissions')).flatMap((permission): Permission[] => {
    const scheme = text(member(permission, 'SchemeName'))
    if (scheme === undefined) return []
    const scopes = items(member(permission, 'Scopes')).flatMap((entry): PermissionScope[] => {
      const scope = text(member(entry, 'Scope'))
      if (scope === undefined) return []
      const restrictedProperties = text(member(entry, 'RestrictedProperties'))
      return [restrictedProperties === undefined ? { scope } : { scope, restrictedProperties }]
    })
    return [{ scheme, scopes }]
  })
}

export function readRestrictionsIn(record: Expression): ReadRestrictions {
  const byKey = member(record, 'ReadByKeyRestrictions')
  return {
    readable: flag(record, 'Readable'),
    permissions: permissionsIn(record),
    typecastSegmentSupported: flag(record, 'TypecastSegmentSupported'),
    readByKey: byKey && { readable: flag(byKey, 'Readable'), permissions: permissionsIn(byKey) },
  }
}

export function insertRestrictionsIn(record: Expression): InsertRestrictions {
  return {
    insertable: flag(record, 'Insertable'),
    permissions: permissionsIn(record),
    nonInsertableProperties: list(record, 'NonInsertableProperties'),
    nonInsertableNavigationProperties: list(record, 'NonInsertableNavigationProperties'),
    requiredProperties: list(record, 'RequiredProperties'),
    maxLevels: limit(record, 'MaxLevels'),
    typecastSegmentSupported: flag(record, 'TypecastSegmentSupported'),
    queryOptions: modificationQueryOptionsIn(member(record, 'QueryOptions')),
  }
}

export function updateRestrictionsIn(record: Expression): UpdateRestrictions {
  return {
    updatable: flag(record, 'Updatable'),
    upsertable: flag(record, 'Upsertable'),
    deltaUpdateSupported: flag(record, 'DeltaUpdateSupported'),
    updateMethods: enumMembers(member(record, 'UpdateMethod')),
    permissions: permissionsIn(record),
    nonUpdatableProperties: list(record, 'NonUpdatableProperties'),
    nonUpdatableNavigationProperties: list(record, 'NonUpdatableNavigationProperties'),
    requiredProperties: list(record, 'RequiredProperties'),
    maxLevels: limit(record, 'MaxLevels'),
    filterSegmentSupported: flag(record, 'FilterSegmentSupported'),
    typecastSegmentSupported: flag(record, 'TypecastSegmentSupported'),
    queryOptions: modificationQueryOptionsIn(member(record, 'QueryOptions')),
  }
}

export function deleteRestrictionsIn(record: Expression): DeleteRestrictions {
  return {
    deletable: flag(record, 'Deletable'),
    permissions: permissionsIn(record),
    nonDeletableNavigationProperties: list(record, 'NonDeletableNavigationProperties'),
    maxLevels: limit(record, 'MaxLevels'),
    filterSegmentSupported: flag(record, 'FilterSegmentSupported'),
    typecastSegmentSupported: flag(record, 'TypecastSegmentSupported'),
  }
}

/** Which options a request to change data may carry; undefined without a record. */
export function modificationQueryOptionsIn(record: Expression): ModificationQueryOptions | undefined {
  if (!record) return undefined
  return {
    expand: flag(record, 'ExpandSupported'),
    select: flag(record, 'SelectSupported'),
    compute: flag(record, 'ComputeSupported'),
    filter: flag(record, 'FilterSupported'),
    search: flag(record, 'SearchSupported'),
    sort: flag(record, 'SortSupported'),
  }
}

export function countRestrictionsIn(record: Expression): CountRestrictions {
  return {
    countable: flag(record, 'Countable'),
    nonCountableProperties: list(record, 'NonCountableProperties'),
    nonCountableNavigationProperties: list(record, 'NonCountableNavigationProperties'),
  }
}

export function filterRestrictionsIn(record: Expression): FilterRestrictions {
  return {
    filterable: flag(record, 'Filterable'),
    requiresFilter: flag(record, 'RequiresFilter'),
    requiredProperties: list(record, 'RequiredProperties'),
    nonFilterableProperties: list(record, 'NonFilterableProperties'),
    expressionRestrictions: items(member(record, 'FilterExpressionRestrictions')).flatMap((entry) => {
      const property = pathText(member(entry, 'Property'))
      const allowed = text(member(entry, 'AllowedExpressions'))
      return property === undefined || allowed === undefined ? [] : [{ property, allowed: allowed.split(/[\s,]+/) }]
    }),
    maxLevels: limit(record, 'MaxLevels'),
  }
}

export function sortRestrictionsIn(record: Expression): SortRestrictions {
  return {
    sortable: flag(record, 'Sortable'),
    ascendingOnlyProperties: list(record, 'AscendingOnlyProperties'),
    descendingOnlyProperties: list(record, 'DescendingOnlyProperties'),
    nonSortableProperties: list(record, 'NonSortableProperties'),
  }
}

export function expandRestrictionsIn(record: Expression): ExpandRestrictions {
  return {
    expandable: flag(record, 'Expandable'),
    streamsExpandable: flag(record, 'StreamsExpandable'),
    nonExpandableProperties: list(record, 'NonExpandableProperties'),
    nonExpandableStreamProperties: list(record, 'NonExpandableStreamProperties'),
    maxLevels: limit(record, 'MaxLevels'),
  }
}

export function searchRestrictionsIn(record: Expression): SearchRestrictions {
  return {
    searchable: flag(record, 'Searchable'),
    unsupportedExpressions: (enumMembers(member(record, 'UnsupportedExpressions')) ?? []).filter(
      (name) => name !== 'none',
    ),
  }
}

export function selectSupportIn(record: Expression): SelectSupport {
  return {
    supported: flag(record, 'Supported'),
    instanceAnnotationsSupported: flag(record, 'InstanceAnnotationsSupported'),
    expandable: flag(record, 'Expandable'),
    filterable: flag(record, 'Filterable'),
    searchable: flag(record, 'Searchable'),
    topSupported: flag(record, 'TopSupported'),
    skipSupported: flag(record, 'SkipSupported'),
    computeSupported: flag(record, 'ComputeSupported'),
    countable: flag(record, 'Countable'),
    sortable: flag(record, 'Sortable'),
  }
}

function navigationRestrictionsIn(record: Expression): NavigationRestrictions {
  return {
    navigability: enumMembers(member(record, 'Navigability'))?.[0],
    restrictedProperties: items(member(record, 'RestrictedProperties')).flatMap((entry) => {
      const navigationProperty = pathText(member(entry, 'NavigationProperty'))
      if (navigationProperty === undefined) return []
      return [
        {
          navigationProperty,
          navigability: enumMembers(member(entry, 'Navigability'))?.[0],
          indexableByKey: flag(entry, 'IndexableByKey'),
          topSupported: flag(entry, 'TopSupported'),
          skipSupported: flag(entry, 'SkipSupported'),
          optimisticConcurrencyControl: flag(entry, 'OptimisticConcurrencyControl'),
          read: readRestrictionsIn(member(entry, 'ReadRestrictions')),
          insert: insertRestrictionsIn(member(entry, 'InsertRestrictions')),
          update: updateRestrictionsIn(member(entry, 'UpdateRestrictions')),
          delete: deleteRestrictionsIn(member(entry, 'DeleteRestrictions')),
          filter: filterRestrictionsIn(member(entry, 'FilterRestrictions')),
          sort: sortRestrictionsIn(member(entry, 'SortRestrictions')),
          search: searchRestrictionsIn(member(entry, 'SearchRestrictions')),
          select: selectSupportIn(member(entry, 'SelectSupport')),
        },
      ]
    }),
  }
}

/** Capabilities.OperationRestrictions. */
export interface OperationRestrictions {
  readonly filterSegmentSupported: boolean | undefined
  readonly permissions: readonly Permission[]
  readonly customHeaders: Expression
  readonly customQueryOptions: Expression
}

function operationRestrictionsIn(record: Expression): OperationRestrictions {
  return {
    filterSegmentSupported: flag(record, 'FilterSegmentSupported'),
    permissions: permissionsIn(record),
    customHeaders: member(record, 'CustomHeaders'),
    customQueryOptions: member(record, 'CustomQueryOptions'),
  }
}

/** What calling an action or function needs. */
export const operationRestrictions = reader('OperationRestrictions', operationRestrictionsIn)
/** Whether and with which permissions entities can be read (entity set, singleton). */
export const readRestrictions = reader('ReadRestrictions', readRestrictionsIn)
/** Whether, how and with which permissions entities can be created (entity set). */
export const insertRestrictions = reader('InsertRestrictions', insertRestrictionsIn)
/** Whether, how and with which permissions entities can be changed (entity set, singleton). */
export const updateRestrictions = reader('UpdateRestrictions', updateRestrictionsIn)
/** Whether and with which permissions entities can be deleted (entity set, singleton). */
export const deleteRestrictions = reader('DeleteRestrictions', deleteRestrictionsIn)
/** Whether `/$count` and `$count=true` are allowed. */
export const countRestrictions = reader('CountRestrictions', countRestrictionsIn)
/** What `$filter` may do. */
export const filterRestrictions = reader('FilterRestrictions', filterRestrictionsIn)
/** What `$orderby` may do. */
export const sortRestrictions = reader('SortRestrictions', sortRestrictionsIn)
/** What `$expand` may do. */
export const expandRestrictions = reader('ExpandRestrictions', expandRestrictionsIn)
/** What `$search` may do. */
export const searchRestrictions = reader('SearchRestrictions', searchRestrictionsIn)
/** What `$select` may do, with its nested options. */
export const selectSupport = reader('SelectSupport', selectSupportIn)
/** What counts along navigation properties of an entity set or singleton. */
export const navigationRestrictions = reader('NavigationRestrictions', navigationRestrictionsIn)

/** Whether the service takes keys as path segments (entity container). */
export const keyAsSegmentSupported = tag('KeyAsSegmentSupported')
/** Whether `$top` is supported. */
export const topSupported = tag('TopSupported')
/** Whether `$skip` is supported. */
export const skipSupported = tag('SkipSupported')
/** Whether `$compute` is supported. */
export const computeSupported = tag('ComputeSupported')
/** Whether members of the collection can be addressed by key. */
export const indexableByKey = tag('IndexableByKey')
/** Whether `/$query` is supported (entity container). */
export const querySegmentSupported = tag('QuerySegmentSupported')
/** Whether `$crossjoin` is supported (entity container). */
export const crossJoinSupported = tag('CrossJoinSupported')
/** Whether `Prefer: respond-async` is supported (entity container). */
export const asynchronousRequestsSupported = tag('AsynchronousRequestsSupported')

/** The functions and operators allowed in `$filter`; undefined where it is not said: all. */
export function filterFunctions(target: Annotatable): readonly string[] | undefined {
  return texts(annotationOf(target, `${capabilities}FilterFunctions`)?.value)
}

/** What the container says of batches, BatchSupport before the older BatchSupported; what it does not say is undefined. */
export interface BatchSupport {
  readonly supported: boolean | undefined
  readonly continueOnErrorSupported: boolean | undefined
  readonly referencesInBodies: boolean | undefined
  readonly referencesAcrossChangeSets: boolean | undefined
  readonly etagReferences: boolean | undefined
  readonly dependencyConditions: boolean | undefined
  /** media types; none: all */
  readonly supportedFormats: readonly string[]
}

const batchSupportOf = reader(
  'BatchSupport',
  (record): BatchSupport => ({
    supported: flag(record, 'Supported'),
    continueOnErrorSupported: flag(record, 'ContinueOnErrorSupported'),
    referencesInBodies: flag(record, 'ReferencesInRequestBodiesSupported'),
    referencesAcrossChangeSets: flag(record, 'ReferencesAcrossChangeSetsSupported'),
    etagReferences: flag(record, 'EtagReferencesSupported'),
    dependencyConditions: flag(record, 'RequestDependencyConditionsSupported'),
    supportedFormats: texts(member(record, 'SupportedFormats')) ?? [],
  }),
)
const batchSupported = tag('BatchSupported')
const batchContinueOnError = tag('BatchContinueOnErrorSupported')

export function batchSupport(container: Annotatable | undefined): BatchSupport {
  const support = batchSupportOf(container ?? nowhere)
  return {
    ...support,
    supported: support.supported ?? batchSupported(container),
    continueOnErrorSupported: support.continueOnErrorSupported ?? batchContinueOnError(container),
  }
}

/**
 * Protocols of the URLs that the service calls back (Capabilities.CallbackSupported).
 * @returns undefined where the annotation is not there; where it names none it means HTTP
 */
export function callbackProtocols(target: Annotatable): readonly string[] | undefined {
  const annotation = annotationOf(target, `${capabilities}CallbackSupported`)
  if (annotation === undefined) return undefined
  const said = items(member(annotation.value, 'CallbackProtocols')).flatMap((item) => text(member(item, 'Id')) ?? [])
  return said.length === 0 ? ['http', 'https'] : said.map((id) => id.toLowerCase())
}

const nowhere: Annotatable = Object.freeze({ annotations: [] })
