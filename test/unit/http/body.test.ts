import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readBody } from '../../../src/http/body.ts'

const request = (headers: Record<string, string>): PassThrough & IncomingMessage =>
  Object.assign(new PassThrough(), { headers }) as unknown as PassThrough & IncomingMessage

describe('bodies', () => {
  it('are read whole, in one piece or in many', async () => {
    const one = request({ 'content-length': '5' })
    one.end('hello')
    expect(Buffer.from((await readBody(one, 100)) ?? '').toString()).toBe('hello')
    const many = request({ 'transfer-encoding': 'chunked' })
    const read = readBody(many, 100)
    for (const part of ['a', 'b', 'c']) {
      many.write(part)
      await new Promise((resolve) => setImmediate(resolve))
    }
    many.end()
    expect(Buffer.from((await read) ?? '').toString()).toBe('abc')
  })

  it('are none where none is announced, and may be empty', async () => {
    expect(await readBody(request({}), 100)).toBeUndefined()
    const empty = request({ 'content-length': '0' })
    empty.end()
    expect((await readBody(empty, 100))?.length).toBe(0)
  })

  it('are refused past the limit, announced or not', async () => {
    await expect(readBody(request({ 'content-length': '101' }), 100)).rejects.toMatchObject({ code: 'payloadTooLarge' })
    const chunked = request({ 'transfer-encoding': 'chunked' })
    const read = readBody(chunked, 100)
    chunked.write('x'.repeat(60))
    chunked.write('x'.repeat(60))
    await expect(read).rejects.toMatchObject({ code: 'payloadTooLarge' })
    const exact = request({ 'content-length': '100' })
    exact.end('x'.repeat(100))
    expect((await readBody(exact, 100))?.length).toBe(100)
  })

  it('that are cut off are a fault of the client', async () => {
    const cut = request({ 'content-length': '10' })
    const read = readBody(cut, 100)
    cut.write('abc')
    cut.destroy()
    await expect(read).rejects.toMatchObject({ code: 'badRequest' })
    const broken = request({ 'content-length': '10' })
    const again = readBody(broken, 100)
    broken.destroy(new Error('ECONNRESET'))
    await expect(again).rejects.toMatchObject({ code: 'badRequest' })
  })
})
