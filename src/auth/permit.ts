import { ODataError } from '../errors/odata-error.ts'
import type { Requirement } from '../plan/plan.ts'
import type { Principal } from './principal.ts'

/** The 401 of RFC 6750 3: `error` only where a token was sent. */
export function unauthenticated(message: string, error?: 'invalid_token' | 'invalid_request'): ODataError {
  return new ODataError('unauthenticated', message, {
    target: 'Authorization',
    headers: {
      'WWW-Authenticate': error === undefined ? 'Bearer' : `Bearer error="${error}", error_description="${message}"`,
    },
  })
}

function holds({ scheme, scopes }: Principal, { anyOf }: Requirement): boolean {
  return anyOf.some((alternative) => alternative.scheme === scheme && scopes.has(alternative.scope))
}

/** Whether a principal holds what is required. */
export function isPermitted(principal: Principal | undefined, requires: readonly Requirement[]): boolean {
  return requires.every((requirement) => principal !== undefined && holds(principal, requirement))
}

/**
 * Refuses a principal that lacks what a plan requires: of every requirement one alternative of its own scheme.
 * @param principal undefined: nobody signed in
 * @throws ODataError unauthenticated (nobody signed in), accessDenied
 */
export function permit(principal: Principal | undefined, requires: readonly Requirement[]): void {
  for (const requirement of requires) {
    if (!principal) throw unauthenticated('This resource needs a bearer token.')
    if (holds(principal, requirement)) continue
    const { path, anyOf } = requirement
    const names = anyOf.filter(({ scheme }) => scheme === principal.scheme).map(({ scope }) => scope)
    throw new ODataError(
      'accessDenied',
      names.length === 0
        ? `'${path}' is not open to ${principal.scheme.toLowerCase()} permissions.`
        : `'${path}' needs ${names.length === 1 ? 'the permission' : 'one of the permissions'} ${names.join(', ')}.`,
      { target: path },
    )
  }
}
