import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitJson } from '../../../../src/tools/transfer/split-json.ts'

/** The text in chunks of the sizes given, the last again and again. */
async function* chunked(text: string, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function split(text: string, ...sizes: number[]): Promise<[line: number, text: string][]> {
  const pieces: [number, string][] = []
  for await (const { bytes, line } of splitJson(chunked(text, sizes.length > 0 ? sizes : [text.length])))
    pieces.push([line, Buffer.from(bytes).toString()])
  return pieces
}

describe('splitJson', () => {
  it('cuts lines and arrays alike, and tells the line of each', async () => {
    expect(await split('{"a":1}\n\n{"b":{"c":[{}]}}\n')).toEqual([
      [1, '{"a":1}'],
      [3, '{"b":{"c":[{}]}}'],
    ])
    expect(await split('[\n{"a":"}\\"{"} ,\r\n {"b":\n"]"}\n]\n')).toEqual([
      [2, '{"a":"}\\"{"}'],
      [3, '{"b":\n"]"}'],
    ])
    expect(await split('')).toEqual([])
    expect(await split('[]')).toEqual([])
    expect(await split('\ufeff{"a":1}')).toEqual([[1, '{"a":1}']])
  })

  it('cuts the same whatever the chunks are', async () => {
    const objects = fc.array(
      fc.object({ maxDepth: 3, key: fc.string(), values: [fc.string(), fc.integer(), fc.boolean()] }),
    )
    await fc.assert(
      fc.asyncProperty(
        objects,
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        fc.boolean(),
        async (values, sizes, array) => {
          const texts = values.map((value) => JSON.stringify(value))
          const text = array ? JSON.stringify(values) : texts.join('\n')
          expect((await split(text, ...sizes)).map(([, piece]) => piece)).toEqual(texts)
        },
      ),
    )
  })

  it.each([
    ['5', 'line 1'],
    ['{}\n"text"', 'line 2'],
    ['{"a":1}\n{"b":', 'line 2: the file ends'],
    ['{"a":1}}', 'line 1'],
  ])('says where %s is no list of objects', async (text, message) => {
    await expect(split(text)).rejects.toThrow(message)
  })
})
