import { beforeAll, expect, it } from 'vitest'
import type { ResourceKind } from '../../src/bind/tree.ts'
import { legalOptions, type OptionName } from '../../src/plan/options.ts'
import { onEveryService } from '../support/running-service.ts'
import { asking, makePeople } from '../support/url-people.ts'

/**
 * The truth table of plan/options.ts (written a second time in test/unit/plan/options.test.ts) over HTTP: what is illegal is 400 with
 * the option as target; what is legal is never refused as illegal.
 */

/** A URL of each kind of resource. */
const resources: Readonly<
  Record<
    Exclude<
      ResourceKind,
      'batch' | 'actionCall' | 'actionImport' | 'stream' | 'mediaStream' | 'eachEntity' | 'eachItem'
    >,
    string
  >
> = {
  serviceDocument: '/',
  metadata: '/$metadata',
  entityId: "/$entity?$id=people('ann')",
  all: '/$all',
  crossjoin: '/$crossjoin(orders,people)',
  entityCollection: '/people',
  entity: "/people('ann')",
  singleton: '/chief',
  primitive: "/people('ann')/name",
  primitiveCollection: "/people('ann')/tags",
  complex: "/people('ann')/home",
  complexCollection: "/people('ann')/addresses",
  untyped: "/people('bob')/u.Employee/badge",
  rawValue: "/people('ann')/name/$value",
  count: '/people/$count',
  reference: "/people('bob')/friend/$ref",
  referenceCollection: "/people('ann')/fans/$ref",
}

const values: Readonly<Partial<Record<OptionName, string>>> = {
  filter: 'true',
  search: 'a',
  orderby: '$it',
  select: '*',
  expand: '*',
  compute: '1 add 1 as two',
  apply: 'identity',
  top: '1',
  skip: '0',
  count: 'true',
  index: '0',
  skiptoken: 'x',
  deltatoken: 'x',
  levels: '1',
  id: "people('ann')",
  format: 'json',
  schemaversion: '*',
}

onEveryService('options on kinds of resources', 'test/models/urls.xml', {}, (running) => {
  const { ask } = asking(running)
  beforeAll(() => makePeople(running))

  it.each(Object.entries(resources))('%s: %s', async (kind, path) => {
    const legal = legalOptions[kind as ResourceKind]
    for (const [option, value] of Object.entries(values)) {
      if (kind === 'entityId' && option === 'id') continue
      const { status, json } = await ask(`${path}${path.includes('?') ? '&' : '?'}$${option}=${value}`)
      const told = `${path} $${option}: ${status} ${JSON.stringify(json.error)}`
      expect(status, told).toBeLessThan(502)
      expect(status, told).not.toBe(500)
      const refused = json.error?.code === 'queryOptionNotAllowed'
      if (legal.includes(option as OptionName)) expect(refused, told).toBe(false)
      else expect([status, json.error?.target], told).toEqual([400, `$${option}`])
    }
  })
})
