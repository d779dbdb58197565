import { expect } from 'vitest'

/** Clients that keep a copy of a result by its deltas, in the forms of 4.01 (nested) and 4.0 (entities and links). */

type Item = Readonly<Record<string, unknown>>

/** An entity without control information, and what it is related to, by navigation property and sorted by id. */
export interface Copy {
  readonly id: string
  readonly members: Item
  readonly related: Readonly<Record<string, readonly Copy[]>>
}

export interface DeltaClient {
  /** the result as this client knows it, sorted by id */
  state(): readonly Copy[]
  /** reads the changes since the last time. @returns how many it was told */
  catchUp(): Promise<number>
}

interface Form {
  readonly headers: Readonly<Record<string, string>>
  readonly prefix: string
  /** the first answer, then deltas */
  apply(item: Item, expanded: readonly string[], initial: boolean): void
  state(expanded: readonly string[]): readonly Copy[]
}

/**
 * Reads a result and begins to track it.
 * @param expanded the navigation properties that the URL expands; those inside another as paths (`reports/groups`)
 */
export async function trackResult(
  url: string,
  version: '4.0' | '4.01',
  expanded: readonly string[],
): Promise<DeltaClient> {
  const form = version === '4.0' ? flat() : nested()
  const headers = { ...form.headers, 'OData-MaxVersion': version, Prefer: 'track-changes' }
  const follow = async (from: string, initial: boolean) => {
    let told = 0
    for (let next = from; ; ) {
      const answer = await fetch(next, { headers })
      const text = await answer.text()
      expect(answer.status, `${next}: ${text}`).toBe(200)
      const page = JSON.parse(text) as Item & { readonly value: readonly Item[] }
      for (const item of page.value) form.apply(item, expanded, initial)
      told += page.value.length
      const more = page[`${form.prefix}nextLink`]
      if (typeof more !== 'string') return { told, link: String(page[`${form.prefix}deltaLink`]) }
      next = more
    }
  }
  let { link } = await follow(url, true)
  return {
    state: () => form.state(expanded),
    catchUp: async () => {
      const found = await follow(link, false)
      link = found.link
      return found.told
    },
  }
}

/** Members that say the same as the id: deltas have them even where they are not selected. */
const keys = new Set(['id', 'number', 'orderId', 'line'])

function membersOf(item: Item, expanded: readonly string[]): Item {
  const plain = Object.entries(item).filter(
    ([name]) => !/[@#]/.test(name) && !expanded.includes(name) && !keys.has(name),
  )
  return Object.fromEntries(plain.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function outer(expanded: readonly string[]): readonly string[] {
  return expanded.filter((path) => !path.includes('/'))
}

function inside(expanded: readonly string[], name: string): readonly string[] {
  return expanded.flatMap((path) => (path.startsWith(`${name}/`) ? [path.slice(name.length + 1)] : []))
}

function listOf(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value : value === null || value === undefined ? [] : [value as Item]
}

function sorted(copies: Iterable<Copy>): readonly Copy[] {
  return [...copies].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** 4.01: a row is what it was told last; what is told as removed is nowhere any more. */
function nested(): Form {
  const rows = new Map<string, Item>()
  const idOf = (item: Item): string => String(item['@id'])
  const copyOf = (item: Item, expanded: readonly string[]): Copy => ({
    id: idOf(item),
    members: membersOf(item, expanded),
    related: Object.fromEntries(
      outer(expanded).map((name) => [
        name,
        sorted(listOf(item[name]).map((one) => copyOf(one, inside(expanded, name)))),
      ]),
    ),
  })
  const without = (item: Item, id: string, expanded: readonly string[]): Item => {
    const left = outer(expanded).map((name) => [
      name,
      listOf(item[name])
        .filter((one) => idOf(one) !== id)
        .map((one) => without(one, id, inside(expanded, name))),
    ])
    return { ...item, ...Object.fromEntries(left) }
  }
  return {
    headers: { Accept: 'application/json;metadata=full' },
    prefix: '@',
    apply: (item, expanded) => {
      const id = idOf(item)
      if (item['@removed'] === undefined) {
        rows.set(id, item)
        return
      }
      rows.delete(id)
      for (const [key, row] of rows) rows.set(key, without(row, id, expanded))
    },
    state: (expanded) => sorted([...rows.values()].map((row) => copyOf(row, expanded))),
  }
}

/** 4.0: entities by set and links between them; the end of an entity is that of its links. */
function flat(): Form {
  const rows = new Set<string>()
  const entities = new Map<string, Item>()
  /** targets by source and relationship; a single-valued one has one */
  const links = new Map<string, Map<string, Set<string>>>()
  const single = new Set<string>()
  const idOf = (item: Item): string => String(item['@odata.id'])
  const link = (source: string, name: string, target: string): void => {
    const own = links.get(source) ?? new Map<string, Set<string>>()
    const targets = single.has(name) ? new Set<string>() : (own.get(name) ?? new Set<string>())
    links.set(source, own.set(name, targets.add(target)))
  }
  return {
    headers: { Accept: 'application/json;odata.metadata=full' },
    prefix: '@odata.',
    apply: (item, expanded, initial) => {
      const context = String(item['@odata.context'] ?? '')
      if (context.endsWith('/$deletedEntity')) {
        const id = String(item.id)
        rows.delete(id)
        entities.delete(id)
        links.delete(id)
        for (const own of links.values()) for (const targets of own.values()) targets.delete(id)
        return
      }
      if (context.endsWith('/$link')) {
        link(String(item.source), String(item.relationship), String(item.target))
        return
      }
      const id = idOf(item)
      entities.set(id, membersOf(item, expanded))
      if (context === '') rows.add(id)
      if (!initial) {
        for (const name of expanded) expect(item, 'nothing is nested in 4.0').not.toHaveProperty(name)
        return
      }
      for (const name of expanded) {
        if (!Array.isArray(item[name])) single.add(name)
        for (const one of listOf(item[name])) {
          entities.set(idOf(one), membersOf(one, []))
          link(id, name, idOf(one))
        }
      }
    },
    state: (expanded) => {
      const copyOf = (id: string, names: readonly string[]): Copy => ({
        id,
        members: entities.get(id) ?? {},
        related: Object.fromEntries(
          names.map((name) => [name, sorted([...(links.get(id)?.get(name) ?? [])].map((one) => copyOf(one, [])))]),
        ),
      })
      return sorted([...rows].map((id) => copyOf(id, expanded)))
    },
  }
}
