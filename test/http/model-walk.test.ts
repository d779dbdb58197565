import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModel } from '../../src/csdl/read-model.ts'
import type { EntityType, Model } from '../../src/edm/model.ts'
import { isMedia, primitiveOf } from '../../src/edm/types.ts'
import { creatableTypes, type WalkPlace, type WalkTarget } from '../support/containment-walk.ts'
import { mongodb } from '../support/mongod.ts'
import { embeddedForTests, mongoForTests, type RunningService, startService } from '../support/running-service.ts'
import { shared } from '../support/shared.ts'
import { type Json, randomValues, type Values } from '../support/values.ts'

/**
 * Walks whole models: every set and singleton answers, and every entity type that can be reached by containment is created,
 * read, updated and deleted with generated values. Of a big model a sample, unless ODATUM_TEST_LONG is set.
 */
const models: readonly { name: string; file: string; sample: number }[] = [
  { name: 'the relations model', file: 'test/models/relations.xml', sample: 1_000 },
  { name: 'trippin', file: shared('csdl/trippin.xml'), sample: 1_000 },
  { name: 'Microsoft Graph v1.0', file: shared('csdl/msgraph-v1.0.xml'), sample: 80 },
]
const long = process.env.ODATUM_TEST_LONG === '1'

for (const { name, file, sample } of models) {
  const missing = !existsSync(file)
  describe.skipIf(missing)(`${name}${missing ? ` (${file} is not here)` : ''}`, () => {
    for (const store of ['embedded', 'mongodb'] as const) {
      const { uri, reason } = mongodb()
      const skip = store === 'mongodb' && uri === undefined
      describe.skipIf(skip)(`on ${store}${skip ? `: ${reason}` : ''}`, () => walk(file, store, uri ?? '', sample))
    }
  })
}

function walk(file: string, store: 'embedded' | 'mongodb', uri: string, sample: number): void {
  const data = () => (store === 'embedded' ? embeddedForTests() : mongoForTests(uri))
  let folder: string
  let running: RunningService
  let model: Model
  let walker: Walker
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odatum-walk-'))
    const bare = join(folder, 'model.xml')
    writeFileSync(bare, withoutCapabilities(readFileSync(file, 'utf8')))
    model = await readModel(bare)
    const log = { error: (fields: object) => console.error(fields), warn: () => {} }
    running = await startService(bare, data(), { enforcePermissions: false, limits: { bodyBytes: 4_000_000 }, log })
    walker = new Walker(running, model)
  })
  afterAll(async () => {
    await running?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('answers GET of every set and singleton', async () => {
    const whole = await startService(file, data(), { enforcePermissions: false })
    const bad: string[] = []
    for (const child of model.container?.children.values() ?? []) {
      if (child.kind !== 'entitySet' && child.kind !== 'singleton') continue
      const answer = await whole.get(`/${child.name}`)
      const body = await answer.text()
      const nothing = child.kind === 'singleton' && child.nullable && answer.status === 204
      if (answer.status !== 200 && !nothing) bad.push(`${child.name}: ${answer.status} ${body}`)
    }
    await whole.stop()
    expect(bad).toEqual([])
  })

  it('creates, reads, updates and deletes every type', { timeout: 600_000 }, async () => {
    const all = creatableTypes(model)
    const targets = long || all.length <= sample ? all : spread(all, sample)
    expect(targets.length).toBeGreaterThan(3)
    const faults: string[] = []
    for (const target of targets) {
      try {
        await walker.walk(target)
      } catch (error) {
        faults.push(`${target.type.name} at ${describePlace(target.place)}: ${(error as Error).message.slice(0, 600)}`)
        if (faults.length === 20) break
      }
    }
    expect(faults).toEqual([])
  })
}

/** The model without what its Capabilities and Permissions forbid: those have their own tests. */
function withoutCapabilities(xml: string): string {
  return xml
    .replace(/<Annotation Term="(?:Org\.OData\.)?(?:Capabilities\.[^"]*|Core\.V1\.Permissions)"[^>]*\/>/g, '')
    .replace(
      /<Annotation Term="(?:Org\.OData\.)?(?:Capabilities\.[^"]*|Core\.V1\.Permissions)"[^>]*>[\s\S]*?<\/Annotation>/g,
      '',
    )
    .replace(/<Annotations [^>]*>\s*<\/Annotations>/g, '')
}

