import { fields } from '../../bson/layout.ts'
import { isNamespace } from '../../csdl/names.ts'
import { type Decision, decide } from './decide.ts'
import { capitalized, Identifiers, typeNameOf } from './identifiers.ts'
import type { DocumentSeen, FieldSeen } from './observe.ts'

/** A collection that was sampled. */
export interface SampledCollection {
  readonly name: string
  /** how many documents it has, about */
  readonly documents: number
  readonly seen: DocumentSeen
}

/** What the CSDL cannot say of a collection, for the person at the terminal. */
export interface Inferred {
  /** CSDL XML 4.01 */
  readonly csdl: string
  /** collections that cannot be served, each with its reason */
  readonly left: readonly string[]
}

/**
 * CSDL that serves collections as they are.
 * @param database its name becomes the namespace
 */
export function inferCsdl(database: string, collections: readonly SampledCollection[]): Inferred {
  return new Writer(database).write(collections)
}

/** Key types that stand in `_id` the same way odatum writes them. */
const keyTypes: ReadonlySet<string> = new Set([
  'Edm.Boolean',
  'Edm.Decimal',
  'Edm.Guid',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.String',
  'ObjectId',
])

/** More field names than this, each rare, make a dictionary: its names are data, no properties. */
const dictionaryFields = 40

/** Fields of odatum's own in documents that it has written. */
const ownFields: ReadonlySet<string> = new Set(Object.values(fields).filter((name) => name.startsWith('@')))

class Writer {
  readonly #namespace: string
  readonly #database: string
  readonly #typeNames = new Identifiers(['ObjectId'])
  readonly #setNames = new Identifiers()
  readonly #types: string[] = []
  readonly #sets: string[] = []
  readonly #left: string[] = []
  #objectIds = false

  constructor(database: string) {
    this.#database = database
    const namespace = new Identifiers(['Edm', 'odata', 'System', 'Transient', 'Self']).take(database)
    this.#namespace = isNamespace(namespace) ? namespace : 'database'
  }

