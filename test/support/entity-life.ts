import { expect } from 'vitest'
import { acceptableMediaTypes } from '../../src/csdl/core.ts'
import type { EntitySet, EntityType, EnumType, Model, TypeReference } from '../../src/edm/model.ts'
import { comparePrimitive, parsePrimitive } from '../../src/edm/primitives.ts'
import { instantiableTypes, isMedia, isStructured, primitiveOf } from '../../src/edm/types.ts'
import type { RunningService } from './running-service.ts'
import type { Json, Values } from './values.ts'

type Entity = { readonly [name: string]: Json }

/** Numbers as strings, so that `JSON.parse` loses no digit. */
const exact = { Accept: 'application/json;IEEE754Compatible=true' }

/** The entity sets of a model. */
export function entitySets(model: Model): readonly EntitySet[] {
  return [...(model.container?.children.values() ?? [])].filter((child) => child.kind === 'entitySet')
}

/** What entities of a set can be. */
export function creatableTypes(set: EntitySet): readonly EntityType[] {
  return instantiableTypes(set.type)
}

/** One entity of a test: where it is, and what it was made of. */
export interface Life {
  readonly running: RunningService
  readonly set: EntitySet
  readonly type: EntityType
  readonly url: string
  readonly sent: Entity
}

/** Creates an entity with a value for every property and expects the answer to hold them. */
export async function createOne(
  running: RunningService,
  set: EntitySet,
  type: EntityType,
  values: Values,
  change: (body: { [name: string]: Json }) => void = () => undefined,
): Promise<Life> {
  const sent = values.body(type, set.type)
  change(sent)
  if (isMedia(set.type)) return createMedia(running, set, type, sent)
  const answer = await running.send('POST', `/${set.name}`, sent, exact)
  const text = await answer.text()
  expect(answer.status, `POST ${set.name} of ${type.name}: ${text.slice(0, 2_000)}`).toBe(201)
  expectMembers(type, sent, JSON.parse(text) as Entity)
  const url = answer.headers.get('Location') ?? ''
  expect(url.startsWith(running.root), url).toBe(true)
  return { running, set, type, url: url.slice(running.root.length), sent }
}

/** A media entity begins with its media; what was to be sent with it is then changed. */
async function createMedia(running: RunningService, set: EntitySet, type: EntityType, sent: Entity): Promise<Life> {
  const path = type === set.type ? set.name : `${set.name}/${type.name}`
  const answer = await fetch(`${running.root}/${path}`, {
    method: 'POST',
    headers: { ...exact, 'Content-Type': acceptableMediaTypes(type)?.[0] ?? 'image/png' },
    body: 'media',
  })
  const text = await answer.text()
  expect(answer.status, `POST ${path}: ${text.slice(0, 2_000)}`).toBe(201)
  const made = JSON.parse(text) as Entity
  const url = (answer.headers.get('Location') ?? '').slice(running.root.length)
  const changed = await running.send('PATCH', url, sent, { ...exact, 'If-Match': '*' })
  expect([200, 204], `PATCH ${url}: ${(await changed.text()).slice(0, 2_000)}`).toContain(changed.status)
  const key = Object.fromEntries(type.key.map(({ property }) => [property.name, made[property.name] ?? null]))
  return { running, set, type, url, sent: { ...sent, ...key } }
}

/** Reads the entity and each of its properties. @param without properties that cannot be read, by name */
export async function readAll(
  { running, set, type, url, sent }: Life,
  without: ReadonlySet<string> = none,
): Promise<void> {
  const answer = await running.get(url, exact)
  const text = await answer.text()
  expect(answer.status, `GET ${url}: ${text.slice(0, 500)}`).toBe(200)
  expectMembers(type, sent, JSON.parse(text) as Entity)
  for (const [name, property] of type.allProperties) {
    if (without.has(name)) continue
    const value = sent[name]
    const place = set.type.allProperties.has(name) ? url : `${url}/${type.name}`
    const part = await running.get(`${place}/${name}`, exact)
    const body = await part.text()
    const shown = `GET ${place}/${name}: ${body.slice(0, 500)}`
    if (value === undefined || value === null) expect([200, 204], shown).toContain(part.status)
    else {
      expect(part.status, shown).toBe(200)
      const read = JSON.parse(body) as Entity
      const single = isStructured(property.type.type) && !property.type.collection
      expectValue(property.type, value, single ? read : read.value, `${url}/${name}`)
    }
  }
}

/** Finds the entity by each of its primitive values. @returns how many filters were asked */
export async function filterAll({ running, set, type, url, sent }: Life): Promise<number> {
  let asked = 0
  for (const [name, property] of type.allProperties) {
    const value = sent[name]
    if (value === undefined || value === null || property.type.collection) continue
    const literal = literalOf(property.type, value)
    if (literal === undefined) continue
    const path = set.type.allProperties.has(name) ? name : `${type.name}/${name}`
    const filter = encodeURIComponent(`${path} eq ${literal}`)
    const answer = await running.get(`/${set.name}?$filter=${filter}&$count=true`, exact)
    const text = await answer.text()
    expect(answer.status, `$filter=${path} eq ${literal}: ${text.slice(0, 500)}`).toBe(200)
    const { value: rows, '@odata.count': count } = JSON.parse(text) as { value: Entity[]; '@odata.count': string }
    expect(rows.length, `${url}: $filter=${path} eq ${literal}`).toBeGreaterThan(0)
    expect(Number(count)).toBeGreaterThan(0)
    for (const row of rows) expectValue(property.type, value, row[name], `${url}: $filter=${path} eq ${literal}`)
    asked++
  }
  return asked
}

