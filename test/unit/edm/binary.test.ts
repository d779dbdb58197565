import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBinary, decodeBase64, encodeBase64, encodeBase64Url } from '../../../src/edm/binary.ts'

describe('Binary', () => {
  it('reads both alphabets, with and without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const padded = encodeBase64(bytes)
        for (const text of [padded, padded.replace(/=+$/, ''), encodeBase64Url(bytes)]) {
          expect(decodeBase64(text)).toEqual(new Uint8Array(bytes))
        }
        expect(padded).toBe(Buffer.from(bytes).toString('base64'))
      }),
    )
    expect(encodeBase64Url(new Uint8Array([255, 239]))).toBe('_-8')
  })

  it.each(['Z', 'Zg=', 'Zg===', 'Zg==Zg==', 'Z g=', 'Zm9v\n', 'Zm9v=', '====', 'Zm9v!', 'Zh', 'Zm9', 'a1234567 89'])(
    'refuses %j',
    (text) => {
      expect(decodeBase64(text)).toBeUndefined()
    },
  )

  it('keeps the seed of Graph', () => {
    expect(encodeBase64(decodeBase64('ZW5jcnlwdGVkQmxvYg==')!)).toBe('ZW5jcnlwdGVkQmxvYg==')
  })

  it('owns its memory: a small value does not hold a pool', () => {
    expect(decodeBase64('Zg==')!.buffer.byteLength).toBe(1)
  })

  it('sorts the shorter first, then by bytes', () => {
    const values = [new Uint8Array([1, 0]), new Uint8Array([9]), new Uint8Array([]), new Uint8Array([0, 255])]
    expect(values.sort(compareBinary).map((value) => [...value])).toEqual([[], [9], [0, 255], [1, 0]])
  })
})
