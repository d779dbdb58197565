import { stepName } from '../bind/print.ts'
import type { ExpandItem, Parameters, Selection } from '../bind/tree.ts'
import type { EntityType, StructuredType } from '../edm/model.ts'
import { isStructured, typeName } from '../edm/types.ts'
import type { CreatePlan, ReadPlan, Source, UpdatePlan } from '../plan/plan.ts'
import { keyPredicate } from './key-text.ts'
import type { JsonDialect } from './writer.ts'

/**
 * The absolute context URL of a plan's answer (Protocol 10). Its fragment is not percent-encoded (JSON Format 4.5.1).
 * @param parameters values of the request: keys stand in the contexts of properties and of contained entities
 */
export function contextUrl(
  plan: ReadPlan | CreatePlan | UpdatePlan,
  dialect: JsonDialect,
  parameters: Parameters,
): string {
  const base = `${dialect.root}$metadata#`
  // Protocol 10.11, 10.12
  if (plan.kind === 'read' && plan.references) return base + (plan.source.single ? '$ref' : 'Collection($ref)')
  const selected = selectList(plan.select, plan.expand, selectedType(plan), dialect)
  const place = placeOf(plan.source, parameters)
  if (plan.kind === 'read' && plan.member.length > 0) return base + memberFragment(plan, place, selected)
  const single = plan.kind !== 'read' || plan.source.single
  // Protocol 10.2, 10.13: entities that stand in no set
  if (isLoose(plan.source))
    return `${base}${single ? plan.source.type.name : `Collection(${plan.source.type.name})`}${selected}`
  const cast = place.cast === undefined ? '' : `/${place.cast.name}`
  return `${base}${place.set}${cast}${selected}${single && !place.singleton ? '/$entity' : ''}`
}

/** The context of entities that stand in different sets (Protocol 10.13). @param type of all of them; undefined: they are of any type */
export function contextOfType(
  type: EntityType | undefined,
  { select, expand }: Pick<ReadPlan, 'select' | 'expand'>,
  dialect: JsonDialect,
): string {
  return `${dialect.root}$metadata#Collection(${type?.name ?? 'Edm.EntityType'})${selectList(select, expand, type, dialect)}`
}

/** Whether the rows are what an operation gives, and in no set. */
function isLoose({ root }: Source): boolean {
  return root.kind === 'result' && root.set === undefined
}

/** Where the rows of a collection lie, as a context URL says it. */
export function placeText(source: Source, parameters: Parameters): string {
  const { set, cast } = placeOf(source, parameters)
  return `${set}${cast === undefined ? '' : `/${cast.name}`}`
}

/** The entity that a source names, as its canonical URL below the root says it; without a key the place where it would be. */
export function entityText(source: Source, parameters: Parameters): string {
  const place = placeOf(source, parameters)
  return place.canonical ? entityPath(place) : `of that kind in ${entityPath(place)}`
}

/** Where the rows of a source lie. */
interface Place {
  /** entity set, singleton, or path of a contained collection */
  readonly set: string
  readonly singleton: boolean
  readonly cast: StructuredType | undefined
  /** key predicate of the row named last, where there is one */
  readonly key: string | undefined
  /** whether set, key and cast together are the canonical URL of the row */
  readonly canonical: boolean
}

function placeOf({ root: rows, owner, steps }: Source, parameters: Parameters): Place {
  const root = rows.kind === 'result' ? (rows.set ?? rows) : rows
  const contained = root.kind === 'contained'
  const alone = root.kind === 'singleton' || (contained && !root.property.collection)
  let place: Place = {
    set: contained ? `${parameters[owner ?? -1]}/${root.property.name}` : root.name,
    singleton: root.kind === 'singleton',
    cast: rows.kind === 'result' && rows.set !== undefined && rows.type !== rows.set.type ? rows.type : undefined,
    key: undefined,
    canonical: alone,
  }
  for (const step of steps) {
    if (step.kind === 'cast') place = { ...place, cast: step.type }
    if (step.kind !== 'key') continue
    const { key, parameters: indexes } = step.predicate
    const values = indexes.map((index) => parameters[index] ?? null)
    place = { ...place, key: keyPredicate(key, values, false), canonical: true }
  }
  return place
}

function entityPath({ set, key = '', cast }: Place): string {
  return `${set}${key}${cast === undefined ? '' : `/${cast.name}`}`
}

function memberFragment(plan: ReadPlan, place: Place, selected: string): string {
  const path = plan.member.map(stepName)
  const cast = plan.items?.casts.at(-1)
  if (cast !== undefined) path.push(cast.name)
  if (place.canonical && !isLoose(plan.source)) return `${entityPath(place)}/${path.join('/')}${selected}`
  return `${plan.memberType === undefined ? 'Edm.Untyped' : typeName(plan.memberType)}${selected}`
}

/** What the selection selects from, where it is known. */
function selectedType(plan: ReadPlan | CreatePlan | UpdatePlan): StructuredType | undefined {
  if (plan.kind !== 'read' || plan.member.length === 0) return plan.source.type
  const type = plan.memberType?.type
  return type !== undefined && isStructured(type) ? type : undefined
}

/** The parenthesized list of what is selected and expanded (Protocol 10.7 to 10.10), or nothing. */
function selectList(
  select: Selection | undefined,
  expand: readonly ExpandItem[],
  type: StructuredType | undefined,
  dialect: JsonDialect,
): string {
  const names = select === undefined ? [] : selectedPaths(select, type, '')
  for (const item of expand) {
    if (item.as !== 'entities') continue
    const path = item.path.map(stepName)
    if (path.at(-1) !== item.property.name) path.push(item.property.name)
    const target = item.property.type.kind === 'entity' ? item.property.type : undefined
    const nested = selectList(item.query.select, item.query.expand, target, dialect)
    if (nested === '' && dialect.version === '4.0') continue
    names.push(
      `${path.join('/')}${item.levels === 'max' || item.levels > 1 ? '+' : ''}${nested === '' ? '()' : nested}`,
    )
  }
  return names.length === 0 ? '' : `(${names.join(',')})`
}

/** Paths as in 4.0, whatever the request's form; what derived types declare behind their names. */
function selectedPaths(select: Selection, type: StructuredType | undefined, prefix: string): string[] {
  const names = select.all ? [`${prefix}*`] : []
  for (const [name, nested] of select.properties) {
    const path = prefix + castBefore(type, name) + name
    if (nested === undefined || nested.all) names.push(path)
    else {
      const inner = type?.allProperties.get(name)?.type.type
      names.push(...selectedPaths(nested, inner !== undefined && isStructured(inner) ? inner : undefined, `${path}/`))
    }
  }
  for (const operation of select.operations ?? []) names.push(prefix + operation)
  return names
}

function castBefore(type: StructuredType | undefined, name: string): string {
  if (type === undefined || type.allProperties.has(name) || type.allNavigationProperties.has(name)) return ''
  const derived: readonly StructuredType[] = type.derivedTypes
  const declaring = derived.find(
    (candidate) => candidate.allProperties.has(name) || candidate.allNavigationProperties.has(name),
  )
  return declaring === undefined ? '' : `${declaring.name}/`
}
