import { serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { readConditions } from '../../../src/protocol/etag.ts'
import { notModified, preconditionOf, versionOf } from '../../../src/service/conditions.ts'

const match = (header: string) => readConditions({ 'if-match': header })
const noneMatch = (header: string) => readConditions({ 'if-none-match': header })

describe('conditions of a change', () => {
  it.each([
    [{}, undefined],
    [{ 'if-match': '*' }, { kind: 'exists' }],
    [{ 'if-match': 'W/"3", W/"4"' }, { kind: 'versions', anyOf: [3, 4] }],
    [{ 'if-match': '"foreign"' }, { kind: 'versions', anyOf: [] }],
    [{ 'if-none-match': '*' }, { kind: 'absent' }],
    [{ 'if-none-match': 'W/"3"' }, { kind: 'notVersions', noneOf: [3] }],
    [
      { 'if-match': 'W/"1"', 'if-none-match': '*' },
      { kind: 'versions', anyOf: [] },
    ],
    [
      { 'if-match': 'W/"1", W/"2"', 'if-none-match': 'W/"1"' },
      { kind: 'versions', anyOf: [2] },
    ],
    [
      { 'if-match': '*', 'if-none-match': 'W/"1"' },
      { kind: 'notVersions', noneOf: [1] },
    ],
  ])('%j', (headers, expected) => {
    expect(preconditionOf(readConditions(headers))).toEqual(expected)
  })
})

describe('conditions of a read', () => {
  it('finds what the client has', () => {
    expect(notModified(noneMatch('W/"3"'), 3)).toBe(true)
    expect(notModified(noneMatch('"1", W/"3"'), 3)).toBe(true)
    expect(notModified(noneMatch('*'), 3)).toBe(true)
    expect(notModified(noneMatch('W/"3"'), 4)).toBe(false)
    expect(notModified(noneMatch('W/"3"'), undefined)).toBe(false)
    expect(notModified({ ifMatch: undefined, ifNoneMatch: undefined }, 3)).toBe(false)
  })

  it('refuses another state than the one asked for', () => {
    expect(notModified(match('W/"3"'), 3)).toBe(false)
    for (const version of [4, undefined]) expect(() => notModified(match('W/"3"'), version)).toThrow('If-Match')
  })
})

it('reads the version of a row, in any number type', () => {
  expect(versionOf(serialize({ _id: 1, '@version': 7 }))).toBe(7)
  expect(versionOf(serialize({ _id: 1, '@version': 7.5 }))).toBe(7.5)
  expect(versionOf(serialize({ _id: 1, nested: { '@version': 7 } }))).toBeUndefined()
})
