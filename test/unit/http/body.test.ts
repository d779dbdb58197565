import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readBody, readContent } from '../../../src/http/body.ts'

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

describe('bodies as they come', () => {
  const collected = async (source: AsyncIterable<Uint8Array>): Promise<string> => {
    let text = ''
    for await (const piece of source) text += Buffer.from(piece).toString()
    return text
  }
  const streamed = (headers: Record<string, string>, complete = true) => Object.assign(request(headers), { complete })

  it('are given piece by piece, up to the limit', async () => {
    const whole = streamed({ 'transfer-encoding': 'chunked' })
    whole.end('x'.repeat(10))
    expect(await collected(readContent(whole, { bytes: 10, idle: 1_000 }))).toBe('x'.repeat(10))
    const long = streamed({ 'transfer-encoding': 'chunked' })
    long.end('x'.repeat(11))
    await expect(collected(readContent(long, { bytes: 10, idle: 1_000 }))).rejects.toMatchObject({
      code: 'payloadTooLarge',
      message: expect.stringContaining('streamBytes'),
    })
    const announced = streamed({ 'content-length': '11' })
    await expect(collected(readContent(announced, { bytes: 10, idle: 1_000 }))).rejects.toMatchObject({
      code: 'payloadTooLarge',
    })
    expect(await collected(readContent(streamed({}), { bytes: 10, idle: 1_000 }))).toBe('')
  })

  it('are given up where they are cut off or nothing comes', async () => {
    const cut = streamed({ 'content-length': '10' }, false)
    cut.end('abc')
    await expect(collected(readContent(cut, { bytes: 10, idle: 1_000 }))).rejects.toMatchObject({ code: 'badRequest' })
    const silent = streamed({ 'content-length': '10' })
    silent.write('abc')
    await expect(collected(readContent(silent, { bytes: 10, idle: 20 }))).rejects.toMatchObject({
      code: 'requestTimeout',
    })
  })
})