/** Some of a list, evenly. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)] as T)
}

function describePlace({ parent, path }: WalkPlace): string {
  return parent === undefined ? path : `${describePlace(parent)}${path}`
}

type Body = { readonly [name: string]: Json }

class Walker {
  readonly #running: RunningService
  readonly #model: Model
  readonly #values: Values = randomValues(20_260)
  /** URLs of entities that stay, to contain others */
  readonly #owners = new Map<string, string>()

  constructor(running: RunningService, model: Model) {
    this.#running = running
    this.#model = model
  }

  async walk({ type, place }: WalkTarget): Promise<void> {
    const { url, body } = await this.#create(type, place)
    const read = await this.#ask('GET', url, undefined, 200)
    compare(type, place, body, read)
    const change = this.#change(type, place)
    if (Object.keys(change).length > 0) {
      await this.#ask('PATCH', url, change, 204)
      compare(type, place, { ...body, ...change }, await this.#ask('GET', url, undefined, 200))
    }
    if (place.collection) {
      const list = await this.#ask('GET', parentUrl(url), undefined, 200)
      expect((list.value as Json[]).length).toBeGreaterThan(0)
    }
    if (place.parent === undefined && !place.collection) return
    await this.#ask('DELETE', url, undefined, 204)
    await this.#ask('GET', url, undefined, place.collection ? 404 : 204)
  }

  /** @returns the canonical URL below the root, and what was sent */
  async #create(type: EntityType, place: WalkPlace): Promise<{ url: string; body: Body }> {
    const owner = place.parent && place.parentType ? await this.#owner(place.parentType, place.parent) : ''
    const path = place.parent === undefined ? `/${place.path}` : owner + place.path
    const body = { ...this.#values.body(type, place.declared), ...(await this.#required(type)) }
    if (!place.collection) {
      const answer = await this.#send('PUT', path, body)
      // a singleton may have been written before
      if (answer.status !== 204) expect(answer.status, `PUT ${path}: ${answer.text}`).toBe(201)
      return { url: path, body }
    }
    if (isMedia(place.declared)) return this.#createMedia(type, place, path, body)
    const answer = await this.#send('POST', path, body)
    expect(answer.status, `POST ${path} ${JSON.stringify(body).slice(0, 300)}: ${answer.text}`).toBe(201)
    const location = answer.location
    expect(location).toMatch(this.#running.root)
    return { url: location.slice(this.#running.root.length), body }
  }

  /** Entities that one of this type must be related to, where the model has a set of them. */
  async #required(type: EntityType): Promise<Body> {
    const bound: { [name: string]: Json } = {}
    for (const {
      name,
      collection,
      nullable,
      containsTarget,
      type: related,
      referentialConstraints,
    } of type.allNavigationProperties.values()) {
      if (collection || nullable || containsTarget || referentialConstraints.length > 0 || related.kind !== 'entity')
        continue
      const set = [...(this.#model.container?.children.values() ?? [])].find(
        (child) => child.kind === 'entitySet' && child.type === related && !related.abstract,
      )
      if (set?.kind !== 'entitySet') continue
      const url = await this.#owner(related, {
        root: set,
        parent: undefined,
        parentType: undefined,
        path: set.name,
        collection: true,
        declared: related,
      })
      bound[`${name}@odata.bind`] = url.slice(1)
    }
    return bound
  }

  /** A media entity begins with its media (here: whatever JSON); its key is made, and the rest is changed afterwards. */
  async #createMedia(
    type: EntityType,
    place: WalkPlace,
    path: string,
    body: Body,
  ): Promise<{ url: string; body: Body }> {
    const answer = await this.#send('POST', type === place.declared ? path : `${path}/${type.name}`, body)
    expect(answer.status, `POST ${path}: ${answer.text}`).toBe(201)
    const made = JSON.parse(answer.text) as Body
    const url = answer.location.slice(this.#running.root.length)
    await this.#ask('PATCH', url, body, 204)
    const key = Object.fromEntries(type.key.map(({ property }) => [property.name, made[property.name] ?? null]))
    return { url, body: { ...body, ...key } }
  }

  /** An entity of a type that is there to contain others. */
  async #owner(type: EntityType, place: WalkPlace): Promise<string> {
    const key = `${describePlace(place)} ${type.name}`
    let url = this.#owners.get(key)
    if (url === undefined) {
      url = (await this.#create(type, place)).url
      this.#owners.set(key, url)
    }
    return url
  }

  /** Another value for the first properties that can be changed. */
  #change(type: EntityType, place: WalkPlace): Body {
    const keys = new Set(type.key.map(({ path }) => path[0] ?? ''))
    const entries = Object.entries(this.#values.body(type, place.declared)).filter(
      ([name]) => !keys.has(name) && !name.includes('@'),
    )
    return Object.fromEntries(entries.slice(0, 3))
  }

  async #ask(method: string, path: string, body: Body | undefined, status: number): Promise<Record<string, Json>> {
    const answer = await this.#send(method, path, body)
    expect(answer.status, `${method} ${path}: ${answer.text.slice(0, 500)}`).toBe(status)
    return answer.text === '' ? {} : (JSON.parse(answer.text) as Record<string, Json>)
  }

  async #send(method: string, path: string, body: Body | undefined) {
    // some sets want it (Core.OptimisticConcurrency)
    const headers: Record<string, string> = method === 'PATCH' || method === 'DELETE' ? { 'If-Match': '*' } : {}
    const answer = await this.#running.send(method, path, body, headers)
    return { status: answer.status, text: await answer.text(), location: answer.headers.get('Location') ?? '' }
  }
}

function parentUrl(url: string): string {
  return url.slice(0, url.lastIndexOf('('))
}

/** Values whose text comes back letter for letter; other types have their own tests. */
function compare(type: EntityType, place: WalkPlace, sent: Body, read: Record<string, Json>): void {
  // the key of a singleton is settled before anybody writes it
  const fixed = new Set(place.parent || place.collection ? [] : type.key.map(({ path }) => path[0]))
  for (const [name, value] of Object.entries(sent)) {
    const property = type.allProperties.get(name)
    if (property === undefined || fixed.has(name)) continue
    const primitive = primitiveOf(property.type.type)?.name
    const plain = primitive === 'Edm.String' || primitive === 'Edm.Boolean' || primitive === 'Edm.Int32'
    if (plain) expect(read[name], name).toEqual(value)
    else expect(read, name).toHaveProperty([name])
  }
}
