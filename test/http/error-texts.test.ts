import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, makePeople } from '../support/url-people.ts'

/** What an error says: the thing that is not there, the option and the text that are wrong, what is offered instead. */

onEveryService('error texts', 'test/models/urls.xml', {}, (running) => {
  const { ask } = asking(running)
  beforeAll(() => makePeople(running))

  it.each([
    ['/peeple', 'peeple', ["'peeple'", "'people'"]],
    ["/people('zz')", undefined, ["people('zz')"]],
    ["/people('zz')/name", undefined, ["people('zz')"]],
    ["/people('zz')/fans", 'people', ["people('zz')", "'fans'"]],
    ["/people/u.Employee('ann')", undefined, ["people('ann')/u.Employee"]],
    ["/people('ann')/nam", 'nam', ["'nam'", "'name'", 'u.Person']],
    ["/people('ann')/friend/name", undefined, ["'friend'"]],
    ["/people('ann')/home/citi", 'citi', ["'citi'", "'city'", 'u.Address']],
    ["/people('ann')/u.Worker", 'u.Worker', ["'u.Worker'"]],
    ["/people('ann')/tags/9", undefined, ['position']],
    ['/orders(7)', undefined, ['orders(7)']],
    ['/$meta', '$meta', ["'$meta'"]],
    ['/$crossjoin(orders,peeple)', 'peeple', ["'peeple'", "'people'"]],
    ["/people('ann')/name/x", 'x', ["'x'", 'a primitive value']],
  ])('404 says what does not exist: %s', async (path, target, texts) => {
    const { status, json, headers } = await ask(path)
    expect(status, JSON.stringify(json)).toBe(404)
    for (const text of texts) expect(json.error.message).toContain(text)
    if (target !== undefined) expect(json.error.target).toBe(target)
    expect(headers.get('content-language')).toBe('en')
  })

  it.each([
    ['$filter', '$filter=agee eq 3', ["'agee'", "'age'"]],
    ['$filter', '$filter=age eq', ['the end', 'position 6']],
    ['$filter', "$filter=age eq 'x'", ['eq', "'x'"]],
    ['$filter', '$filter=age eqq 3', ["'eqq'"]],
    ['$filter', '$filter=starswith(name,%27A%27)', ["'starswith'", "'startswith'"]],
    ['$filter', "$filter=name eq 'Ann", ['closing quote', 'position 12']],
    ['$filter', '$filter=home eq {"citi":"x"}', ['u.Address', '"citi"', 'city']],
    ['$filter', '$filter=home eq {"zip":"x"}', ['u.Address', 'a whole number']],
    ['$filter', '$filter=home eq {"@type":"%23u.Adress"}', ['u.Adress']],
    ['$filter', '$filter=home eq ["x"]', ['An object of u.Address']],
    ['$filter', '$filter=home eq {"country":{}}', ['country']],
    ['$filter', '$filter=tags eq [1]', ['Collection(Edm.String)']],
    ['$filter', '$filter=friend eq {"name":"x"}', ["'eq' cannot compare u.Person"]],
    ['$filter', "$filter=nmae eq 'x'", ["'nmae'", "'name'"]],
    ['$filter', '$filter=name eq "Ann"', ['single quotes', 'position 8']],
    ['$filter', '$filter=name eq Ann', ["'Ann'", 'single quotes']],
    ['$filter', "$filter=name eq 'O'Neil'", ["'Neil'", 'written twice']],
    ['$filter', '$filter=age = 3', ["write 'eq'"]],
    ['$filter', '$filter=age != 3', ["write 'ne'"]],
    ['$filter', '$filter=age >= 3', ["write 'ge'"]],
    ['$filter', '$filter=age gt 3 || true', ["write 'or'"]],
    ['$filter', '$filter=(age gt 3', ["')'", 'the end']],
    ['$filter', '$filter=age gt 3)', ["')'", 'position 8']],
    ['$filter', '$filter=startswith(name)', ['startswith(Edm.String, Edm.String)']],
    ['$filter', "$filter=rank eq 'Hihg'", ["'Hihg'", "'High'"]],
    ['$filter', '$filter=u.Emploee/salary gt 1', ["'u.Emploee'", "'u.Employee'"]],
    ['$filter', "$filter=since gt '2020-01-01'", ['without quotes']],
    ['$filter', '$filter=since gt 2020-13-01', ['a month']],
    ['$filter', "$filter=tags eq 'red'", ['Collection(Edm.String)', "'red'"]],
    ['$filter', '$filter=tags/any(t eq 1)', ["':'"]],
    ['$expand', '$expand=friend/name', ['friend($expand=...)']],
    ['$expand', '$expand=friend($selct=name)', ["'$selct'", "'$select'"]],
    ['$orderby', '$orderby=tags', ['cannot sort by']],
    ['$orderby', '$orderby=nam', ["'nam'", "'name'"]],
    ['$orderby', '$orderby=name up', ["'up'"]],
    ['$select', '$select=nam', ["'nam'", "'name'"]],
    ['$expand', '$expand=frend', ["'frend'", "'friend'"]],
    ['$expand', '$expand=name', ["'name'"]],
    ['$top', '$top=x', ["'x'"]],
    ['$skip', '$skip=-1', ["'-1'"]],
    ['$count', '$count=maybe', ["'maybe'"]],
    ['$search', '$search=a AND (', ['the end']],
    ['$compute', '$compute=age add 1', ['as']],
    ['$compute', '$compute=age add 1 as name', ["'name'"]],
    ['$skiptoken', '$skiptoken=abc', ['$skiptoken']],
    ['$filtre', '$filtre=true', ["'$filtre'", 'Unknown', "'$filter'"]],
    ['$ordeby', '$ordeby=age', ["'$ordeby'", 'Unknown', "'$orderby'"]],
    ['$filter', '$filter=true&$filter=false', ["'$filter'", 'must not appear twice']],
    ['$top', '$top=1&$TOP=2', ["'$top'", 'must not appear twice']],
    ['$top', 'top=1&$top=2', ["'$top'", 'must not appear twice']],
    ['@a', '$filter=age eq @a&@a=1&@a=2', ["'@a'", 'must not appear twice']],
    ['$levels', '$levels=2', ['$levels']],
  ])('400 names %s and quotes what is wrong: %s', async (target, query, texts) => {
    const { status, json, headers } = await ask(`/people?${query}`)
    expect([status, json.error.target], JSON.stringify(json)).toEqual([400, target])
    for (const text of texts) expect(json.error.message).toContain(text)
    expect(headers.get('content-language')).toBe('en')
  })

  it.each([
    ['/people', { Accept: 'text/csv' }, ["'text/csv'", 'application/json']],
    ['/people?$format=application/atom%2Bxml', {}, ["'application/atom+xml'", 'application/json']],
    ['/people', { Accept: 'application/json;foo=bar' }, ['foo=bar', 'application/json']],
    ["/people('ann')/name/$value", { Accept: 'image/png' }, ["'image/png'", 'text/plain']],
    ['/people/$count', { Accept: 'image/png' }, ["'image/png'", 'text/plain']],
    ['/$metadata?$format=image/png', {}, ["'image/png'", 'application/xml']],
  ])('406 names the media type and lists what is offered: %s %j', async (path, headers, texts) => {
    const { status, json } = await ask(path, headers as unknown as Record<string, string>)
    expect(status, JSON.stringify(json)).toBe(406)
    for (const text of texts) expect(json.error.message).toContain(text)
  })

  it('415 names the media type and lists what is taken', async () => {
    for (const [path, method] of [
      ['/people', 'POST'],
      ["/people('ann')", 'PATCH'],
      ['/$batch', 'POST'],
      ['/people/$query', 'POST'],
    ] as const) {
      const answer = await running().send(method, path, '<a/>', { 'Content-Type': 'text/csv' })
      const { error } = (await answer.json()) as { error: { message: string } }
      expect(answer.status, error.message).toBe(415)
      expect(error.message).toContain("'text/csv'")
      expect(error.message).toMatch(/application\/json|text\/plain/)
      expect(answer.headers.get('content-language')).toBe('en')
    }
  })
})
