import {
  deleteRestrictionsIn,
  insertRestrictionsIn,
  operationRestrictions,
  type Permission,
  readRestrictionsIn,
  updateRestrictionsIn,
} from '../../csdl/capabilities.ts'
import { permissions as corePermissions } from '../../csdl/core.ts'
import { member } from '../../edm/annotations.ts'
import type { Operation } from '../../edm/model.ts'
import type { Requirement } from '../plan.ts'
import { capabilityOf, restrictionsOf } from './capability.ts'
import { ownSet, type Place } from './place.ts'
import type { Position } from './references.ts'
import type { Demands, Grant } from './verdict.ts'

/** What a request does to the rows of a resource, in the terms of the Capabilities vocabulary. */
export type Access = 'read' | 'insert' | 'update' | 'delete'

/** The restriction record of each access. */
export const restrictionTerms: Readonly<Record<Access, string>> = {
  read: 'ReadRestrictions',
  insert: 'InsertRestrictions',
  update: 'UpdateRestrictions',
  delete: 'DeleteRestrictions',
}

/** Whether the service does it at all, and what the caller must hold. */
interface Restriction {
  readonly allowed: boolean | undefined
  readonly permissions: readonly Permission[]
}

/**
 * What the annotations say of an access.
 * @param byKey of reading: one row is named (ReadByKeyRestrictions)
 */
export function restrictionOf(place: Place, access: Access, byKey: boolean): Restriction {
  const term = restrictionTerms[access]
  switch (access) {
    case 'read': {
      const { readable, permissions, readByKey } = restrictionsOf(place, term, readRestrictionsIn)
      if (!byKey || readByKey === undefined) return { allowed: readable, permissions }
      return {
        allowed: readByKey.readable ?? readable,
        permissions: readByKey.permissions.length > 0 ? readByKey.permissions : permissions,
      }
    }
    case 'insert': {
      const { insertable, permissions } = restrictionsOf(place, term, insertRestrictionsIn)
      return { allowed: insertable, permissions }
    }
    case 'update': {
      const { updatable, permissions } = restrictionsOf(place, term, updateRestrictionsIn)
      return { allowed: updatable, permissions }
    }
    case 'delete': {
      const { deletable, permissions } = restrictionsOf(place, term, deleteRestrictionsIn)
      return { allowed: deletable, permissions }
    }
  }
}

/** The term that forbids an access; undefined where it is allowed. */
export function accessRefusal(place: Place, access: Access, byKey: boolean): string | undefined {
  if (restrictionOf(place, access, byKey).allowed === false) return `Capabilities.${restrictionTerms[access]}`
  for (const element of [place.element, ownSet(place), place.type]) {
    const flags = element && corePermissions(element)
    if (flags === undefined || flags.includes('ReadWrite')) continue
    if (!flags.includes(access === 'read' ? 'Read' : 'Write')) return 'Core.Permissions'
  }
  return undefined
}

/**
 * What the caller must hold. Where nothing is said of what lies inside another resource (a contained collection, one without a
 * set), that one counts: reading it, for every change updating it.
 */
export function permissionsOf(position: Position, access: Access, byKey: boolean): readonly Permission[] {
  const { place, outer } = position
  const { permissions } = restrictionOf(place, access, byKey)
  if (permissions.length > 0 || ownSet(place) !== undefined) return permissions
  const inherited: Access = access === 'read' ? 'read' : 'update'
  for (const view of [...outer].reverse()) {
    const found = restrictionOf(view.place, inherited, true).permissions
    if (found.length > 0 || ownSet(view.place) !== undefined) return found
  }
  return []
}

const grants = new WeakMap<readonly Permission[], readonly Grant[]>()

/** The scopes of permissions with the properties that each gives access to, made once. */
export function grantsOf(permissions: readonly Permission[]): readonly Grant[] {
  let made = grants.get(permissions)
  if (made === undefined) {
    made = permissions.flatMap(({ scheme, scopes }) =>
      scopes.map(({ scope, restrictedProperties }) => ({
        scheme,
        scope,
        properties: propertiesOf(restrictedProperties),
      })),
    )
    grants.set(permissions, made)
  }
  return made
}

/** `*`, `Name`, `-Name`, comma-separated (Capabilities.ScopeType.RestrictedProperties). */
function propertiesOf(text: string | undefined): Grant['properties'] {
  if (text === undefined) return undefined
  const entries = text.split(',').map((entry) => entry.trim())
  const named = new Set(entries.filter((entry) => entry !== '' && entry !== '*' && !entry.startsWith('-')))
  const excluded = new Set(entries.filter((entry) => entry.startsWith('-')).map((entry) => entry.slice(1)))
  const all = entries.includes('*') || named.size === 0
  return all && excluded.size === 0 ? undefined : { all, named, excluded }
}

/** Whether a scope gives access to a property. */
export function isGranted({ properties }: Grant, name: string): boolean {
  if (properties === undefined) return true
  return !properties.excluded.has(name) && (properties.all || properties.named.has(name))
}

/** Collects what a plan requires, each path once. */
export class Requirements {
  readonly #byPath = new Map<string, Requirement>()
  /** headers and custom query options that called functions ask for */
  demands: Demands | undefined

  /** The rows of a resource: one of the scopes, whatever properties it gives access to. */
  rows(place: Place, grants: readonly Grant[]): void {
    this.#add(place.name, grants)
  }

  /** One property of a resource: a scope that gives access to it. */
  property(place: Place, name: string, grants: readonly Grant[]): void {
    if (grants.some(({ properties }) => properties !== undefined))
      this.#add(
        `${place.name}/${name}`,
        grants.filter((grant) => isGranted(grant, name)),
        true,
      )
  }

  /** All properties of a resource: a scope without restricted properties. */
  everything(place: Place, grants: readonly Grant[]): void {
    if (grants.some(({ properties }) => properties !== undefined))
      this.#add(
        `${place.name}/*`,
        grants.filter(({ properties }) => properties === undefined),
        true,
      )
  }

  /** The call of an operation. */
  operation(operation: Operation): void {
    this.#add(operation.name, grantsOf(operationRestrictions(operation)?.permissions ?? []))
  }

  /** @param always add it though no scope is left: then nobody may */
  #add(path: string, grants: readonly Grant[], always = false): void {
    if (grants.length === 0 && !always) return
    this.#byPath.set(path, { path, anyOf: grants.map(({ scheme, scope }) => ({ scheme, scope })) })
  }

  /** Whether whoever meets these meets the others: each asks for the same as one of these. */
  cover(others: Requirements): boolean {
    const asked = new Set(this.all().map(({ anyOf }) => JSON.stringify(anyOf)))
    return others.all().every(({ anyOf }) => asked.has(JSON.stringify(anyOf)))
  }

  all(): readonly Requirement[] {
    return [...this.#byPath.values()]
  }
}

/** The value of a restriction record's member, for what has no typed reader. */
export function restrictionMember(place: Place, access: Access, name: string) {
  return member(capabilityOf(place, restrictionTerms[access]), name)
}
