import { expect, it } from 'vitest'
import { chunked } from '../../../src/base/chunks.ts'

it('cuts bytes into pieces of one size, however they come', async () => {
  async function* source() {
    for (const text of ['a', 'bcdefgh', '', 'ij', 'k']) yield new TextEncoder().encode(text)
  }
  const pieces: string[] = []
  for await (const piece of chunked(source(), 3)) pieces.push(new TextDecoder().decode(piece))
  expect(pieces).toEqual(['abc', 'def', 'ghi', 'jk'])
})
