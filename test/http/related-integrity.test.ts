import { expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

/** Protocol 11.4.1.4, "Handling of Integrity Constraints": what must be related is, and nothing is left behind. */

onEveryStore('required relations and foreign keys', 'test/models/links.xml', { lookUpForeignKeys: true }, (running) => {
  const { ask, get, make, ids } = jsonClient(running)

  it('creates no entity without the one that it must be related to', async () => {
    await make('/buildings', { id: 1 })
    const alone = await ask('POST', '/lockers', { code: 'a' })
    expect(alone.status).toBe(400)
    expect(alone.error).toMatchObject({ code: 'propertyRequired', target: 'building' })
    expect((await get("/lockers('a')")).status).toBe(404)
    expect((await ask('PUT', "/lockers('a')", {})).error?.target).toBe('building')
    await make('/lockers', { code: 'bound', 'building@odata.bind': 'buildings(1)' })
    await make('/lockers', { code: 'nested', building: { id: 2 } })
    await make('/buildings(1)/lockers', { code: 'posted' })
    await make('/buildings', { id: 3, lockers: [{ code: 'within' }] })
    expect(await ids('/buildings(1)/lockers', 'code')).toEqual(['bound', 'posted'])
    const nested = await ask('POST', '/students', { id: 1, locker: { code: 'b' } })
    expect(nested.error).toMatchObject({ code: 'propertyRequired', target: 'locker/building' })
    const course = await ask('POST', '/courses', { title: 'x' })
    expect(course.error).toMatchObject({ code: 'propertyRequired', target: 'teacherId' })
  })

  it('does not part an entity from the one that it must be related to', async () => {
    await make('/buildings', { id: 11, lockers: [{ code: 'stays' }] })
    expect((await ask('DELETE', "/lockers('stays')/building/$ref")).status).toBe(400)
    expect((await ask('DELETE', "/buildings(11)/lockers('stays')/$ref")).status).toBe(400)
    expect((await ask('PATCH', "/lockers('stays')", { building: null })).status).toBe(400)
    expect((await ask('PATCH', '/buildings(11)', { lockers: [] })).status).toBe(400)
    expect((await ask('DELETE', '/buildings(11)')).status).toBe(409)
    expect((await get("/lockers('stays')/building")).json?.id).toBe(11)
    await make('/buildings', { id: 12 })
    expect((await ask('PUT', "/lockers('stays')/building/$ref", { '@id': 'buildings(12)' })).status).toBe(204)
  })

  it('looks up foreign keys that a body says', async () => {
    await make('/departments', { id: 21 })
    for (const [method, path, body] of [
      ['POST', '/teachers', { id: 'k1', departmentId: 404 }],
      ['PUT', "/teachers('k1')", { departmentId: 404 }],
      ['POST', '/departments', { id: 22, teachers: [{ id: 'k1', courses: [{ title: 'x', roomId: 404 }] }] }],
    ] as const) {
      const answer = await ask(method, path, body)
      expect(answer.status, `${method} ${path}`).toBe(400)
      expect(answer.error?.target).toMatch(/departmentId$|teachers\/0\/courses\/0\/roomId/)
    }
    await make('/teachers', { id: 'k1', departmentId: 21 })
    expect((await ask('PATCH', "/teachers('k1')", { departmentId: 404 })).error?.target).toBe('departmentId')
    expect((await get("/teachers('k1')")).json?.departmentId).toBe(21)
    // the binding goes before, the model's default is nobody's fault
    const bound = await ask('PATCH', "/teachers('k1')", {
      departmentId: 404,
      'department@odata.bind': 'departments(21)',
    })
    expect(bound.status).toBe(204)
    expect((await ask('PATCH', "/teachers('k1')", { departmentId: null })).status).toBe(204)
    expect((await make('/courses', { title: 'default', teacherId: 'k1' })).json?.levelId).toBe(1)
    const first = [
      { id: '1', method: 'POST', url: 'departments', body: { id: 23 } },
      { id: '2', method: 'POST', url: 'teachers', body: { id: 'k2', departmentId: 23 } },
    ].map((request) => ({ ...request, atomicityGroup: 'g', headers: { 'content-type': 'application/json' } }))
    const batch = await ask('POST', '/$batch', { requests: first })
    expect(batch.json?.responses).toMatchObject([{ status: 201 }, { status: 201 }])
  })
})

const looking = { lookUpForeignKeys: true }

onEveryStore('what belongs to entities that are being deleted', 'test/models/links.xml', looking, (running) => {
  const { ask, make, ids } = jsonClient(running)
  const rounds = 5

  it('leaves nothing behind that was contained while its owner was deleted', async () => {
    let late = 0
    for (let round = 0; round < rounds; round++) {
      await make('/departments', { id: 1, notes: [{ no: 0, replies: [{ no: 0 }] }] })
      const creates = [1, 2, 3, 4].map((no) => ask('POST', '/departments(1)/notes', { no, replies: [{ no: 1 }] }))
      const replies = [5, 6].map((no) => ask('POST', '/departments(1)/notes(0)/replies', { no }))
      const deleted = ask('DELETE', '/departments(1)')
      const more = [7, 8].map((no) => ask('POST', '/departments(1)/notes', { no }))
      const answers = await Promise.all([...creates, ...replies, ...more])
      expect((await deleted).status).toBe(204)
      late += answers.filter(({ status }) => status === 201).length
      for (const { status, text } of answers) expect([201, 404], text).toContain(status)
      await make('/departments', { id: 1 })
      expect(await ids('/departments(1)/notes', 'no')).toEqual([])
      await make('/departments(1)/notes', { no: 0 })
      expect(await ids('/departments(1)/notes(0)/replies', 'no')).toEqual([])
      expect((await ask('DELETE', '/departments(1)')).status).toBe(204)
    }
    expect(late).toBeGreaterThan(0)
  })

  it('leaves nothing behind that a cascade would have reached', async () => {
    for (let round = 0; round < rounds; round++) {
      await make('/departments', { id: 2, teachers: [{ id: `c${round}` }] })
      const creates = [1, 2, 3].map((i) => ask('POST', '/departments(2)/teachers', { id: `n${round}-${i}` }))
      const data = [1, 2, 3].map((i) => ask('POST', '/teachers', { id: `d${round}-${i}`, departmentId: 2 }))
      const deleted = ask('DELETE', '/departments(2)')
      const bound = [1, 2].map((i) =>
        ask('POST', '/teachers', { id: `b${round}-${i}`, 'department@odata.bind': 'departments(2)' }),
      )
      const answers = await Promise.all([...creates, ...data, ...bound])
      expect((await deleted).status).toBe(204)
      for (const { status, text } of answers) expect([201, 400, 404], text).toContain(status)
      expect(await ids('/teachers?$filter=departmentId eq 2')).toEqual([])
    }
  })

  it('does what OnDelete of contained entities says', async () => {
    await make('/departments', {
      id: 3,
      notes: [{ no: 1, tags: [{ id: 1 }], replies: [{ no: 2, tags: [{ id: 2 }] }] }],
    })
    await make('/tags', { id: 3 })
    expect(await ids('/tags')).toEqual([1, 2, 3])
    expect((await ask('DELETE', '/departments(3)/notes(1)/replies(2)')).status).toBe(204)
    expect(await ids('/tags')).toEqual([1, 3])
    expect((await ask('DELETE', '/departments(3)')).status).toBe(204)
    expect(await ids('/tags')).toEqual([3])
  })
})
