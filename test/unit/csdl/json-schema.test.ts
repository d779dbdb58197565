import { describe, expect, it } from 'vitest'
import { compileSchema, SchemaError, schemaOf } from '../../../src/csdl/json-schema.ts'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { writeJson } from '../../../src/csdl/write-json.ts'
import { writeXml } from '../../../src/csdl/write-xml.ts'

const engine = (pattern: string) => {
  const re = new RegExp(pattern, 'u')
  return (text: string) => re.test(text)
}

const faults = (schema: unknown, value: string, every = true): readonly string[] =>
  compileSchema(JSON.stringify(schema), engine)(JSON.parse(value), every).map(
    ({ pointer, message }) => `${pointer} ${message}`,
  )

function whyNot(source: string): string {
  try {
    compileSchema(source, engine)
    return 'it compiles'
  } catch (error) {
    return error instanceof SchemaError ? `${error.kind}: ${error.message}` : `no SchemaError: ${error}`
  }
}

describe('a check made of a schema', () => {
  const schema = {
    type: 'object',
    required: ['a', 'toString'],
    properties: {
      a: { pattern: '^x' },
      b: { enum: [1, { x: 1 }] },
      c: { const: { x: [1], y: 0 } },
      d: { uniqueItems: true },
      toString: {},
    },
    additionalProperties: false,
  }

  it('tells all faults, or the first', () => {
    const value = '{"a":"y","b":2,"c":{"y":0,"x":[1]},"d":[{"a":1,"b":2},{"b":2,"a":1}],"e":1}'
    expect(faults(schema, value)).toEqual([
      " must have required property 'toString'",
      ' must NOT have additional properties: "e"',
      '/a must match pattern "^x"',
      '/b must be equal to one of the allowed values',
      '/d must not have equal items',
    ])
    expect(faults(schema, value, false)).toHaveLength(1)
    expect(faults(schema, '{"a":"x","toString":1,"b":{"x":1},"d":[1,2]}')).toEqual([])
  })

  it("is not led astray by members that JavaScript's objects have", () => {
    const hostile = '{"valueOf":1,"toString":1,"constructor":1,"hasOwnProperty":1,"__proto__":{"x":1}}'
    expect(faults({ properties: { b: { enum: [{ x: 1 }] } } }, `{"b":${hostile}}`)).toHaveLength(1)
    expect(faults({ uniqueItems: true }, `[${hostile},${hostile}]`)).toHaveLength(1)
    expect(faults({ required: ['constructor'] }, '{}')).toHaveLength(1)
    expect(faults({ properties: { valueOf: { type: 'string' } } }, '{}')).toEqual([])
    expect(faults({ required: ['x'] }, '{"__proto__":{"x":1}}')).toHaveLength(1)
  })

  it('compares many items in time', () => {
    const items = JSON.stringify(Array.from({ length: 50_000 }, (_, i) => ({ i })))
    expect(faults({ uniqueItems: true }, items)).toEqual([])
  })

  it.each([
    ['http://json-schema.org/draft-07/schema#', { items: [{ type: 'string' }] }, '[1]'],
    ['http://json-schema.org/draft-06/schema#', { items: [{ type: 'string' }] }, '[1]'],
    ['https://json-schema.org/draft/2019-09/schema', { items: [{ type: 'string' }] }, '[1]'],
    ['https://json-schema.org/draft/2020-12/schema', { prefixItems: [{ type: 'string' }] }, '[1]'],
  ])('knows %s', (draft, rest, value) => {
    expect(faults({ $schema: draft, ...rest }, value)).toEqual(['/0 must be string'])
  })

  it('resolves references within the schema; formats and unknown keywords are annotations', () => {
    expect(faults({ $ref: '#/$defs/n', $defs: { n: { type: 'number' } } }, '"x"')).toEqual([' must be number'])
    expect(faults({ format: 'email', unheardOf: 1 }, '"x"')).toEqual([])
    expect(faults(false, '1')).toHaveLength(1)
  })
})

it.each([
  ['{', 'invalid: is no JSON'],
  ['[]', 'invalid: is no JSON Schema: it must be an object'],
  ['{"type":"objekt"}', 'invalid: is no JSON Schema: schema/type must be'],
  ['{"pattern":"("}', 'invalid: is no JSON Schema'],
  ['{"$async":true,"type":"string"}', 'unknown: has the keyword $async'],
  ['{"$ref":"https://example.com/s.json"}', 'unknown: refers to what is not in it'],
  ['{"$schema":"http://json-schema.org/draft-04/schema#"}', 'unknown: is of a draft that is not known here'],
])('%s: %s', (source, why) => {
  expect(whyNot(source)).toContain(why)
})

it('stands as JSON in CSDL JSON, and comes back the same', () => {
  const json = JSON.stringify({
    $Version: '4.01',
    $Reference: { 'urn:json': { $Include: [{ $Namespace: 'Org.OData.JSON.V1', $Alias: 'J' }] } },
    n: {
      T: {
        $Kind: 'TypeDefinition',
        $UnderlyingType: 'Edm.Stream',
        '@J.Schema': { $ref: '#/$defs/a', $defs: { a: { type: 'string', maxLength: 1e1, enum: [null, true] } } },
      },
    },
  })
  const schema = (text: string, file: string) => {
    const type = parseCsdl(text, { file }).types.get('n.T')
    return type !== undefined && 'annotations' in type ? schemaOf(type) : undefined
  }
  const text = '{"$ref":"#/$defs/a","$defs":{"a":{"type":"string","maxLength":10,"enum":[null,true]}}}'
  expect(schema(json, 'a.json')).toBe(text)
  const model = parseCsdl(json, { file: 'a.json' })
  expect(schema(writeJson(model, { version: '4.01' }), 'b.json')).toBe(text)
  expect(schema(writeXml(model, { version: '4.01' }), 'c.xml')).toBe(text)
})
