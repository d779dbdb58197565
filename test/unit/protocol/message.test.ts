import { describe, expect, it } from 'vitest'
import { type HttpRequest, requestLike } from '../../../src/protocol/message.ts'

/** As the one of node:http: a class whose parts are made when they are asked for. */
class Received implements HttpRequest {
  readonly method = 'POST'
  readonly target = '/set'
  readonly headers = { prefer: 'return=minimal' }
  readonly #controller = new AbortController()

  async body() {
    return Buffer.from('sent')
  }
  async *content() {
    yield Buffer.from('se')
    yield Buffer.from('nt')
  }
  get signal() {
    return this.#controller.signal
  }
  get loopback() {
    return true
  }
}

const limits = { bytes: 100, idle: 100 }

async function contentOf(request: HttpRequest): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of request.content(limits)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

describe('requestLike', () => {
  it('is the other request but for what is given', async () => {
    const received = new Received()
    const made = requestLike(received, { method: 'GET', target: '/other', headers: {} })
    expect([made.method, made.target, made.headers]).toEqual(['GET', '/other', {}])
    expect(made.signal).toBe(received.signal)
    expect(made.loopback).toBe(true)
    expect(Buffer.from((await made.body(100)) ?? []).toString()).toBe('sent')
    expect(await contentOf(made)).toBe('sent')
  })

  it('has its own body as content, and its own signal', async () => {
    const { signal } = new AbortController()
    const made = requestLike(new Received(), { body: async () => Buffer.from('own'), signal })
    expect(made.signal).toBe(signal)
    expect(await contentOf(made)).toBe('own')
    expect(await contentOf(requestLike(new Received(), { body: async () => undefined }))).toBe('')
  })
})
