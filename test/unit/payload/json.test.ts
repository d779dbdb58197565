import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { type JsonNode, jsonDepth, parseJson } from '../../../src/payload/json.ts'

const parse = (text: string): JsonNode => parseJson(new TextEncoder().encode(text))

function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case 'null':
      return null
    case 'boolean':
    case 'string':
      return node.value
    case 'number':
      return Number(node.text)
    case 'array':
      return node.items.map(plain)
    case 'object':
      return Object.fromEntries([...node.members].map(([name, member]) => [name, plain(member)]))
  }
}

function fault(text: string | Uint8Array): ODataError {
  try {
    parseJson(typeof text === 'string' ? new TextEncoder().encode(text) : text)
  } catch (error) {
    if (error instanceof ODataError) return error
    throw error
  }
  throw new Error('was taken')
}

describe('parseJson', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 2 }), (text, indent) => {
        const value = JSON.parse(text)
        expect(plain(parse(JSON.stringify(value, null, indent)))).toEqual(value)
      }),
    )
  })

  it('agrees with JSON.parse on what is JSON', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '0',
      '.5',
      'e2',
      'true',
      'null',
      ' ',
      '\n',
      '\\',
      '\\u00e9',
      '\t',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const text = pieces.join('')
        let expected: unknown
        try {
          expected = JSON.parse(text)
        } catch {
          expect(fault(text).code).toBe('bodySyntax')
          return
        }
        expect(plain(parse(text))).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('keeps the text of numbers and the place of every node', () => {
    const node = parse(' {"é": [1.10e+5, -0]}')
    expect(node).toMatchObject({ kind: 'object', offset: 1, end: 21 })
    if (node.kind !== 'object') throw new Error('no object')
    expect(node.members.get('é')).toEqual({
      kind: 'array',
      offset: 7,
      end: 20,
      items: [
        { kind: 'number', text: '1.10e+5', offset: 8, end: 15 },
        { kind: 'number', text: '-0', offset: 17, end: 19 },
      ],
    })
  })

  it('finds every duplicate member, escaped ones too, per object', () => {
    const node = parse('{"a":1,"b":{"a":2},"a":3,"\\u0061":4}')
    if (node.kind !== 'object') throw new Error('no object')
    expect(node.duplicates).toEqual([
      { name: 'a', offset: 19, end: 22 },
      { name: 'a', offset: 25, end: 33 },
    ])
    expect(node.members.get('a')).toMatchObject({ text: '1' })
    expect(node.members.get('b')).toMatchObject({ duplicates: [] })
  })

  it('takes __proto__ and constructor as names like any other', () => {
    const node = parse('{"__proto__":{"x":1},"constructor":2}')
    expect(node.kind === 'object' && [...node.members.keys()]).toEqual(['__proto__', 'constructor'])
  })

  it('refuses lone surrogates and takes pairs', () => {
    expect(plain(parse('"\\ud83d\\ude00"'))).toBe('😀')
    for (const text of ['"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\ud83dx"'])
      expect(fault(text).message).toContain('surrogate')
  })

  it('says line and column', () => {
    const error = fault('{\n  "a": 1,\n  "b" 2\n}')
    expect(error.message).toBe('Expected ":" but met "2" (line 3, column 7 of the body).')
    expect(error.position).toEqual({ offset: 18, length: 1 })
    expect(fault('{"a":1').message).toBe(
      'Expected "," or "}" but met the end of the body (line 1, column 7 of the body).',
    )
    expect(fault('"a\u0001"').message).toContain('control character')
    expect(fault('"a').message).toContain('not closed')
    expect(fault(' ').message).toContain('empty')
  })

  it('refuses a byte order mark and what is not UTF-8', () => {
    expect(fault(new Uint8Array([0xef, 0xbb, 0xbf, 0x31])).message).toContain('byte order mark')
    expect(fault(new Uint8Array([0x22, 0xff, 0x22])).message).toContain('not UTF-8')
    expect(fault(new Uint8Array([0x31, 0x00])).code).toBe('bodySyntax')
  })

  it('limits the depth', () => {
    const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(parse(deep(jsonDepth)).kind).toBe('array')
    expect(fault(deep(jsonDepth + 1)).message).toContain('limit jsonDepth')
    expect(fault('{"a":'.repeat(100_000)).message).toContain('limit jsonDepth')
  })
})
