import {
  deleteRestrictions,
  insertRestrictions,
  type Permission,
  readRestrictions,
  updateRestrictions,
} from '../csdl/capabilities.ts'
import type { Annotatable } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { allow, legalMethods, type Method } from './methods.ts'
import type { Requirement, Source } from './plan.ts'

/** What a request does to the rows of its source, in the terms of the Capabilities vocabulary. */
export type Access = 'read' | 'insert' | 'update' | 'delete'

/**
 * What the annotations of the source's entity set or singleton ask of the caller (Capabilities Read-, Insert-, Update- and
 * DeleteRestrictions, `Permissions`).
 * @throws ODataError methodNotAllowed where they say that the service does not do it at all
 */
export function requirementsOf(source: Source, access: Access): readonly Requirement[] {
  const restriction = restrictionOf(source.root, access, source.single)
  if (restriction.allowed === false) {
    const kind = source.single ? 'entity' : 'entityCollection'
    const methods = legalMethods[kind].filter((method) => {
      const other = accessOf(method)
      return other !== access && restrictionOf(source.root, other, source.single).allowed !== false
    })
    throw new ODataError('methodNotAllowed', `'${source.root.name}' does not allow to ${access}.`, {
      headers: { Allow: allow(methods) },
    })
  }
  const anyOf = restriction.permissions.flatMap(({ scheme, scopes }) => scopes.map(({ scope }) => ({ scheme, scope })))
  return anyOf.length === 0 ? [] : [{ path: source.root.name, anyOf }]
}

function accessOf(method: Method): Access {
  return ({ GET: 'read', POST: 'insert', PATCH: 'update', PUT: 'update', DELETE: 'delete' } as const)[method]
}

interface Restriction {
  readonly allowed: boolean | undefined
  readonly permissions: readonly Permission[]
}

function restrictionOf(target: Annotatable, access: Access, byKey: boolean): Restriction {
  switch (access) {
    case 'read': {
      const { readable, permissions, readByKey } = readRestrictions(target)
      if (!byKey || readByKey === undefined) return { allowed: readable, permissions }
      return {
        allowed: readByKey.readable ?? readable,
        permissions: readByKey.permissions.length > 0 ? readByKey.permissions : permissions,
      }
    }
    case 'insert': {
      const { insertable, permissions } = insertRestrictions(target)
      return { allowed: insertable, permissions }
    }
    case 'update': {
      const { updatable, permissions } = updateRestrictions(target)
      return { allowed: updatable, permissions }
    }
    case 'delete': {
      const { deletable, permissions } = deleteRestrictions(target)
      return { allowed: deletable, permissions }
    }
  }
}
