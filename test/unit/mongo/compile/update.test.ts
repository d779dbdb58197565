import { describe, expect, it } from 'vitest'
import { updateOf } from '../../../../src/mongo/compile/update.ts'

const nextVersion = { $add: [{ $ifNull: ['$@version', 0] }, 1] }

describe('updates', () => {
  it('merges whole fields by operators', () => {
    expect(updateOf({ kind: 'merge', set: { a: 1 }, unset: ['b', 'b@exact'] }, [])).toEqual({
      $inc: { '@version': 1 },
      $set: { a: 1 },
      $unset: { b: '', 'b@exact': '' },
    })
    expect(updateOf({ kind: 'merge', set: {}, unset: [] }, [])).toEqual({ $inc: { '@version': 1 } })
  })

  it('merges into documents by a pipeline, every value a literal', () => {
    expect(updateOf({ kind: 'merge', set: { 'a.b': '$c', d: { $add: [1, 2] } }, unset: ['a.e'] }, [])).toEqual([
      { $set: { 'a.b': { $literal: '$c' }, d: { $literal: { $add: [1, 2] } }, '@version': nextVersion } },
      { $unset: ['a.e'] },
    ])
  })

  it('replaces all but the key, the version, and what is kept', () => {
    const document = { a: '$x', kept: 'new', _id: 'other', '@version': 9 }
    expect(updateOf({ kind: 'replace', document, keep: ['kept', '@type'] }, ['key@exact'])).toEqual([
      {
        $replaceWith: {
          $mergeObjects: [
            { _id: '$_id', '@version': nextVersion },
            { $literal: { a: '$x' } },
            { kept: '$kept', '@type': '$@type', 'key@exact': '$key@exact' },
          ],
        },
      },
    ])
  })
  it('keeps what is inside documents that take the place of others', () => {
    const document = { home: { a: 1, in: {} } }
    const keepInside = ['home.s', 'home.in.s']
    expect(updateOf({ kind: 'replace', document, keep: [], keepInside }, [])).toEqual([
      {
        $replaceWith: {
          $mergeObjects: [
            { _id: '$_id', '@version': nextVersion },
            { $literal: document },
            {},
            {
              home: {
                $mergeObjects: [
                  { $literal: document.home },
                  { s: '$home.s', in: { $mergeObjects: [{ $literal: {} }, { s: '$home.in.s' }] } },
                ],
              },
            },
          ],
        },
      },
    ])
  })
})
