import type { UpdatePlan } from '../plan.ts'
import { isGranted } from './access.ts'

/**
 * Tells the properties that an update must leave as they are, whatever a replacement does not name: those that cannot be updated
 * (Capabilities.UpdateRestrictions/NonUpdatableProperties) and those that the caller's scopes give no access to.
 */
export function untouchedBy({ body, grants }: Pick<UpdatePlan, 'body' | 'grants'>): (name: string) => boolean {
  if (body === undefined && grants === undefined) return touched
  const refused = new Set(
    body?.refused.flatMap(({ path: [name = '', ...inner] }) => (inner.length === 0 ? [name] : [])),
  )
  return (name) => refused.has(name) || (grants !== undefined && !grants.some((grant) => isGranted(grant, name)))
}

const touched = (): boolean => false
