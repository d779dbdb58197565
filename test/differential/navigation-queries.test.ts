import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongodb } from '../support/mongod.ts'
import { embeddedForTests, mongoForTests, type RunningService, startService } from '../support/running-service.ts'
import { seed } from './two-stores.ts'

/**
 * Random data and random questions by way of relations: MongoDB reads the related entities of many rows together, the embedded
 * store those of one row after the other; the answers must be the same.
 */

const { uri, reason } = mongodb()
const runs = process.env.ODATUM_TEST_LONG === '1' ? 1_500 : 120
const users = Array.from({ length: 18 }, (_, i) => `u${i}`)

const comparison = (path: string) =>
  fc
    .tuple(fc.constantFrom('eq', 'ne', 'lt', 'ge'), fc.integer({ min: 0, max: 4 }))
    .map(([operator, value]) => `${path} ${operator} ${value}`)
const same = (path: string) =>
  fc.constantFrom(...users.slice(0, 6), 'null').map((id) => `${path} eq ${id === 'null' ? id : `'${id}'`}`)

/** A condition on a user that a path leads to; `prefix` ends with a slash where it is not empty. */
const onUser = (prefix: string, depth: number, variable: string): fc.Arbitrary<string> => {
  const leaves = [comparison(`${prefix}level`), same(`${prefix}managerId`), comparison(`${prefix}reports/$count`)]
  if (depth === 0) return fc.oneof(...leaves)
  const inner = `${variable}x`
  return fc.oneof(
    ...leaves,
    onUser(`${prefix}manager/`, depth - 1, variable),
    comparison(`${prefix}badge/number`),
    fc.constantFrom(`${prefix}manager eq null`, `${prefix}reports/any()`, `${prefix}folders/any()`),
    fc
      .tuple(fc.constantFrom('any', 'all'), onUser(`${inner}/`, depth - 1, inner))
      .map(([operator, predicate]) => `${prefix}reports/${operator}(${inner}:${predicate})`),
    fc
      .tuple(fc.constantFrom('any', 'all'), comparison(`${inner}/size`))
      .map(([operator, predicate]) => `${prefix}folders/${operator}(${inner}:${predicate})`),
    fc
      .tuple(onUser(prefix, depth - 1, variable), fc.constantFrom('and', 'or'), onUser(prefix, depth - 1, variable))
      .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
    onUser(prefix, depth - 1, variable).map((condition) => `not (${condition})`),
  )
}

const order = fc
  .tuple(
    fc.constantFrom('level', 'manager/level', 'badge/number', 'reports/$count', 'manager/manager/id', 'id'),
    fc.constantFrom('', ' desc'),
  )
  .map(([path, direction]) => path + direction)

const optional = (name: string, value: fc.Arbitrary<string | number>) =>
  fc.option(value, { nil: undefined, freq: 2 }).map((found) => (found === undefined ? [] : [`${name}=${found}`]))

/** `$expand` of a user, with nested options. */
const expand = (depth: number): fc.Arbitrary<string> => {
  const nested = (more: readonly fc.Arbitrary<string[]>[]) =>
    fc.tuple(...more).map((parts) => {
      const options = parts.flat()
      return options.length === 0 ? '' : `(${options.join(';')})`
    })
  const inner = depth === 0 ? fc.constant<string[]>([]) : optional('$expand', expand(depth - 1))
  const window = [
    optional('$top', fc.nat(3)),
    optional('$skip', fc.nat(2)),
    optional('$count', fc.constantFrom('true')),
  ]
  return fc.oneof(
    nested([inner, optional('$select', fc.constantFrom('id', 'name,level'))]).map((options) => `manager${options}`),
    nested([
      inner,
      ...window,
      optional('$orderby', fc.constantFrom('level desc,id', 'name', 'id desc')),
      optional('$filter', comparison('level')),
    ]).map((options) => `reports${options}`),
    nested([...window, optional('$orderby', fc.constantFrom('size desc', 'title'))]).map(
      (options) => `folders${options}`,
    ),
    fc.constantFrom('badge', 'settings', 'reports/$count', 'folders/$ref', 'manager($levels=3)', 'reports($levels=2)'),
  )
}

