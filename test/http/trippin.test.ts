import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readModel } from '../../src/csdl/read-model.ts'
import {
  changeAndDelete,
  creatableTypes,
  createOne,
  entitySets,
  filterAll,
  orderAll,
  readAll,
} from '../support/entity-life.ts'
import { onEveryService } from '../support/running-service.ts'
import { shared } from '../support/shared.ts'
import { randomValues } from '../support/values.ts'

const file = shared('csdl/trippin.xml')
const there = existsSync(file)

describe.skipIf(!there)(`trippin${there ? '' : ` (skipped: ${file} is not here)`}`, async () => {
  const sets = there ? entitySets(await readModel(file)) : []
  const cases = sets.flatMap((set) => creatableTypes(set).map((type) => [set.name, type.name, set, type] as const))

  it('has entity sets', () => {
    expect(sets.length).toBeGreaterThan(3)
  })
  if (!there) return

  onEveryService('its entities', file, { enforcePermissions: false }, (running) => {
    it.each(cases)(
      'an entity of %s, %s, is created, read, found, ordered by, changed and deleted',
      async (...given) => {
        const [, , set, type] = given
        const values = randomValues(type.name.length)
        const life = await createOne(running(), set, type, values)
        await readAll(life)
        expect(await filterAll(life)).toBeGreaterThan(0)
        expect(await orderAll(life)).toBeGreaterThan(0)
        await changeAndDelete(life, values)
      },
    )
  })
})
