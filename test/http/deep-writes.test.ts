import { expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryService } from '../support/running-service.ts'

const settings = { log: { error: (f: { err?: unknown }) => console.error(f.err), warn: () => {} } }

onEveryService('bodies that relate entities', 'test/models/links.xml', settings, (running) => {
  const { ask, get, make, ids } = jsonClient(running)

  it('binds entities on create and on update, in the form of 4.0', async () => {
    await make('/departments', { id: 1 })
    await make('/departments', { id: 2 })
    for (const id of [1, 2, 3]) await make('/students', { id })
    await make('/teachers', {
      id: 'b1',
      departmentId: 2,
      'department@odata.bind': 'departments(1)',
      'mentees@odata.bind': [`${running().root}/students(1)`, 'students(2)'],
    })
    // the binding goes before the foreign key
    expect((await get("/teachers('b1')")).json?.departmentId).toBe(1)
    expect(await ids("/teachers('b1')/mentees")).toEqual([1, 2])
    expect((await get('/students(2)/mentor')).json?.id).toBe('b1')
    const patched = await ask('PATCH', "/teachers('b1')", {
      name: 'B',
      'department@odata.bind': 'departments(2)',
      'mentees@odata.bind': ['students(3)'],
    })
    expect(patched.status, patched.text).toBe(204)
    expect((await get("/teachers('b1')")).json).toMatchObject({ name: 'B', departmentId: 2 })
    expect(await ids("/teachers('b1')/mentees")).toEqual([1, 2, 3])
    expect((await ask('PUT', "/teachers('b1')", { name: 'C', 'department@odata.bind': 'departments(1)' })).status).toBe(
      204,
    )
    expect((await get("/teachers('b1')")).json).toMatchObject({ name: 'C', departmentId: 1 })
    expect(await ids("/teachers('b1')/mentees")).toEqual([1, 2, 3])
  })

  it('takes entity references in the form of 4.01, as the full set', async () => {
    for (const id of [11, 12, 13]) await make('/students', { id })
    await make('/teachers', { id: 'r1', mentees: [{ '@id': 'students(11)' }, { '@id': 'students(12)' }] })
    await make('/courses', { title: 'r', teacher: { '@id': "teachers('r1')" } })
    expect(await ids("/teachers('r1')/courses", 'title')).toEqual(['r'])
    const patched = await ask('PATCH', "/teachers('r1')", {
      mentees: [{ '@id': 'students(12)' }, { '@id': 'students(13)' }],
    })
    expect(patched.status, patched.text).toBe(204)
    expect(await ids("/teachers('r1')/mentees")).toEqual([12, 13])
    expect((await get('/students(11)/mentor')).status).toBe(204)
    expect((await ask('PATCH', '/students(12)', { mentor: null })).status).toBe(204)
    expect(await ids("/teachers('r1')/mentees")).toEqual([13])
    expect((await ask('PATCH', "/teachers('r1')", { mentees: [] })).status).toBe(204)
    expect((await get('/students(13)/mentor')).status).toBe(204)
  })

  it('creates entities in entities, by every kind of relation, and shows them', async () => {
    await make('/students', { id: 21 })
    const made = await make('/departments', {
      id: 20,
      name: 'Maths',
      notes: [{ no: 1, text: 'a', replies: [{ no: 1, text: 'b', replies: [{ no: 1 }] }] }, { no: 2 }],
      teachers: [
        {
          id: 'deep1',
          desk: { number: 21 },
          courses: [
            {
              title: 'algebra',
              room: { id: 21 },
              students: [{ id: 22, locker: { code: 'deep', building: { id: 21 } } }],
            },
            { title: 'logic', 'students@odata.bind': ['students(21)'] },
          ],
        },
        { id: 'deep2' },
      ],
    })
    expect(made.json).toMatchObject({
      id: 20,
      notes: [
        { no: 1, text: 'a', replies: [{ no: 1, text: 'b', replies: [{ no: 1, text: null }] }] },
        { no: 2, replies: [] },
      ],
      teachers: [
        { id: 'deep1', departmentId: 20, desk: { number: 21, ownerId: 'deep1' } },
        { id: 'deep2', desk: null, courses: [] },
      ],
    })
    const [first] = (made.json?.teachers ?? []) as { courses: { title: string }[] }[]
    const courses = first?.courses
    expect(courses?.toSorted((a, b) => (a.title < b.title ? -1 : 1))).toMatchObject([
      {
        title: 'algebra',
        teacherId: 'deep1',
        roomId: 21,
        room: { id: 21 },
        students: [{ id: 22, locker: { code: 'deep' } }],
      },
      { title: 'logic', teacherId: 'deep1', room: null },
    ])
    expect(await ids('/students(21)/courses', 'title')).toEqual(['logic'])
    expect(await ids('/students(22)/courses', 'title')).toEqual(['algebra'])
    expect((await get("/lockers('deep')/student")).json?.id).toBe(22)
    expect((await get('/departments(20)/notes(1)/replies(1)/replies(1)')).status).toBe(200)
    expect(await ids('/rooms(21)/courses', 'title')).toEqual(['algebra'])
  })

  it('creates an entity that its own foreign key leads to', async () => {
    const made = await make('/courses', { title: 'up', teacher: { id: 'up', department: { id: 30 } } })
    expect(made.json).toMatchObject({
      teacherId: 'up',
      teacher: { id: 'up', departmentId: 30, department: { id: 30 } },
    })
    expect(await ids('/departments(30)/teachers')).toEqual(['up'])
  })

  it('creates by way of a navigation property without a constraint', async () => {
    await make('/teachers', { id: 'w1' })
    const made = await make("/teachers('w1')/mentees", { id: 41 })
    expect(made.headers.get('Location')).toBe(`${running().root}/students(41)`)
    expect(await ids("/teachers('w1')/mentees")).toEqual([41])
    expect((await get('/students(41)/mentor')).json?.id).toBe('w1')
    expect((await ask('POST', "/teachers('nobody')/mentees", { id: 42 })).status).toBe(404)
    expect((await get('/students(42)')).status).toBe(404)
  })

  it('stores all or nothing', async () => {
    await make('/teachers', { id: 'taken' })
    for (const teachers of [
      [{ id: 'free' }, { id: 'taken' }],
      [{ id: 'free', 'mentees@odata.bind': ['students(404)'] }],
      [{ id: 'free', courses: [{ title: 'x' }, { title: 'y', 'room@odata.bind': 'rooms(404)' }] }],
    ]) {
      const answer = await ask('POST', '/departments', { id: 50, notes: [{ no: 1 }], teachers })
      expect([400, 409]).toContain(answer.status)
      if (answer.status === 409) expect(answer.json?.error).toMatchObject({ target: 'teachers/1' })
      expect((await get('/departments(50)')).status).toBe(404)
      expect((await get("/teachers('free')")).status).toBe(404)
    }
    expect(await ids("/courses?$filter=title eq 'x' or title eq 'y'")).toEqual([])
  })

  it('tells all faults of nested bodies, each with its place', async () => {
    const answer = await ask('POST', '/departments', {
      id: 60,
      notes: [{ no: 1, text: 'x'.repeat(21) }, { text: 'no key' }, { '@odata.id': 'departments(1)/notes(1)' }],
      teachers: [{ id: 'f', courses: [{ titel: 'x' }, 1], desk: [] }],
    })
    expect(answer.status).toBe(400)
    const details = answer.error?.details as { target: string; code: string }[]
    expect(details.map(({ target, code }) => `${target} ${code}`).toSorted()).toEqual([
      'notes/0/text valueInvalid',
      'notes/1/no propertyRequired',
      'notes/2 valueInvalid',
      'teachers/0/courses/0/titel propertyUnknown',
      'teachers/0/courses/0/title propertyRequired',
      'teachers/0/courses/1 valueInvalid',
      'teachers/0/desk valueInvalid',
    ])
    expect((await get('/departments(60)')).status).toBe(404)
  })

  it('holds nesting to its limits', async () => {
    let note: Record<string, unknown> = { no: 1 }
    for (let i = 0; i < 5; i++) note = { no: 1, replies: [note] }
    const deep = await ask('POST', '/departments', { id: 70, notes: [note] })
    expect(deep.status).toBe(400)
    expect(deep.error?.message).toContain('nestedDepth')
    const many = await ask('POST', '/departments', {
      id: 70,
      notes: Array.from({ length: 1_001 }, (_, no) => ({ no })),
    })
    expect(many.status).toBe(400)
    expect(many.error?.message).toContain('nestedEntities')
  })

  it('keeps to what the model denies of nested entities and references', async () => {
    await make('/teachers', { id: 'cap' })
    const nested = await ask('POST', '/rooms', { id: 80, courses: [{ title: 'x', teacherId: 'cap' }] })
    expect(nested.status).toBe(400)
    expect(nested.error?.message).toContain('DeepInsertSupport')
    const course = (await make('/courses', { title: 'cap', teacherId: 'cap' })).json?.id
    // references are no deep insert
    await make('/rooms', { id: 80, 'courses@odata.bind': [`courses(${course})`] })
    const insert = await ask('POST', '/levels', { id: 80, 'courses@odata.bind': [`courses(${course})`] })
    expect(insert.error?.message).toContain('NonInsertableNavigationProperties')
    await make('/levels', { id: 80 })
    const update = await ask('PATCH', '/levels(80)', { 'courses@odata.bind': [`courses(${course})`] })
    expect(update.error?.message).toContain('NonUpdatableNavigationProperties')
    expect((await ask('POST', '/levels(80)/courses/$ref', { '@id': `courses(${course})` })).status).toBe(405)
  })

  it('refers to what a batch has made by its id, in bindings too', async () => {
    const headers = { 'content-type': 'application/json' }
    const answer = await ask('POST', '/$batch', {
      requests: [
        { id: 't', atomicityGroup: 'g', method: 'POST', url: 'teachers', headers, body: { id: 'batch' } },
        {
          id: 'c',
          atomicityGroup: 'g',
          method: 'POST',
          url: 'courses',
          headers,
          body: { title: 'b', 'teacher@odata.bind': '$t' },
        },
      ],
    })
    expect(answer.status, answer.text).toBe(200)
    expect(await ids("/teachers('batch')/courses", 'title')).toEqual(['b'])
  })
})