const computed = fc.constantFrom(
  'level add 1 as c',
  'manager/name as c',
  'reports/$count as c',
  'concat(id,name) as c',
  'reports/any(r:r/level gt 1) as c',
)

const queries = fc
  .tuple(
    fc.constantFrom('/users', '/users', "/users('u0')/reports", "/users('u1')", "/users('u2')/manager", '/me/folders'),
    optional('$filter', onUser('', 2, 'r')),
    optional('$orderby', order),
    optional('$expand', expand(1)),
    optional('$top', fc.nat(8)),
    optional('$skip', fc.nat(4)),
    optional('$compute', computed),
  )
  .map(([path, filter, orderby, expanded, top, skip, compute]) => {
    const single = path === "/users('u1')" || path.endsWith('/manager')
    const list = path === '/me/folders'
    const calculated = list || compute.length === 0 ? [] : [...compute, '$select=id,c']
    const options = single
      ? [...expanded, ...calculated]
      : list
        ? [...top, ...skip]
        : [...filter, ...orderby, ...expanded, ...top, ...skip, ...calculated]
    return `${path}?${options.join('&')}`
  })

describe.skipIf(uri === undefined)(`relations on both stores${uri === undefined ? ` (${reason})` : ''}`, () => {
  let services: readonly RunningService[] = []

  beforeAll(async () => {
    services = await Promise.all(
      [embeddedForTests(), mongoForTests(uri ?? '')].map((data) =>
        startService('test/models/relations.xml', data, { limits: { pageSize: 1_000 } }),
      ),
    )
    const rows = fc.sample(
      fc.record({
        level: fc.nat(4),
        managerId: fc.option(fc.constantFrom(...users, 'nobody'), { nil: null, freq: 4 }),
        name: fc.constantFrom('Ann', 'Bob', 'Émile', '😀', null),
        badge: fc.boolean(),
        sizes: fc.uniqueArray(fc.nat(5), { maxLength: 3 }),
      }),
      { seed, numRuns: users.length },
    )
    await Promise.all(
      services.map(async ({ send }) => {
        const post = async (path: string, body: unknown) => {
          const answer = await send('POST', path, body)
          expect(answer.status, await answer.text()).toBe(201)
        }
        for (const [i, { badge, sizes, ...user }] of rows.entries()) {
          await post('/users', { id: users[i], ...user })
          if (badge) await post('/badges', { number: i % 5 === 0 ? i : i % 5, holderId: users[i] }).catch(() => {})
          for (const size of sizes)
            await post(`/users('${users[i]}')/folders`, { id: `f${size}`, size, title: `t${size % 2}` })
          if (i % 3 === 0) await send('PUT', `/users('${users[i]}')/settings`, { theme: `t${i}` })
        }
        for (const id of ['a', 'b', 'c']) await post('/me/folders', { id })
      }),
    )
  })
  afterAll(() => Promise.all(services.map((service) => service.stop())))

  it('answers the same questions alike', { timeout: 600_000 }, async () => {
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(queries, async (query) => {
        const [embedded, mongo] = await Promise.all(
          services.map(async (service) => {
            const answer = await service.get(encodeURI(query))
            const text = (await answer.text()).replaceAll(service.root, '').replaceAll(/\$skiptoken=[^"]*/g, '')
            return { status: answer.status, text }
          }),
        )
        expect(mongo, query).toEqual(embedded)
        expect(embedded?.status, `${query}: ${embedded?.text}`).toBeLessThan(500)
        statuses.set(embedded?.status ?? 0, (statuses.get(embedded?.status ?? 0) ?? 0) + 1)
      }),
      { seed, numRuns: runs },
    )
    expect(statuses.get(200) ?? 0, `ODATUM_TEST_SEED=${seed}`).toBeGreaterThan(runs / 2)
  })
})
