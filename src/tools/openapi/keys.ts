import type { EntityType, TypeReference } from '../../edm/model.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { Schema, Schemas } from './schemas.ts'

/** How a key stands in a path: as a template, and as an example that can be parsed. */
export interface KeyPath {
  /** `/{ID}`, `({ID})` or `(Shop='{Shop}',Shelf={Shelf})` */
  readonly template: string
  readonly example: string
  readonly parameters: readonly Schema[]
}

/**
 * The key segment of a type.
 * @param asSegment a single key stands alone in its segment (URL Conventions 4.3.1)
 * @param taken names of parameters that the path has already
 * @returns undefined where the type has no key, or none that can be written
 */
export function keyPathOf(
  type: EntityType,
  schemas: Schemas,
  asSegment: boolean,
  taken: ReadonlySet<string>,
): KeyPath | undefined {
  const parts = type.key.map(({ alias, property }) => valueInPath(alias, property.type, schemas, taken, 'key'))
  const [first, second] = parts
  if (first === undefined || parts.some((part) => part === undefined)) return undefined
  const parameters = parts.map((part) => part?.parameter ?? {})
  if (second === undefined && asSegment)
    return { template: `/{${first.name}}`, example: `/${first.bareExample}`, parameters }
  const joined = (make: (part: Part) => string): string =>
    `(${parts
      .map((part) => part ?? first)
      .map((part) => (second === undefined ? make(part) : `${part.alias}=${make(part)}`))
      .join(',')})`
  return {
    // Quotes are encoded: generators put templates into string literals of their language.
    template: joined(({ name, before, after }) => `${before}{${name}}${after}`).replaceAll("'", '%27'),
    example: joined(({ before, after, bareExample }) => before + bareExample + after),
    parameters,
  }
}

/** A literal in a path. */
interface Part {
  readonly alias: string
  readonly name: string
  readonly before: string
  readonly after: string
  readonly bareExample: string
  readonly parameter: Schema
}

/** An example of each type that a key can have, without quotes. */
const examples: Readonly<Record<string, string>> = {
  'Edm.Boolean': 'true',
  'Edm.Date': '2000-01-01',
  'Edm.DateTimeOffset': '2000-01-01T00:00:00Z',
  'Edm.Decimal': '1',
  'Edm.Duration': 'PT1S',
  'Edm.Guid': '00000000-0000-0000-0000-000000000000',
  'Edm.String': 'x',
  'Edm.TimeOfDay': '00:00:00',
}

/**
 * A value of a type in a path, and its parameter.
 * @param what it is, for the description
 * @returns undefined where the type has no literals
 */
export function valueInPath(
  alias: string,
  reference: TypeReference,
  schemas: Schemas,
  taken: ReadonlySet<string>,
  what: string,
): Part | undefined {
  const { type } = reference
  const name = parameterName(alias, taken)
  const schema = schemas.reference({ ...reference, nullable: false }, 'read')
  const parameter: Schema = { name, in: 'path', required: true, description: `${what}: ${alias}`, schema }
  if (type.kind === 'enum') {
    const bareExample = type.members[0]?.name ?? '0'
    return { alias, name, before: `${type.name}'`, after: "'", bareExample, parameter }
  }
  const primitive = primitiveOf(type)?.name
  if (primitive === undefined) return undefined
  const quoted = primitive === 'Edm.String' || primitive === 'Edm.Duration'
  const before = primitive === 'Edm.Duration' ? "duration'" : quoted ? "'" : ''
  return { alias, name, before, after: quoted ? "'" : '', bareExample: examples[primitive] ?? '1', parameter }
}

function parameterName(alias: string, taken: ReadonlySet<string>): string {
  const plain = alias.replace(/[^\w-]/g, '_')
  let name = plain
  for (let i = 1; taken.has(name); i++) name = `${plain}_${i}`
  return name
}
