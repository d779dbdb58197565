import { isGranted } from '../plan/capabilities/access.ts'
import type { Grant } from '../plan/capabilities/verdict.ts'
import type { CreatePlan, Plan, ReadPlan, UpdatePlan } from '../plan/plan.ts'
import type { Principal } from './principal.ts'

/** Plans for callers whose scopes give access to some properties only, by plan and by the scopes held. */
const narrowed = new WeakMap<Plan, Map<string, Plan>>()

/**
 * The plan as it is for a caller: what is written by default is cut to the properties that the caller's scopes give access to
 * (Capabilities.ScopeType.RestrictedProperties), and `grants` are those of scopes that the caller holds. Properties named by the
 * client are not cut out: the plan requires a scope for each.
 * @param principal undefined: nobody signed in; `anybody`: permissions are not asked for
 * @returns the plan itself where the caller may see all
 */
export function narrow(plan: Plan, principal: Principal | 'anybody' | undefined): Plan {
  const insertGrants = plan.insert?.grants
  if (plan.grants === undefined && insertGrants === undefined) return plan
  const held = heldOf(plan.grants, principal)
  const inserting = heldOf(insertGrants, principal)
  const key = `${held?.map(({ scope }) => scope).join(' ')}|${inserting?.map(({ scope }) => scope).join(' ')}`
  let plans = narrowed.get(plan)
  if (plans === undefined) {
    plans = new Map()
    narrowed.set(plan, plans)
  }
  let found = plans.get(key)
  if (found === undefined) {
    found = Object.freeze(cut(plan, held, inserting))
    plans.set(key, found)
  }
  return found
}

/** The grants of scopes that the caller holds; undefined where one of them gives access to all. */
function heldOf(
  grants: readonly Grant[] | undefined,
  principal: Principal | 'anybody' | undefined,
): readonly Grant[] | undefined {
  if (principal === 'anybody') return undefined
  const held = grants?.filter(({ scheme, scope }) => scheme === principal?.scheme && principal.scopes.has(scope))
  return held?.some(({ properties }) => properties === undefined) ? undefined : held
}

function cut(plan: Plan, held: readonly Grant[] | undefined, inserting: readonly Grant[] | undefined): Plan {
  const { grants, insert, ...rest } = plan
  const base = {
    ...rest,
    ...(held === undefined ? {} : { grants: held }),
    ...(insert === undefined ? {} : { insert: withGrants(insert, inserting) }),
  } as Plan
  if (held === undefined || (base.kind !== 'read' && base.kind !== 'create' && base.kind !== 'update')) return base
  return { ...base, select: visible(base, held) }
}

function withGrants(insert: NonNullable<Plan['insert']>, held: readonly Grant[] | undefined) {
  const { grants, ...rest } = insert
  return held === undefined ? rest : { ...rest, grants: held }
}

/** What is written of all properties, derived types' included. */
function visible(plan: ReadPlan | CreatePlan | UpdatePlan, held: readonly Grant[]): ReadPlan['select'] {
  const { select, source } = plan
  if (select !== undefined && !select.all) return select
  const properties = new Map(select?.properties)
  for (const type of [source.type, ...source.type.derivedTypes])
    for (const name of type.allProperties.keys())
      if (held.some((grant) => isGranted(grant, name)) && !properties.has(name)) properties.set(name, undefined)
  for (const { alias } of plan.computed?.items ?? []) properties.set(alias, undefined)
  return { ...select, all: false, properties }
}