/** Orders the set by each property that has an order, both ways. @returns how many were asked */
export async function orderAll({ running, set, type }: Life): Promise<number> {
  let asked = 0
  for (const [name, property] of type.allProperties) {
    const primitive = primitiveOf(property.type.type)?.name
    if (property.type.collection || (primitive === undefined && property.type.type.kind !== 'enum')) continue
    if (primitive === 'Edm.Stream' || primitive?.startsWith('Edm.Geo')) continue
    const path = set.type.allProperties.has(name) ? name : `${type.name}/${name}`
    for (const direction of ['asc', 'desc']) {
      const answer = await running.get(`/${set.name}?$orderby=${path} ${direction}&$top=5`, exact)
      expect(answer.status, `$orderby=${path}: ${(await answer.text()).slice(0, 500)}`).toBe(200)
    }
    asked++
  }
  return asked
}

/** Gives every property another value (PATCH), reads it, deletes the entity and finds it gone. */
export async function changeAndDelete({ running, type, url }: Life, values: Values): Promise<void> {
  const keys = new Set(type.key.flatMap(({ path }) => (path.length > 0 ? [path[0] ?? ''] : [])))
  const changes = values.body(type, type, keys)
  const etag = (await running.get(url)).headers.get('ETag') ?? '*'
  const answer = await running.send('PATCH', url, changes, { ...exact, 'If-Match': etag })
  expect([200, 204], `PATCH ${url}: ${(await answer.text()).slice(0, 2_000)}`).toContain(answer.status)
  const read = await running.get(url, exact)
  expectMembers(type, changes, (await read.json()) as Entity)
  const deleted = await running.send('DELETE', url, undefined, { 'If-Match': '*' })
  expect(deleted.status, `DELETE ${url}: ${await deleted.text()}`).toBe(204)
  expect((await running.get(url)).status).toBe(404)
}

function expectMembers(type: EntityType, sent: Entity, got: Entity): void {
  for (const [name, property] of type.allProperties)
    if (sent[name] !== undefined) expectValue(property.type, sent[name], got[name], `${type.name}/${name}`)
}

/** Expects the same value, whichever way it is written: `1.50` is `1.5`, a Guid has no case, a collection has an order. */
function expectValue(reference: TypeReference, sent: Json | undefined, got: Json | undefined, place: string): void {
  if (sent === null || sent === undefined) {
    expect(got ?? null, place).toBeNull()
    return
  }
  if (reference.collection) {
    expect(got, place).toHaveLength((sent as readonly Json[]).length)
    const item = { ...reference, collection: false }
    for (const [i, value] of (sent as readonly Json[]).entries())
      expectValue(item, value, (got as readonly Json[])[i], `${place}/${i}`)
    return
  }
  const { type } = reference
  const primitive = primitiveOf(type)?.name
  if (isStructured(type)) {
    expect(got, place).toBeTypeOf('object')
    for (const [name, value] of Object.entries(sent as Entity)) {
      if (name.startsWith('@')) continue
      const actual = [type, ...type.derivedTypes].find((candidate) => candidate.allProperties.has(name))
      const property = actual?.allProperties.get(name)
      if (property) expectValue(property.type, value, (got as Entity)[name], `${place}/${name}`)
    }
  } else if (type.kind === 'enum') expect(enumValue(type, got), `${place}: ${got}`).toBe(enumValue(type, sent))
  else if (primitive === undefined || primitive.startsWith('Edm.Geo')) expect(got, place).toEqual(sent)
  else if (primitive === 'Edm.Binary') expect(bytes(got), place).toBe(bytes(sent))
  else {
    const [a, b] = [parsePrimitive(primitive, String(sent)), parsePrimitive(primitive, String(got))]
    const same = a !== undefined && b !== undefined && comparePrimitive(primitive, a, b) === 0
    expect(same, `${place}: sent ${String(sent)}, got ${String(got)}`).toBe(true)
  }
}

const bytes = (value: Json | undefined): string => Buffer.from(String(value), 'base64url').toString('hex')

function enumValue(type: EnumType, value: Json | undefined): bigint {
  return String(value)
    .split(',')
    .reduce((all, name) => all | (type.memberByName.get(name.trim())?.value ?? BigInt(name.trim())), 0n)
}

/** The literal of a value in a URL; undefined where the type has none that `eq` takes. */
function literalOf({ type }: TypeReference, value: Json): string | undefined {
  if (type.kind === 'enum') return `${type.name}'${String(value)}'`
  const primitive = primitiveOf(type)?.name
  switch (primitive) {
    case undefined:
    case 'Edm.Stream':
      return undefined
    case 'Edm.String':
      return `'${String(value).replaceAll("'", "''")}'`
    case 'Edm.Duration':
      return `duration'${String(value)}'`
    case 'Edm.Binary':
      return `binary'${String(value)}'`
    default:
      return primitive.startsWith('Edm.Geo') ? undefined : String(value)
  }
}

const none: ReadonlySet<string> = new Set()
