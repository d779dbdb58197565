import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSink, type Sink } from '../../../src/payload/sink.ts'

const utf8 = new TextEncoder()
const textOf = (write: (sink: Sink) => void): string => {
  const sink = createSink(64)
  write(sink)
  return new TextDecoder('utf-8', { fatal: true }).decode(sink.take())
}
const bmp = fc.string({ unit: 'binary', maxLength: 200 })

describe('sink', () => {
  it('writes JSON strings as JSON.stringify does, from text', () => {
    fc.assert(
      fc.property(bmp, (text) => {
        expect(textOf((sink) => sink.jsonString(text))).toBe(JSON.stringify(text))
      }),
    )
    expect(textOf((sink) => sink.jsonString('\ud800x'))).toBe('"\\ud800x"')
  })

  it('writes JSON strings as JSON.stringify does, from UTF-8 in the midst of other bytes', () => {
    const control = fc.string({
      unit: fc.constantFrom('"', '\\', '\b', '\n', '\u0001', '\u001f', '\u007f', '\u2028', 'a', 'é', '€', '😀'),
    })
    fc.assert(
      fc.property(fc.oneof(bmp, control), (text) => {
        const bytes = utf8.encode(`"é${text}é"`)
        expect(textOf((sink) => sink.jsonStringFromUtf8(bytes, 3, bytes.length - 3))).toBe(JSON.stringify(text))
      }),
    )
  })

  it('repairs bytes that are no UTF-8', () => {
    const bytes = new Uint8Array([0x61, 0xff, 0x22, 0xc3, 0x62])
    expect(textOf((sink) => sink.jsonStringFromUtf8(bytes, 0, bytes.length))).toBe('"a\ufffd\\"\ufffdb"')
  })

  it('writes integers as String does', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(textOf((sink) => sink.integer(value))).toBe(String(value))
      }),
    )
    for (const value of [
      0,
      -1,
      9,
      10,
      99,
      100,
      2 ** 31 - 1,
      2 ** 31,
      -(2 ** 31),
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ])
      expect(textOf((sink) => sink.integer(value))).toBe(String(value))
  })

  it('pads digits', () => {
    expect(textOf((sink) => sink.padded(7, 4))).toBe('0007')
    expect(textOf((sink) => sink.padded(999_999_999, 9))).toBe('999999999')
  })

  it('writes binary values as padded base64url', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const expected = Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
        expect(textOf((sink) => sink.jsonBinary(bytes, 0, bytes.length, false, true))).toBe(`"${expected}"`)
      }),
    )
  })

  it('writes GUIDs', () => {
    const bytes = Buffer.from('ffff00f9882bcd2bf988cd2b88f9cd2b88f9', 'hex')
    expect(textOf((sink) => sink.jsonGuid(bytes, 2))).toBe('"00f9882b-cd2b-f988-cd2b-88f9cd2b88f9"')
  })

  it('grows, and empties itself with take', () => {
    const sink = createSink(64)
    const long = 'x'.repeat(1000)
    for (let i = 0; i < 500; i++) sink.ascii(long)
    sink.bytes(utf8.encode(`[${long}]`), 1, 1001)
    sink.byte(0x21)
    expect(sink.length).toBe(501_001)
    const taken = sink.take()
    expect(taken.length).toBe(501_001)
    expect(taken.at(-1)).toBe(0x21)
    expect(sink.length).toBe(0)
    sink.ascii('later')
    expect(Buffer.from(sink.take()).toString()).toBe('later')
  })

  it('never hands out a buffer twice', () => {
    const first = createSink()
    first.ascii('first')
    const taken = first.take()
    const second = createSink()
    second.ascii('SECOND')
    expect(Buffer.from(taken).toString()).toBe('first')
    expect(Buffer.from(second.take()).toString()).toBe('SECOND')
  })
})
