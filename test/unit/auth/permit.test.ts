import { describe, expect, it } from 'vitest'
import { permit } from '../../../src/auth/permit.ts'
import type { Principal } from '../../../src/auth/principal.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import type { Requirement } from '../../../src/plan/plan.ts'

const who = (scheme: Principal['scheme'], ...scopes: readonly string[]): Principal => ({
  subject: 'somebody',
  tenant: undefined,
  scheme,
  scopes: new Set(scopes),
  expires: 0,
})
const needs = (path: string, ...anyOf: readonly (readonly [string, string])[]): Requirement => ({
  path,
  anyOf: anyOf.map(([scheme, scope]) => ({ scheme, scope })),
})
const outcome = (principal: Principal | undefined, ...requires: readonly Requirement[]): string => {
  try {
    permit(principal, requires)
  } catch (error) {
    if (error instanceof ODataError) return `${error.status} ${error.code}: ${error.message}`
    throw error
  }
  return 'permitted'
}

const books = needs('Books', ['Delegated', 'Read'], ['Delegated', 'ReadWrite'], ['Application', 'Read.All'])

describe('permissions', () => {
  it('asks one alternative of the own scheme', () => {
    expect(outcome(who('Delegated', 'Read'), books)).toBe('permitted')
    expect(outcome(who('Delegated', 'Other', 'ReadWrite'), books)).toBe('permitted')
    expect(outcome(who('Application', 'Read.All'), books)).toBe('permitted')
    expect(outcome(who('Application', 'Read'), books)).toBe("403 accessDenied: 'Books' needs the permission Read.All.")
    expect(outcome(who('Delegated', 'Read.All'), books)).toBe(
      "403 accessDenied: 'Books' needs one of the permissions Read, ReadWrite.",
    )
  })

  it('asks every requirement', () => {
    const authors = needs('Authors', ['Delegated', 'Authors.Read'])
    expect(outcome(who('Delegated', 'Read', 'Authors.Read'), books, authors)).toBe('permitted')
    expect(outcome(who('Delegated', 'Read'), books, authors)).toMatch(/^403 .*'Authors'/)
    expect(outcome(who('Delegated', 'Authors.Read'), books, authors)).toMatch(/^403 .*'Books'/)
  })

  it('says where a scheme is not let in at all', () => {
    expect(outcome(who('Application', 'x'), needs('Books', ['Delegated', 'Read']))).toBe(
      "403 accessDenied: 'Books' is not open to application permissions.",
    )
    expect(outcome(who('Delegated', 'Read'), needs('Books'))).toMatch(/^403 /)
  })

  it('is case-sensitive and takes whole names', () => {
    for (const scope of ['read', 'Rea', 'Read ', 'ReadWrite.', ''])
      expect(outcome(who('Delegated', scope), books)).toMatch(/^403 /)
  })

  it('asks nobody for nothing, and somebody for a sign-in', () => {
    expect(outcome(undefined)).toBe('permitted')
    expect(outcome(undefined, books)).toMatch(/^401 unauthenticated/)
    expect(outcome(who('Delegated'))).toBe('permitted')
  })
})
