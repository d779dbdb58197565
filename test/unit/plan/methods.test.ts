import { describe, expect, it } from 'vitest'
import type { BoundPath, ResourceKind } from '../../../src/bind/tree.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { allow, checkMethod, legalMethods } from '../../../src/plan/methods.ts'

const on = (resource: ResourceKind): BoundPath => ({ resource, segments: [] as BoundPath['segments'] }) as BoundPath
const outcome = (resource: ResourceKind, method: string): unknown => {
  try {
    return checkMethod(on(resource), method)
  } catch (error) {
    if (error instanceof ODataError) return { code: error.code, allow: error.headers?.Allow }
    throw error
  }
}

describe('methods', () => {
  it('plans HEAD as GET', () => {
    expect(outcome('entity', 'HEAD')).toBe('GET')
    expect(outcome('entity', 'PATCH')).toBe('PATCH')
  })

  it('names what is allowed in a 405', () => {
    expect(outcome('entityCollection', 'DELETE')).toEqual({
      code: 'methodNotAllowed',
      allow: 'GET, HEAD, POST, PATCH, PUT',
    })
    expect(outcome('entity', 'POST')).toEqual({ code: 'methodNotAllowed', allow: 'GET, HEAD, PATCH, PUT, DELETE' })
    expect(outcome('metadata', 'PUT')).toEqual({ code: 'methodNotAllowed', allow: 'GET, HEAD' })
  })

  it.each(['get', 'TRACE', '__proto__', 'constructor', '', 'X'.repeat(500), 'GET\r\nX: y'])(
    'refuses the method %j',
    (method) => {
      expect(outcome('entity', method)).toMatchObject({ code: 'methodNotAllowed' })
    },
  )

  it('says of every kind of resource what it answers, or that it is not implemented', () => {
    for (const [resource, methods] of Object.entries(legalMethods) as [ResourceKind, readonly string[]][])
      for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'])
        expect(outcome(resource, method), `${method} ${resource}`).toEqual(
          methods.includes(method)
            ? method
            : methods.length === 0
              ? { code: 'notImplemented', allow: undefined }
              : { code: 'methodNotAllowed', allow: allow(legalMethods[resource]) },
        )
  })
})
