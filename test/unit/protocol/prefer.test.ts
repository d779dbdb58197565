import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePrefer } from '../../../src/protocol/prefer.ts'

const nothing = parsePrefer(undefined)

describe('Prefer', () => {
  it.each([
    ['return=minimal', { return: 'minimal' }],
    ['Return = Representation', { return: 'representation' }],
    ['return="minimal"', { return: 'minimal' }],
    ['maxpagesize=7', { maxPageSize: 7 }],
    ['odata.maxpagesize=7', { maxPageSize: 7 }],
    ['odata.maxpagesize=7, maxpagesize=9', { maxPageSize: 9 }],
    ['maxpagesize=9, odata.maxpagesize=7', { maxPageSize: 9 }],
    ['odata.maxpagesize=7, odata.maxpagesize=8', { maxPageSize: 7 }],
    ['odata.maxpagesize=7, maxpagesize=9, maxpagesize=8', { maxPageSize: 9 }],
    ['odata.callback;url="http://a/", callback;url="http://b/"', { callback: 'http://b/' }],
    ['odata.include-annotations="*", include-annotations="-*"', { includeAnnotations: '-*' }],
    ['odata.track-changes, odata.continue-on-error=false', { trackChanges: true, continueOnError: false }],
    ['return=minimal;foo=bar, odata.continue-on-error', { return: 'minimal', continueOnError: true }],
    ['respond-async, wait=10', { respondAsync: true, wait: 10 }],
    ['respond-async, odata.callback;url="http://host/x?y=1"', { respondAsync: true, callback: 'http://host/x?y=1' }],
    ['odata.track-changes', { trackChanges: true }],
    ['handling=strict', { handling: 'strict' }],
    ['omit-values=nulls', { omitValues: 'nulls' }],
    ['odata.include-annotations="*,-display.*"', { includeAnnotations: '*,-display.*' }],
    ['continue-on-error=false', { continueOnError: false }],
    ['unknown, return=minimal', { return: 'minimal' }],
  ])('%s', (header, expected) => {
    expect(parsePrefer(header)).toEqual({ ...nothing, ...expected })
  })

  it.each([
    '',
    'maxpagesize',
    'maxpagesize=',
    'maxpagesize=0',
    'maxpagesize=-1',
    'maxpagesize=1.5',
    'maxpagesize=1e3',
    'maxpagesize=9999999999',
    'maxpagesize=x',
    'return=everything',
    'return',
    ',;=,',
    'return="minimal',
    'odata.return=minimal',
    'odata.respond-async',
    'odata.omit-values=nulls',
  ])('ignores %j', (header) => {
    expect(parsePrefer(header)).toEqual(nothing)
  })

  it('never throws, and page sizes are whole numbers from 1', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, size) => {
        const { maxPageSize } = parsePrefer(`${before}, maxpagesize=${size}`)
        expect(maxPageSize === undefined || (Number.isInteger(maxPageSize) && maxPageSize >= 1)).toBe(true)
      }),
    )
  })
})
