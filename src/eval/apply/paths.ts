import { modelTypeOf } from '../../bind/apply/dynamic.ts'
import { stepName } from '../../bind/print.ts'
import type { MemberStep } from '../../bind/tree.ts'
import type { StructuredType } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { isStructuredValue, type Value } from '../../edm/value.ts'
import { isInstanceOf } from '../member.ts'
import { isCollectionValue } from '../values.ts'
import { sameness } from './same.ts'

/** Evaluation of data aggregation paths relative to collections (Aggregation 3.1.3). */

/** The values that a path leads to from each of some values, without nulls. */
export function reach(values: readonly Value[], steps: readonly MemberStep[]): readonly Value[] {
  let found: readonly Value[] = values.filter((value) => value !== null)
  for (const step of steps) {
    if (step.kind === 'cast') {
      const { type } = step
      found = found.filter((value) => isInstanceOf(value, type))
      continue
    }
    const name = stepName(step)
    const next: Value[] = []
    for (const value of found) {
      if (value === null || !isStructuredValue(value)) continue
      const member = value.members.get(name)
      if (member === undefined || member === null) continue
      if (!isCollectionValue(member)) next.push(member)
      else for (const item of member) if (item !== null) next.push(item)
    }
    found = next
  }
  return found
}

/** What an aggregate is calculated from: each entity behind the last navigation property once (Aggregation 3.2.1.1). */
export function aggregated(instances: readonly Value[], steps: readonly MemberStep[]): readonly Value[] {
  const last = steps.findLastIndex(({ kind }) => kind === 'navigation')
  if (last < 0) return reach(instances, steps)
  let end = last + 1
  while (steps[end]?.kind === 'cast') end++
  const seen = new Set<string>()
  const entities = reach(instances, steps.slice(0, end)).filter((entity) => {
    const key = sameness(entity)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
  return reach(entities, steps.slice(end))
}

/** What of an instance grouping paths keep, one inside the other. */
export interface Projection {
  readonly parts: readonly ProjectionPart[]
}

export interface ProjectionPart {
  readonly casts: readonly StructuredType[]
  readonly name: string
  /** of what is inside */
  readonly type: StructuredType | undefined
  /** undefined: the whole value */
  readonly inside: Projection | undefined
}

/** Puts grouping paths together. */
export function projectionOf(paths: readonly (readonly MemberStep[])[]): Projection {
  const parts = new Map<
    string,
    Omit<ProjectionPart, 'inside'> & { readonly rest: (readonly MemberStep[])[]; whole: boolean }
  >()
  for (const path of paths) {
    const first = path.findIndex(({ kind }) => kind !== 'cast')
    const step = path[first]
    if (step === undefined || step.kind === 'cast') continue
    const casts = path.slice(0, first).flatMap((cast) => (cast.kind === 'cast' ? [cast.type] : []))
    const name = stepName(step)
    const key = [...casts.map((type) => type.name), name].join('/')
    const part = parts.get(key) ?? { casts, name, type: structuredType(step), rest: [], whole: false }
    parts.set(key, part)
    const rest = path.slice(first + 1)
    if (rest.length === 0) part.whole = true
    else part.rest.push(rest)
  }
  return {
    parts: [...parts.values()].map(({ casts, name, type, rest, whole }) => ({
      casts,
      name,
      type,
      inside: whole ? undefined : projectionOf(rest),
    })),
  }
}

function structuredType(step: MemberStep): StructuredType | undefined {
  const type =
    step.kind === 'navigation' ? step.property.type : step.kind === 'property' ? step.property.type.type : undefined
  return type !== undefined && isStructured(type) ? modelTypeOf(type) : undefined
}
