import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

/** What random models and requests (test/differential/random-models.test.ts) once found, each by name. */

onEveryService('what was found', 'test/models/found.xml', {}, (running) => {
  beforeAll(async () => {
    for (const [id, text, parentId] of [
      [1, 'b', null],
      [2, 'a', 1],
      [3, null, 1],
      [4, 'c', 2],
    ]) {
      const answer = await running().send('POST', '/things', { id, toString: text, parentId })
      expect(answer.status, await answer.clone().text()).toBe(201)
    }
  })
  const ids = async (query: string): Promise<string> => {
    const answer = await running().get(`/things?${query}`)
    expect(answer.status, await answer.clone().text()).toBe(200)
    const { value } = (await answer.json()) as { value: { id: number }[] }
    return value.map(({ id }) => id).join(' ')
  }

  it('an order by an expression and a property named like a member of every JavaScript object', async () => {
    expect(await ids('$orderby=true,toString')).toBe('3 2 1 4')
    expect(await ids('$orderby=length(toString),toString desc')).toBe('3 4 1 2')
  })

  it('an order behind the whole key decides nothing, and nobody looks whether it could be told', async () => {
    expect(await ids('$orderby=id desc,(id mod 0) lt parentId')).toBe('4 3 2 1')
  })

  it('requests at the same time that come by the same related entities do not see one another', async () => {
    const filters = [
      ['parent/children/any(c:c/children/any(d:d/id eq 4))', '2 3'],
      ['parent/children/any(c:c/parent/id eq 1)', '2 3'],
      ['parent/children/any(c:c/id gt 3)', '4'],
    ] as const
    const asked = Array.from({ length: 60 }, (_, i) => filters[i % filters.length] ?? filters[0])
    const answers = await Promise.all(asked.map(([filter]) => ids(`$count=true&$filter=${encodeURIComponent(filter)}`)))
    expect(answers).toEqual(asked.map(([, expected]) => expected))
  })

  it('a condition inside $expand that follows navigation counts, whatever stands beside it', async () => {
    for (const [filter, expected] of [
      ['parent/id eq 1', '2,3  '],
      ["(parent/id gt 3) and startswith(null,'a')", '  '],
      ["(parent/id gt 1) or startswith(null,'a')", ' 4 '],
    ] as const) {
      const query = `$expand=children($filter=${encodeURIComponent(filter)})`
      const answer = await running().get(`/things?${query}`)
      expect(answer.status).toBe(200)
      const { value } = (await answer.json()) as { value: { children: { id: number }[] }[] }
      const found = value.map(({ children }) => children.map(({ id }) => id).join(','))
      expect(found.join(' ').trimEnd()).toBe(expected.trimEnd())
    }
  })

  it('a path segment $filter that follows navigation is refused, though a constant beside it decides', async () => {
    const answer = await running().get(
      `/things/$filter(@e)?@e=${encodeURIComponent("false and parent/toString eq 'a'")}`,
    )
    expect(answer.status).toBe(501)
    expect(await answer.text()).toContain('/$filter')
  })
})
