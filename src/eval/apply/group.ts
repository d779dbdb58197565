import { modelTypeOf } from '../../bind/apply/dynamic.ts'
import type { MemberStep } from '../../bind/tree.ts'
import type { ModelLayout } from '../../bson/layout.ts'
import type { StructuredType } from '../../edm/model.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { isInstanceOf } from '../member.ts'
import { sortedBy } from '../sort-values.ts'
import { type Instance, isInstance, transient, withMembers } from './instance.ts'
import { type Projection, projectionOf, reach } from './paths.ts'
import { sameness } from './same.ts'

/** Simple grouping (Aggregation 3.2.3.1). */

export interface Group {
  /** what the instances have in common: the grouping properties alone */
  readonly projection: Instance
  readonly instances: readonly Value[]
}

/**
 * Splits instances by their projections. The standard gives groups no order; they come in that of their grouping properties, so that what is made of them
 * is the same whoever found them. Entities and what else has no order stay as they are met first.
 */
export function groupsOf(
  instances: readonly Value[],
  paths: readonly (readonly MemberStep[])[],
  type: StructuredType,
): readonly Group[] {
  const projection = projectionOf(paths)
  const groups = new Map<string, { projection: Instance; instances: Value[] }>()
  for (const instance of instances) {
    if (instance === null || !isStructuredValue(instance)) continue
    const projected = project(instance, projection, type)
    const key = sameness(projected)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { projection: projected, instances: [instance] })
    else group.instances.push(instance)
  }
  return sortedBy([...groups.values()], (group) => paths.map((path) => reach([group.projection], path)[0] ?? null))
}

/** The instance with nothing but the grouping properties. */
function project(value: StructuredValue, { parts }: Projection, declared: StructuredType): Instance {
  const own = new Map<string, Value>()
  let type = modelTypeOf(declared)
  for (const { casts, name, type: innerType, inside } of parts) {
    if (!casts.every((cast) => isInstanceOf(value, cast))) continue
    if (!has(value, name)) continue
    const last = casts.at(-1)
    if (last !== undefined) type = last
    const member = value.members.get(name) ?? null
    if (inside === undefined || member === null) own.set(name, member)
    // behind any other value of a dynamic property there is nothing
    else if (isStructuredValue(member)) own.set(name, project(member, inside, innerType ?? member.type))
  }
  return transient(type, own)
}

/** A complex value that is not stored with a property has it all the same: it is null. */
function has(value: StructuredValue, name: string): boolean {
  return value.members.has(name) || (!isInstance(value) && value.type.allProperties.has(name))
}

/** Puts the grouping properties into what a sequence made of a group (the transformation written as a capital pi). */
export function inject(layout: ModelLayout, instance: Instance, { own, type }: Instance): Instance {
  const added: [string, Value][] = []
  for (const [name, value] of own) {
    const before = instance.own.get(name)
    if (isInstance(value) && value.entity === undefined && isInstance(before) && before.entity === undefined) {
      added.push([name, inject(layout, before, value)])
      continue
    }
    // an entity has its own structural properties as they are
    const declared = instance.entity?.type.allProperties.has(name) === true
    if (!declared) added.push([name, value])
  }
  const typed = instance.entity === undefined ? transient(type, instance.own) : instance
  return withMembers(layout, typed, added)
}
