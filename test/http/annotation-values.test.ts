import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, makePeople } from '../support/url-people.ts'

onEveryService('annotation values in expressions', 'test/models/urls.xml', {}, (running) => {
  const { ask, ids } = asking(running)
  beforeAll(() => makePeople(running))

  it.each([
    ['$filter=name eq @Core.Description', ['ann']],
    ['$filter=name ne @Org.OData.Core.V1.Description', ['bob', 'cy']],
    ['$filter=age gt age/@u.Limit', ['ann', 'bob']],
    ['$filter=age mul age/@u.Share lt 10', ['cy']],
    ["$filter=age/@Core.Description eq 'Full years' and age lt 20", ['cy']],
    [
      "$filter=contains(age/@Core.Description,'years') and age eq cast(age/@Core.Description%23Short,Edm.Int32)",
      ['ann'],
    ],
    ['$filter=age/@Core.Immutable or age eq 12', ['cy']],
    // what the model does not say, and instance annotations, are null
    ['$filter=name/@Core.Description eq null and age eq 12', ['cy']],
    ['$filter=age gt name/@u.Limit', []],
    ['$orderby=age mul age/@u.Share desc', ['bob', 'ann', 'cy']],
    ['$compute=age sub age/@u.Limit as over&$filter=over eq 1', ['ann']],
  ])('%s', async (query, expected) => {
    expect(await ids(`/people?${query}`)).toEqual(expected)
  })

  it('refuses what is no constant, and what is no value', async () => {
    for (const [path, status, message] of [
      ['/people?$filter=age/@u.Where eq name', 501, '@u.Where'],
      ['/people?$filter=u.Employee/@Core.Description ne name', 501, 'type cast'],
      ['/people?$filter=age/@u.Limit/x eq 1', 400, 'Nothing can follow'],
      ["/people?$filter=age/@u.Limit eq 'x'", 400, "'x'"],
      ['/people/$filter(age gt age/@u.Limit)', 501, 'annotation'],
    ] as const) {
      const found = await ask(path)
      expect([found.status, found.json.error?.message], path).toEqual([status, expect.stringContaining(message)])
    }
  })
})
