import { beforeAll, describe, expect, it } from 'vitest'
import { bearerAuthentication } from '../../src/auth/bearer.ts'
import { ODataController } from '../../src/service/controller.ts'
import { odataFilter } from '../../src/url/filter-text.ts'
import { onEveryService } from '../support/running-service.ts'
import { issuerForTests } from '../support/tokens.ts'
import { asking, type Json, makePeople } from '../support/url-people.ts'

onEveryService('$root in expressions', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values, ids } = asking(running)
  beforeAll(() => makePeople(running))

  it.each([
    ["people?$filter=age gt $root/people('ann')/age", ['bob']],
    ["people?$filter=age ge $root/people('ann')/age and age lt $root/people('bob')/age", ['ann']],
    ['people?$filter=age gt $root/orders(id=2)/price add 5', ['ann', 'bob']],
    ["people?$filter=weight lt $root/people('ann')/age", ['ann']],
    // what is not there is null
    ["people?$filter=age gt $root/people('no')/age", []],
    ["people?$filter=rank eq $root/people('no')/rank", ['cy']],
    ["people?$filter=rank ne $root/people('no')/rank", ['ann', 'bob']],
    ["people?$filter=id ne $root/people('no')/name", ['ann', 'bob', 'cy']],
    ['people?$filter=$root/chief/name eq null and age lt 20', ['cy']],
    ["people?$filter=rank eq $root/people('ann')/rank", ['ann']],
    ["people?$filter=since eq $root/people('ann')/since", ['ann']],
    ["people?$filter=name eq $root/people('bob')/friend/name", ['ann']],
    ["people?$filter=home/city eq $root/people('bob')/home/city", ['bob']],
    ["people?$filter=u.Employee/salary eq $root/people('bob')/u.Employee/salary", ['bob']],
    ["orders?$filter=price in $root/people('ann')/scores", [3]],
    ["people?$filter=$root/people('ann')/tags/any(t:t eq 'red') and age gt 20", ['ann', 'bob']],
    ["people?$filter=$root/people('ann')/tags/$count eq length(id) add 1", ['ann', 'bob']],
    ['people?$filter=age gt 5 mul $root/people/$count', ['ann', 'bob']],
    ['people?$filter=$root/people/$count($filter=age gt 20) eq 2 and age lt 20', ['cy']],
    ['people?$filter=$root/people/$filter(age gt 20)/$count eq length(id)', ['cy']],
    ['people?$filter=id eq @x&@x=$root/orders(2)/buyer', ['bob']],
    ["people?$orderby=age sub $root/people('ann')/age desc", ['bob', 'ann', 'cy']],
    ["people?$compute=$root/people('cy')/age add age as sum&$filter=sum eq 42", ['ann']],
    ["people?$apply=filter(age gt $root/people('ann')/age)", ['bob']],
    ["people?$filter=fans/any(f:f/age gt $root/people('ann')/age)", ['ann']],
  ])('%s', async (path, expected) => {
    expect(await ids(`/${path}`)).toEqual(expected)
  })

  it('stands in counts, nested options, $all and $crossjoin, and in pages', async () => {
    expect((await ask("/people/$count?$filter=age ge $root/people('ann')/age")).text).toBe('2')
    const fans = await values("/people?$expand=fans($filter=age lt $root/people('bob')/age;$select=id)&$select=id")
    expect(fans.map((row) => (row.fans as Json[]).map(({ id }) => id))).toEqual([['cy'], [], []])
    expect(await ids('/$all?$filter=u.Order/price gt $root/orders(1)/price')).toEqual([2])
    expect(await values('/$crossjoin(orders,people)?$filter=orders/price gt $root/orders(1)/price')).toHaveLength(3)
    const first = await get("/people?$filter=age ge $root/people('cy')/age", { Prefer: 'maxpagesize=2' })
    const next = String(first['@odata.nextLink']).slice(running().root.length)
    expect([...first.value, ...(await values(next))].map(({ id }) => id)).toEqual(['ann', 'bob', 'cy'])
  })

  it.each([
    ["$filter=age gt $root/peeple('ann')/age", 400, "'peeple'"],
    ["$filter=age gt $root/people('ann')/agee", 400, "'agee'"],
    ['$filter=age gt $root/people(1)/age', 400, "'id'"],
    ["$filter=age gt $root/people(x='ann')/age", 400, 'id'],
    ['$filter=age gt $root/people/age', 400, 'collection'],
    ["$filter=age gt $root/people('ann')/name", 400, 'Edm.String'],
    ["$filter=$root/people('ann') eq null", 501, '$root'],
    ["$filter=$root/people('ann')/home eq null", 501, 'u.Address'],
    ['$filter=$root/people/any(p:p/age gt 3)', 501, "'any'"],
    [`$filter=${Array.from({ length: 21 }, () => "$root/people('ann')/age").join(' add ')} gt 1`, 400, 'more than 20'],
  ])('refuses by name: %s', async (query, status, message) => {
    const found = await ask(`/people?${query}`)
    expect([found.status, found.json.error.message]).toEqual([status, expect.stringContaining(message)])
    expect(found.json.error.target).toBe('$filter')
  })

  it('refuses it where a value cannot be waited for', async () => {
    expect((await ask("/people/$filter(age gt $root/people('ann')/age)")).status).toBe(501)
    expect((await ask("/people?$deltatoken=latest&$filter=age gt $root/people('ann')/age")).status).toBe(501)
  })
})

describe('$root under permissions', async () => {
  const issuer = await issuerForTests()
  const authenticate = await bearerAuthentication(issuer.options)
  class Open extends ODataController {
    override rowFilter({ principal }: Parameters<NonNullable<ODataController['rowFilter']>>[0]) {
      return odataFilter`owner eq ${principal?.subject ?? ''}`
    }
  }
  onEveryService('values', 'test/models/locked.xml', { authenticate, controllers: { open: Open } }, (running) => {
    const signed = async (...roles: string[]) => ({ Authorization: `Bearer ${await issuer.token({ roles })}` })
    const { ask } = asking(running)
    beforeAll(async () => {
      const headers = await signed('Closed.Read')
      for (const [set, id, owner] of [
        ['open', 1, 'tester'],
        ['open', 2, 'other'],
        ['closed', 3, 'tester'],
      ] as const)
        expect((await running().send('POST', `/${set}`, { id, owner, price: id * 10 }, headers)).status).toBeLessThan(
          300,
        )
    })

    it('are read as the caller could read them', async () => {
      const ids = async (path: string, headers: Record<string, string>) => {
        const { status, json } = await ask(path, headers)
        return status === 200 ? json.value.map(({ id }) => id) : status
      }
      const secret = '/open?$filter=price lt $root/closed(3)/price'
      expect(await ids(secret, await signed('Closed.Read'))).toEqual([1])
      expect(await ids(secret, await signed())).toBe(403)
      expect(await ids('/open?$filter=$root/closed/$count gt 0', await signed())).toBe(403)
      expect(await ids('/open?$filter=$root/never/$count gt 0', await signed())).toBe(405)
      // what a row filter hides is not there
      expect(await ids('/open?$filter=$root/open(2)/price eq null', await signed())).toEqual([1])
      expect(await ids('/open?$filter=$root/open/$count eq 1', await signed())).toEqual([1])
    })
  })
})
