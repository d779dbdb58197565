import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonNode, parseJson } from '../../../src/csdl/json-text.ts'
import { CsdlError, Problems, Source } from '../../../src/csdl/problems.ts'

const parse = (text: string): JsonNode => parseJson(new Source('f.json', text), new Problems())

function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case 'object':
      return Object.fromEntries(node.members.map(({ name, value }) => [name, plain(value)]))
    case 'array':
      return node.items.map(plain)
    case 'number':
      return Number(node.text)
    case 'null':
      return null
    default:
      return node.value
  }
}

describe('parsing JSON with positions', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(plain(parse(text))).toEqual(JSON.parse(text))
      }),
    )
  })

  it('rejects what JSON.parse rejects', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b":',
      '1',
      '-',
      '.5',
      'e3',
      'true',
      'nul',
      '\\',
      ' ',
    )
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join('')
        let valid = true
        try {
          JSON.parse(text)
        } catch {
          valid = false
        }
        if (valid) return
        expect(() => parse(text)).toThrow(CsdlError)
      }),
      { numRuns: 1000 },
    )
  })

  it('keeps the digits of numbers', () => {
    expect(parse('-9223372036854775808.10')).toEqual({ kind: 'number', text: '-9223372036854775808.10', offset: 0 })
  })

  it('knows where members stand', () => {
    expect(parse('{\n "a" : [ 1 ] }')).toMatchObject({
      members: [{ name: 'a', offset: 3, value: { kind: 'array', offset: 9, items: [{ offset: 11 }] } }],
    })
  })

  it('rejects a member that occurs twice, at its second place', () => {
    try {
      parse('{"a":1,\n"a":2}')
      expect.unreachable()
    } catch (error) {
      expect((error as Error).message).toBe("f.json:2:1: json-well-formed: the member 'a' occurs twice.")
    }
  })

  it('ends at a depth of 200', () => {
    expect(() => parse(`${'['.repeat(100)}${']'.repeat(100)}`)).not.toThrow()
    expect(() => parse('['.repeat(100_000))).toThrow('nested more than 200 deep')
  })
})
