import { createRequire } from 'node:module'
import type { Ajv, Options, ValidateFunction } from 'ajv'
import { annotationOf, text } from '../edm/annotations.ts'
import type { Annotatable } from '../edm/model.ts'

/** JSON.Schema (Org.OData.JSON.V1): the term, and schemas made into checks. `ajv` is loaded by the first model that has one. */

export const schemaTerm = 'Org.OData.JSON.V1.Schema'

/** One thing that is wrong with a JSON value. */
export interface SchemaFault {
  /** JSON pointer (RFC 6901) into the value; empty: the value itself */
  readonly pointer: string
  /** what the value there must be, for a person */
  readonly message: string
}

/**
 * @param value as `JSON.parse` gives it
 * @param every all faults, else the first only
 */
export type SchemaCheck = (value: unknown, every: boolean) => readonly SchemaFault[]

/** Makes a pattern of a schema (ECMA-262, flag `u`) into a test. @throws where it is none, or cannot be run */
export type PatternEngine = (pattern: string) => (text: string) => boolean

/** Why a schema cannot be used. `unknown`: it may be one, but not one that can be known here (other drafts, references to other documents). */
export class SchemaError extends Error {
  readonly kind: 'invalid' | 'unknown'

  constructor(kind: 'invalid' | 'unknown', message: string) {
    super(message)
    this.name = 'SchemaError'
    this.kind = kind
  }
}

/** The text of JSON.Schema at an element; undefined: there is none, or its value is no text. */
export function schemaOf(element: Annotatable): string | undefined {
  return text(annotationOf(element, schemaTerm)?.value)
}

/** The drafts that are known, by `$schema` without a `#` at its end. Without one it is 2020-12, the newest. */
const drafts: Readonly<Record<string, { readonly module: string; readonly name: string }>> = {
  'http://json-schema.org/draft-06/schema': { module: 'ajv', name: 'Ajv' },
  'http://json-schema.org/draft-07/schema': { module: 'ajv', name: 'Ajv' },
  'https://json-schema.org/draft/2019-09/schema': { module: 'ajv/dist/2019.js', name: 'Ajv2019' },
  'https://json-schema.org/draft/2020-12/schema': { module: 'ajv/dist/2020.js', name: 'Ajv2020' },
}
const newest = 'https://json-schema.org/draft/2020-12/schema'
const draft06 = 'http://json-schema.org/draft-06/schema'

/**
 * Makes a check of a schema. `format` is an annotation (JSON Schema Validation 7.2.1), unknown keywords are ignored (JSON Schema Core 4.3.1); nothing is fetched.
 * @throws SchemaError
 */
export function compileSchema(source: string, engine: PatternEngine): SchemaCheck {
  const schema = parsed(source)
  // not of JSON Schema: ajv would give a promise, which is no answer
  if (typeof schema === 'object' && '$async' in schema) throw new SchemaError('unknown', 'has the keyword $async')
  const draft = draftOf(schema)
  checkSchema(draft, schema)
  const options: Options = {
    strict: false,
    validateFormats: false,
    logger: false,
    messages: true,
    // what a prototype has is no member of the client's
    ownProperties: true,
    code: {
      // ajv tells patterns apart by their text
      regExp: Object.assign((pattern: string) => ({ test: engine(pattern), toString: () => pattern }), {
        code: 'engine',
      }),
    },
  }
  const first = make(draft, options, schema)
  let all: ValidateFunction | undefined
  return (value, every) => {
    if (first(value)) return []
    let failed = first
    if (every) {
      all ??= make(draft, { ...options, allErrors: true }, schema)
      all(value)
      failed = all
    }
    return (failed.errors ?? []).map(({ instancePath, message, params, keyword }) => ({
      pointer: instancePath,
      message: keyword === 'additionalProperties' ? `${message}: ${quoted(params.additionalProperty)}` : `${message}`,
    }))
  }
}

function quoted(name: unknown): string {
  return JSON.stringify(String(name).slice(0, 200))
}

function parsed(source: string): object | boolean {
  let schema: unknown
  try {
    schema = JSON.parse(source)
  } catch (error) {
    throw new SchemaError('invalid', `is no JSON: ${error instanceof Error ? error.message : ''}`)
  }
  if (typeof schema === 'boolean') return schema
  if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return schema
  throw new SchemaError('invalid', 'is no JSON Schema: it must be an object, true or false')
}

function draftOf(schema: object | boolean): string {
  const said = typeof schema === 'object' && '$schema' in schema ? schema.$schema : newest
  const draft = typeof said === 'string' ? said.replace(/#$/, '') : ''
  if (drafts[draft] !== undefined) return draft
  throw new SchemaError('unknown', `is of a draft that is not known here: ${JSON.stringify(said)}`)
}

const load = createRequire(import.meta.url)

/** The schemas of schemas, made once for a draft. */
const metaSchemas = new Map<string, Ajv>()

function validator(draft: string, options: Options): Ajv {
  const { module, name } = drafts[draft] ?? { module: 'ajv', name: 'Ajv' }
  const Validator = load(module)[name] as new (options: Options) => Ajv
  const ajv = new Validator(options)
  linear(ajv)
  return ajv
}

/** @throws SchemaError where it is no schema of the draft */
function checkSchema(draft: string, schema: object | boolean): void {
  let ajv = metaSchemas.get(draft)
  if (ajv === undefined) {
    ajv = validator(draft, { strict: false, validateFormats: false, logger: false })
    if (draft === draft06) ajv.addMetaSchema(load('ajv/dist/refs/json-schema-draft-06.json'))
    metaSchemas.set(draft, ajv)
  }
  if (ajv.validateSchema(schema) !== true)
    throw new SchemaError('invalid', `is no JSON Schema: ${ajv.errorsText(ajv.errors, { dataVar: 'schema' })}`)
}

function make(draft: string, options: Options, schema: object | boolean): ValidateFunction {
  try {
    return validator(draft, { ...options, meta: false, validateSchema: false }).compile(schema)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const reference = error instanceof Error && 'missingRef' in error
    throw new SchemaError(
      reference ? 'unknown' : 'invalid',
      reference ? `refers to what is not in it: ${message}` : `is no JSON Schema: ${message}`,
    )
  }
}

/**
 * Equality by a canonical text in the place of ajv's: `uniqueItems` compared each pair of a client's items, and objects of a client that have
 * members of JavaScript's own objects (`valueOf`, `constructor`) were compared by calling those.
 */
function linear(ajv: Ajv): void {
  for (const keyword of ['const', 'enum', 'uniqueItems']) ajv.removeKeyword(keyword)
  ajv.addKeyword({
    keyword: 'const',
    compile: (schema: unknown) => {
      const only = canonical(schema)
      return (value: unknown) => canonical(value) === only
    },
    error: { message: 'must be equal to constant' },
  })
  ajv.addKeyword({
    keyword: 'enum',
    schemaType: 'array',
    compile: (schema: readonly unknown[]) => {
      const allowed = new Set(schema.map(canonical))
      return (value: unknown) => allowed.has(canonical(value))
    },
    error: { message: 'must be equal to one of the allowed values' },
  })
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    compile: (schema: boolean) => (value: readonly unknown[]) =>
      !schema || new Set(value.map(canonical)).size === value.length,
    error: { message: 'must not have equal items' },
  })
}

/** A text that equal JSON values share: members sorted by name. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.keys(value)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${canonical((value as Readonly<Record<string, unknown>>)[name])}`)
      .join()}}`
  return Object.is(value, -0) ? '0' : JSON.stringify(value)
}