  write(collections: readonly SampledCollection[]): Inferred {
    for (const collection of collections) this.#collection(collection)
    const objectId = `      <TypeDefinition Name="ObjectId" UnderlyingType="Edm.String" MaxLength="24">
        <Annotation Term="Odatum.V1.ObjectId" />
      </TypeDefinition>\n`
    const left = this.#left.map((reason) => `  ${comment(reason)}\n`).join('')
    const csdl = `<?xml version="1.0" encoding="utf-8"?>
${comment(`Inferred from the database ${this.#database} by odatum infer: a beginning, to be read and corrected.`)}
<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
${left}  <edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Core.V1.xml">
    <edmx:Include Namespace="Org.OData.Core.V1" Alias="Core" />
  </edmx:Reference>
  <edmx:Reference Uri="urn:odatum:Odatum.V1">
    <edmx:Include Namespace="Odatum.V1" />
  </edmx:Reference>
  <edmx:DataServices>
    <Schema Namespace="${attribute(this.#namespace)}" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
${this.#objectIds ? objectId : ''}${this.#types.join('')}      <EntityContainer Name="Container">
${this.#sets.join('')}      </EntityContainer>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
`
    return { csdl, left: this.#left }
  }

  #collection({ name, documents, seen }: SampledCollection): void {
    const id = seen.fields.get('_id')
    if (seen.count === 0 || id === undefined) {
      this.#left.push(`The collection ${name} is left out: it has no documents.`)
      return
    }
    const properties = new Identifiers()
    const key = this.#key(id, seen.count, properties)
    if (key === undefined) {
      this.#left.push(`The collection ${name} is left out: ${keyFault(id, seen.count)}.`)
      return
    }
    const type = this.#typeNames.take(typeNameOf(name))
    const before = this.#types.length
    const lines = this.#properties(seen, type, properties, '_id')
    const complex = this.#types.splice(before)
    const about = `${seen.count} of about ${documents} documents were looked at.`
    this.#types.push(
      ...complex,
      `      ${comment(`${name}: ${about}`)}\n      <EntityType Name="${attribute(type)}"${openAttribute(seen)}>\n${key}${lines}      </EntityType>\n`,
    )
    const set = this.#setNames.take(name)
    const annotation = set === name ? '' : `<Annotation Term="Odatum.V1.Collection" String="${attribute(name)}" />`
    const start = `        <EntitySet Name="${attribute(set)}" EntityType="Self.${attribute(type)}"`
    this.#sets.push(annotation === '' ? `${start} />\n` : `${start}>\n          ${annotation}\n        </EntitySet>\n`)
  }

  /** The key element and its properties: `_id` itself, or of a document its members. */
  #key(id: FieldSeen, count: number, properties: Identifiers): string | undefined {
    const parts = keyParts(id, count)
    if (parts === undefined) return undefined
    const lines = parts.map(([name, decision]) => {
      if (decision.type === 'ObjectId') this.#objectIds = true
      // what odatum can make it makes: clients need not
      const made = parts.length === 1 && (decision.type === 'ObjectId' || decision.type === 'Edm.Guid')
      const taken = properties.take(name)
      const start = `        <Property Name="${attribute(taken)}" Type="${this.#typeText(decision)}" Nullable="false"${facets(decision)}`
      const computed = '          <Annotation Term="Core.Computed" />\n'
      return {
        name: taken,
        line: `${note(decision)}${made ? `${start}>\n${computed}        </Property>\n` : `${start} />\n`}`,
      }
    })
    const references = lines.map(({ name }) => `          <PropertyRef Name="${attribute(name)}" />\n`).join('')
    return `        <Key>\n${references}        </Key>\n${lines.map(({ line }) => line).join('')}`
  }

  #properties(seen: DocumentSeen, owner: string, properties: Identifiers, without = ''): string {
    const lines: string[] = []
    const dictionary = isDictionary(seen)
    for (const [field, values] of seen.fields) {
      if (field === without || ownFields.has(field) || /@(?:exact|stream)$/.test(field)) continue
      if (dictionary && presence(values) < seen.count / 2) continue
      if (field === '' || /^\$|[.\0]/.test(field)) {
        lines.push(
          `        ${comment(`The field ${JSON.stringify(field)} is left out: its name has a meaning in MongoDB.`)}\n`,
        )
        continue
      }
      if (field.includes('@')) {
        lines.push(
          `        ${comment(`The field ${JSON.stringify(field)} is left out: names with @ are odatum's own.`)}\n`,
        )
        continue
      }
      const decision = decide(values, seen.count)
      if (decision === undefined) {
        const types = [...values.others].join(', ')
        lines.push(
          `        ${comment(`The field ${JSON.stringify(field)} is left out: OData has no type for BSON's ${types}.`)}\n`,
        )
        continue
      }
      lines.push(this.#property(field, decision, owner, properties))
    }
    if (dictionary || seen.overflow)
      lines.push(`        ${comment('An open type: the documents have many fields whose names seem to be data.')}\n`)
    return lines.join('')
  }

  #property(field: string, decision: Decision, owner: string, properties: Identifiers): string {
    const name = properties.take(field)
    const type =
      decision.type === 'document' && decision.documents
        ? collected(this.#complexType(owner + capitalized(name), decision.documents.documents), decision.collection)
        : this.#typeText(decision)
    const nullable = decision.nullable && !decision.collection ? '' : ` Nullable="${decision.nullable}"`
    const start = `        <Property Name="${attribute(name)}" Type="${type}"${nullable}${facets(decision)}`
    if (name === field) return `${note(decision)}${start} />\n`
    const mapped = `          <Annotation Term="Odatum.V1.Field" String="${attribute(field)}" />\n`
    return `${note(decision)}${start}>\n${mapped}        </Property>\n`
  }

  #typeText({ type, collection }: Decision): string {
    if (type === 'ObjectId') this.#objectIds = true
    return collected(type === 'ObjectId' ? 'Self.ObjectId' : type, collection)
  }

  #complexType(wanted: string, seen: DocumentSeen): string {
    const name = this.#typeNames.take(wanted)
    const lines = this.#properties(seen, name, new Identifiers())
    this.#types.push(
      `      <ComplexType Name="${attribute(name)}"${openAttribute(seen)}>\n${lines}      </ComplexType>\n`,
    )
    return `Self.${attribute(name)}`
  }
}

/** Names and types of the key's properties; undefined where `_id` cannot be a key. */
function keyParts(id: FieldSeen, count: number): readonly (readonly [string, Decision])[] | undefined {
  const kinds = new Set(id.kinds.keys())
  // Text and ObjectIds: an ObjectId type takes texts of other forms as they are.
  if (kinds.size === 2 && kinds.has('string') && kinds.has('objectId')) {
    const decision = decide({ ...id, kinds: new Map([['objectId', count]]) }, count)
    return decision && [['_id', { ...decision, note: 'ObjectIds and texts' }]]
  }
  const decision = decide(id, count)
  if (decision === undefined || decision.collection || decision.nullable) return undefined
  // a double that is a whole number equals the integer, in MongoDB as well
  if (decision.type === 'Edm.Double' && id.whole && id.safe)
    return [['_id', { ...decision, type: id.small ? 'Edm.Int32' : 'Edm.Int64' }]]
  if (keyTypes.has(decision.type)) return [['_id', decision]]
  if (decision.type !== 'document') return undefined
  const parts = [...id.documents.fields].map(([name, field]) => [name, decide(field, count)] as const)
  const good = parts.flatMap(([name, part]) =>
    part !== undefined &&
    !part.nullable &&
    !part.collection &&
    keyTypes.has(part.type) &&
    /^[A-Za-z_]\w{0,127}$/.test(name)
      ? [[name, part] as const]
      : [],
  )
  return good.length === parts.length && good.length > 1 ? good : undefined
}

function keyFault(id: FieldSeen, count: number): string {
  const decision = decide(id, count)
  if (decision === undefined) return `its _id are of BSON type ${[...id.others].join(', ')}`
  if (decision.note !== undefined) return `its _id cannot be a key (${decision.note})`
  return `its _id of type ${decision.type} cannot be a key`
}

function presence({ kinds }: FieldSeen): number {
  let count = 0
  for (const one of kinds.values()) count += one
  return count
}

/** Documents whose field names are data: many names, most of them rare. */
function isDictionary(seen: DocumentSeen): boolean {
  if (seen.fields.size <= dictionaryFields) return false
  let present = 0
  for (const field of seen.fields.values()) present += presence(field)
  return present / seen.fields.size < seen.count / 5
}

function openAttribute(seen: DocumentSeen): string {
  return isDictionary(seen) || seen.overflow ? ' OpenType="true"' : ''
}

function collected(type: string, collection: boolean): string {
  return collection ? `Collection(${type})` : type
}

function facets(decision: Decision): string {
  return Object.entries(decision.facets)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('')
}

function note(decision: Decision): string {
  return decision.note === undefined ? '' : `        ${comment(capitalizedText(decision.note))}\n`
}

function capitalizedText(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** A comment; two hyphens would end it. */
function comment(text: string): string {
  return `<!-- ${text
    .replaceAll('--', '- -')
    .replace(/[^\P{Cc}\t\n]/gu, ' ')
    .replace(/-$/, '- ')} -->`
}

function attribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\t', '&#9;')
    .replaceAll('\r', '&#13;')
}
