import {
  deleteRestrictions,
  insertRestrictions,
  type NavigationPropertyRestriction,
  navigationRestrictions,
  type Permission,
  readRestrictions,
  updateRestrictions,
} from '../csdl/capabilities.ts'
import type { Annotatable } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { allow, legalMethods, type Method } from './methods.ts'
import type { Requirement, Source } from './plan.ts'
import type { TrailStep } from './source.ts'

/** What a request does to the rows of its source, in the terms of the Capabilities vocabulary. */
export type Access = 'read' | 'insert' | 'update' | 'delete'

/**
 * What the annotations of a source ask of the caller (Capabilities Read-, Insert-, Update- and DeleteRestrictions,
 * `Permissions`). By navigation: the entry of NavigationRestrictions for its path counts first; a contained collection for which
 * nothing is said is as protected as its owner (changing it is changing the owner); a set that is left by its relations needs
 * what reading one of its entities needs.
 * @param trail the navigation walked
 * @throws ODataError methodNotAllowed where they say that the service does not do it at all
 */
export function requirementsOf(
  source: Source,
  access: Access,
  trail: readonly TrailStep[] = [],
): readonly Requirement[] {
  const holders = holdersOf(source, trail)
  const restriction = restrictionIn(holders, access, source.single)
  if (restriction.allowed === false) {
    const kind = source.root.kind === 'singleton' ? 'singleton' : source.single ? 'entity' : 'entityCollection'
    const methods = legalMethods[kind].filter((method) => {
      const other = accessOf(method)
      return other !== access && restrictionIn(holders, other, source.single).allowed !== false
    })
    throw new ODataError('methodNotAllowed', `'${source.root.name}' does not allow to ${access}.`, {
      headers: { Allow: allow(methods) },
    })
  }
  const last = trail.at(-1)
  const owner = source.root.kind === 'contained' ? last?.root : undefined
  const requires: Requirement[] = []
  const add = (path: string, permissions: readonly Permission[]): void => {
    const anyOf = permissions.flatMap(({ scheme, scopes }) => scopes.map(({ scope }) => ({ scheme, scope })))
    if (anyOf.length > 0) requires.push({ path, anyOf })
  }
  if (owner !== undefined && restriction.permissions.length === 0)
    add(owner.name, restrictionOf(owner, access === 'read' ? 'read' : 'update', true).permissions)
  else add(source.root.name, restriction.permissions)
  for (const [i, { root }] of trail.entries()) {
    const next = trail[i + 1]?.root ?? owner ?? source.root
    if (next !== root) add(root.name, restrictionOf(root, 'read', true).permissions)
  }
  return requires
}

/** Where restrictions of a source's last step may stand, what counts first in front. */
function holdersOf({ root }: Source, trail: readonly TrailStep[]): readonly Restricted[] {
  const last = trail.at(-1)
  if (last === undefined) return [root]
  const { restrictedProperties } = navigationRestrictions(last.root)
  const entry = restrictedProperties.find(({ navigationProperty }) => withoutCasts(navigationProperty) === last.path)
  return entry === undefined ? [root] : [entry, root]
}

function withoutCasts(path: string): string {
  return path
    .split('/')
    .filter((step) => !step.includes('.'))
    .join('/')
}

/** An element that restrictions are annotated on, or an entry of NavigationRestrictions. */
type Restricted = Annotatable | NavigationPropertyRestriction

function restrictionIn(holders: readonly Restricted[], access: Access, byKey: boolean): Restriction {
  const all = holders.map((holder) => restrictionOf(holder, access, byKey))
  return {
    allowed: all.find(({ allowed }) => allowed !== undefined)?.allowed,
    permissions: all.find(({ permissions }) => permissions.length > 0)?.permissions ?? [],
  }
}

function accessOf(method: Method): Access {
  return ({ GET: 'read', POST: 'insert', PATCH: 'update', PUT: 'update', DELETE: 'delete' } as const)[method]
}

interface Restriction {
  readonly allowed: boolean | undefined
  readonly permissions: readonly Permission[]
}

function restrictionOf(target: Restricted, access: Access, byKey: boolean): Restriction {
  const entry = 'navigationProperty' in target ? target : undefined
  const element = 'navigationProperty' in target ? nobody : target
  switch (access) {
    case 'read': {
      const { readable, permissions, readByKey } = entry?.read ?? readRestrictions(element)
      if (!byKey || readByKey === undefined) return { allowed: readable, permissions }
      return {
        allowed: readByKey.readable ?? readable,
        permissions: readByKey.permissions.length > 0 ? readByKey.permissions : permissions,
      }
    }
    case 'insert': {
      const { insertable, permissions } = entry?.insert ?? insertRestrictions(element)
      return { allowed: insertable, permissions }
    }
    case 'update': {
      const { updatable, permissions } = entry?.update ?? updateRestrictions(element)
      return { allowed: updatable, permissions }
    }
    case 'delete': {
      const { deletable, permissions } = entry?.delete ?? deleteRestrictions(element)
      return { allowed: deletable, permissions }
    }
  }
}

const nobody: Annotatable = { annotations: [] }
