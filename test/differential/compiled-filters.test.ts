import { readFileSync } from 'node:fs'
import { deserialize, EJSON, serialize } from 'bson'
import fc from 'fast-check'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeEntity } from '../../src/bson/encode.ts'
import { layoutOf } from '../../src/bson/layout-of-model.ts'
import { parseCsdl } from '../../src/csdl/read-csdl.ts'
import { ODataError } from '../../src/errors/odata-error.ts'
import { preparePredicate } from '../../src/eval/compile.ts'
import { compileQuery, placeQuery } from '../../src/mongo/compile/query.ts'
import { readEntity } from '../../src/payload/read-entity.ts'
import type { ReadPlan } from '../../src/plan/plan.ts'
import { Planner } from '../../src/service/planner.ts'
import { defaultUrlLimits } from '../../src/url/ast.ts'
import { parseRequestUrl } from '../../src/url/parse-url.ts'
import { freshDatabase } from '../support/mongod.ts'
import { conditions } from './expressions.ts'
import { measurement, measurementGrammar } from './measurements.ts'
import { reason, sample, seed, uri } from './two-stores.ts'

/**
 * Random expressions: the filter that MongoDB is sent finds the rows of `eval/`, no row less; where the compiler says that it is
 * exact, no row more. No HTTP and one collection: thousands of them in seconds.
 */

const file = 'test/differential/measurements.xml'
const model = parseCsdl(readFileSync(file, 'utf8'), { file })
const layout = layoutOf(model)
const planner = new Planner(model, { keyAsSegment: true })
const collection = layout.collections.get('Measurements')
if (collection === undefined) throw new Error('no Measurements')
const { entityType: type } = collection
const runs = process.env.ODATUM_TEST_LONG === '1' ? 20_000 : 500

const documents = sample(measurement, 40, 0).map((json, i) => {
  const body = Buffer.from(JSON.stringify({ Number: i, ...json }))
  const entity = readEntity(body, { model, type, mode: 'create', version: '4.01', keyByService: false })
  // as the driver would send it
  const document = deserialize(serialize(encodeEntity(layout, collection, entity)), { promoteValues: false })
  // what others may have stored: items that are null
  if (i % 4 === 0) document.Places = [null, ...(document.Places ?? [])]
  return document
})
const rows = documents.map((document) => serialize(document))

describe.skipIf(uri === undefined)(`compiled filters, seed ${seed}${uri === undefined ? `: ${reason}` : ''}`, () => {
  const client = new MongoClient(uri === undefined ? 'mongodb://none' : freshDatabase(uri, 'compiled'))
  const stored = client.db().collection('Measurements')

  beforeAll(async () => {
    await client.connect()
    await stored.insertMany(documents.map((document) => ({ ...document })))
  })
  afterAll(async () => {
    await client.db().dropDatabase()
    await client.close()
  })

  it('find the rows that eval finds', async () => {
    let asked = 0
    let exact = 0
    await fc.assert(
      fc.asyncProperty(conditions(measurementGrammar), async (filter) => {
        const placed = placedOf(filter)
        if (placed === undefined) return
        asked++
        const { query, expected } = placed
        if (query.residue === undefined) exact++
        const found =
          query.filter === false ? [] : await stored.find(query.filter, { projection: { _id: 1 } }).toArray()
        const numbers = found.map(({ _id }) => Number(_id)).sort((a, b) => a - b)
        const place = EJSON.stringify(query.filter)
        if (query.residue === undefined) expect(numbers, place).toEqual(expected)
        else expect(numbers, place).toEqual(expect.arrayContaining(expected))
      }),
      { seed, numRuns: runs },
    )
    expect(asked).toBeGreaterThan(runs * 0.5)
    expect(exact / asked).toBeGreaterThan(0.5)
  })
})

/** The query of a filter and the rows that fulfil it; undefined where it is refused. */
function placedOf(filter: string) {
  try {
    const target = `/Measurements?$filter=${encodeURIComponent(filter)}`
    const { plan, parameters } = planner.plan(
      'GET',
      parseRequestUrl(target, { version: '4.01', limits: defaultUrlLimits }),
    )
    const { filter: expression } = plan as ReadPlan
    if (expression === undefined) return undefined
    const now = { kind: 'dateTimeOffset', ms: Date.now(), sub: 0, offset: 0, digits: 3 } as const
    const test = preparePredicate(expression, { layout, collection, type })(parameters, { now })
    const expected = rows.flatMap((row, i) => (test(row) ? [i] : []))
    return { query: placeQuery(compileQuery(plan as ReadPlan, layout), undefined, parameters), expected }
  } catch (error) {
    if (error instanceof ODataError && error.status === 400) return undefined
    throw error
  }
}
