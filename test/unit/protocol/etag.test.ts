import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { printETag, readConditions, versionsOf } from '../../../src/protocol/etag.ts'

describe('entity tags', () => {
  it('are weak, and read back as the version they print', () => {
    expect(printETag(7)).toBe('W/"7"')
    const { ifMatch } = readConditions({ 'if-match': printETag(7) })
    expect(ifMatch).toEqual({ any: false, tags: ['7'] })
    expect(versionsOf(['7'])).toEqual([7])
  })

  it('come in lists, weak and strong, and as *', () => {
    expect(readConditions({ 'if-none-match': ' W/"1" , "2",W/"x,y" ' }).ifNoneMatch).toEqual({
      any: false,
      tags: ['1', '2', 'x,y'],
    })
    expect(readConditions({ 'if-match': '*' })).toEqual({ ifMatch: { any: true }, ifNoneMatch: undefined })
    expect(readConditions({})).toEqual({ ifMatch: undefined, ifNoneMatch: undefined })
  })

  it.each(['', ' ', '1', 'W/1', '"1', '"1" "2"', '*, "1"', 'w/"1"', '"a b"', Array(101).fill('"1"').join(',')])(
    'refuse %j',
    (header) => {
      expect(() => readConditions({ 'if-match': header })).toThrow(ODataError)
    },
  )

  it('that no version of ours prints stand for no version', () => {
    expect(versionsOf(['0', '01', '-1', '1.0', 'abc', '1e3', '9999999999999999', ''])).toEqual([])
  })
})
