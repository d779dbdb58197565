import { expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

/** Protocol 11.4.3.1, "Update Related Entities When Updating an Entity". */

const shown = { prefer: 'return=representation' }

onEveryStore('updates that change related entities', 'test/models/links.xml', {}, (running) => {
  const { ask, get, make, ids } = jsonClient(running)
  const patch = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await ask('PATCH', path, body, headers)
    expect(answer.status, `PATCH ${path}: ${answer.text}`).toBeLessThan(300)
    return answer
  }

  it('takes nested entities as the full set: existing ones by id or key are changed, others created, the rest parted', async () => {
    await make('/teachers', {
      id: 'u1',
      name: 'before',
      mentees: [{ id: 1, name: 'a' }, { id: 2, name: 'b' }, { id: 3 }],
    })
    await make('/students', { id: 4, name: 'd' })
    const answer = await patch(
      "/teachers('u1')",
      {
        name: 'after',
        mentees: [
          { '@id': 'students(2)' },
          { '@id': 'students(3)', name: 'c' },
          { id: 4, name: 'D' },
          { id: 5, name: 'new' },
        ],
      },
      shown,
    )
    const mentees = answer.json?.mentees as { id: number; name: string }[]
    expect(answer.json?.name).toBe('after')
    expect(mentees.map(({ id, name }) => `${id} ${name}`).toSorted()).toEqual(['2 b', '3 c', '4 D', '5 new'])
    expect((await get('/students(1)')).json?.name).toBe('a')
    expect((await get('/students(1)/mentor')).status).toBe(204)
    expect((await get('/students(4)/mentor')).json?.id).toBe('u1')
  })

  it('takes a delta: what it does not name stays', async () => {
    await make('/teachers', { id: 'd1', mentees: [11, 12, 13, 14].map((id) => ({ id })) })
    await make('/students', { id: 15 })
    await patch("/teachers('d1')", {
      'mentees@delta': [
        { '@removed': { reason: 'deleted' }, '@id': 'students(11)' },
        { '@removed': { reason: 'changed' }, id: 12 },
        { '@removed': { reason: 'deleted' }, '@id': 'students(404)' },
        { '@id': 'students(15)' },
        { '@id': 'students(13)', name: 'Smith' },
        { id: 16, name: 'Suzanne' },
      ],
    })
    expect(await ids("/teachers('d1')/mentees")).toEqual([13, 14, 15, 16])
    expect((await get('/students(11)')).status).toBe(404)
    expect((await get('/students(12)')).status).toBe(200)
    expect((await get('/students(13)')).json?.name).toBe('Smith')
  })

  it('goes through containment, foreign keys and links to any depth', async () => {
    await make('/departments', {
      id: 20,
      notes: [{ no: 1, text: 'one', replies: [{ no: 1, text: 'r' }] }, { no: 2 }, { no: 3, replies: [{ no: 1 }] }],
      teachers: [{ id: 't20', name: 'x', courses: [{ title: 'old' }] }],
    })
    const answer = await patch(
      '/departments(20)',
      {
        name: 'Maths',
        notes: [
          { '@id': 'departments(20)/notes(2)' },
          {
            no: 1,
            text: 'changed',
            'replies@delta': [
              { no: 1, text: 'R' },
              { no: 2, replies: [{ no: 9 }] },
            ],
          },
          { no: 4, text: 'new' },
        ],
        'teachers@delta': [{ id: 't20', desk: { number: 20 }, 'courses@delta': [{ title: 'more' }] }, { id: 't21' }],
      },
      shown,
    )
    expect(answer.json).toMatchObject({
      name: 'Maths',
      notes: [
        {
          no: 1,
          text: 'changed',
          replies: [
            { no: 1, text: 'R' },
            { no: 2, replies: [{ no: 9 }] },
          ],
        },
        { no: 2 },
        { no: 4, text: 'new' },
      ],
      teachers: [{ id: 't20', name: 'x', desk: { number: 20 }, courses: [{}, {}] }, { id: 't21' }],
    })
    // what is contained and not named is deleted, with what it contains
    expect((await get('/departments(20)/notes(3)')).status).toBe(404)
    await make('/departments(20)/notes', { no: 3 })
    expect(await ids('/departments(20)/notes(3)/replies', 'no')).toEqual([])
    expect(await ids("/teachers('t20')/courses", 'title')).toEqual(expect.arrayContaining(['old', 'more']))
  })

  it('creates, changes or relates what a single-valued property leads to', async () => {
    await make('/courses', { title: 's', teacher: { id: 's1' } })
    const [course] = (await ids("/courses?$filter=title eq 's'")) ?? []
    await patch(`/courses(${course})`, { room: { id: 30 }, teacher: { id: 's1', name: 'same' } })
    expect((await get("/teachers('s1')")).json?.name).toBe('same')
    await patch(`/courses(${course})`, { teacher: { id: 's2', desk: { number: 31 } } })
    expect((await get(`/courses(${course})?$expand=room,teacher($expand=desk)`)).json).toMatchObject({
      room: { id: 30 },
      teacherId: 's2',
      teacher: { id: 's2', desk: { number: 31 } },
    })
    expect(await ids("/teachers('s1')/courses")).toEqual([])
    // another desk in place of the first, which is nobody's then
    await patch("/teachers('s2')", { desk: { number: 32 } })
    expect((await get('/desks(31)')).json?.ownerId).toBeNull()
    expect((await get("/teachers('s2')/desk")).json?.number).toBe(32)
  })

  it('replaces nested entities with PUT, and merges them with PATCH', async () => {
    await make('/teachers', { id: 'p1', mentees: [{ id: 41, name: 'kept' }] })
    await patch("/teachers('p1')", { mentees: [{ id: 41 }] })
    expect((await get('/students(41)')).json?.name).toBe('kept')
    expect((await ask('PUT', "/teachers('p1')", { name: 'p', mentees: [{ id: 41 }] })).status).toBe(204)
    expect((await get('/students(41)')).json?.name).toBeNull()
    expect(await ids("/teachers('p1')/mentees")).toEqual([41])
    const delta = await ask('PUT', "/teachers('p1')", { 'mentees@delta': [] })
    expect(delta.status).toBe(400)
    expect(delta.error?.message).toContain('PATCH')
  })

  it('deletes what cannot be without the entity only where the model says so', async () => {
    await make('/teachers', { id: 'r1', courses: [{ title: 'r' }] })
    const answer = await ask('PATCH', "/teachers('r1')", { courses: [] })
    expect(answer.status).toBe(400)
    expect(answer.error?.target).toBe('teacher')
    expect(await ids("/teachers('r1')/courses", 'title')).toEqual(['r'])
  })

  it('upserts with nested entities', async () => {
    const answer = await ask('PATCH', "/teachers('up')", { name: 'u', mentees: [{ id: 51 }] }, shown)
    expect(answer.status, answer.text).toBe(201)
    expect(answer.json?.mentees).toMatchObject([{ id: 51 }])
  })

  it('stores all or nothing', async () => {
    await make('/teachers', { id: 'n1', name: 'n', mentees: [{ id: 61, name: 'a' }, { id: 62 }] })
    for (const mentees of [
      [{ id: 61, name: 'b' }, { '@id': 'students(404)' }],
      [
        { id: 61, name: 'b' },
        { id: 63, locker: { code: 'l', building: null } },
      ],
      [{ id: 61, name: 'b', 'courses@delta': [{ '@removed': { reason: 'gone' }, '@id': 'courses(1)' }] }],
    ]) {
      const answer = await ask('PATCH', "/teachers('n1')", { name: 'changed', mentees })
      expect(answer.status, answer.text).toBe(400)
    }
    expect((await get("/teachers('n1')?$expand=mentees")).json).toMatchObject({
      name: 'n',
      mentees: [{ id: 61, name: 'a' }, { id: 62 }],
    })
    expect((await get('/students(63)')).status).toBe(404)
  })

  it('tells all faults of nested entities, each with its place', async () => {
    await make('/departments', { id: 70, notes: [{ no: 1 }], teachers: [{ id: 'f1' }] })
    await make('/departments', { id: 71, notes: [{ no: 1 }] })
    const answer = await ask('PATCH', '/departments(70)', {
      notes: [{ no: 1, text: 'x'.repeat(21) }, { text: 'no key' }],
      'teachers@delta': [
        { id: 'f1', courses: [{}] },
        { '@removed': { reason: 'changed' } },
        { '@id': "teachers('f1')", id: 'f2' },
      ],
    })
    expect(answer.status).toBe(400)
    const details = answer.error?.details as { target: string; code: string }[]
    expect(details.map(({ target, code }) => `${target} ${code}`).toSorted()).toEqual([
      'notes/0/text valueInvalid',
      'notes/1/no propertyRequired',
      'teachers@delta/0/courses/0/title propertyRequired',
      'teachers@delta/1 valueInvalid',
      'teachers@delta/2 valueInvalid',
    ])
    const other = await ask('PATCH', '/departments(70)', { notes: [{ '@id': 'departments(71)/notes(1)', text: 'x' }] })
    expect(other.error).toMatchObject({ code: 'valueInvalid', target: 'notes/0' })
    const links = await ask('PATCH', '/departments(70)', {
      'teachers@delta': [{ '@context': '#teachers/$deletedLink', source: '', relationship: '', target: '' }],
    })
    expect(links.error?.message).toContain('links')
    expect((await ask('PATCH', "/teachers('f1')", { 'desk@delta': [] })).error?.message).toContain('delta')
  })

  it('refuses bodies that come back to an entity they change', async () => {
    await make('/teachers', { id: 'c1', mentees: [{ id: 81 }] })
    for (const mentees of [
      [{ id: 81, mentor: { id: 'c1', name: 'me again' } }],
      [{ id: 81, friends: [{ id: 81, name: 'myself' }] }],
      [
        { id: 81, name: 'a' },
        { id: 81, name: 'b' },
      ],
    ]) {
      const answer = await ask('PATCH', "/teachers('c1')", { mentees })
      expect(answer.status, answer.text).toBe(400)
      expect(answer.error?.message).toContain('twice')
    }
    // to refer to it is no cycle
    await patch("/teachers('c1')", { mentees: [{ id: 81, friends: [{ '@id': 'students(81)' }] }] })
    expect(await ids('/students(81)/friends')).toEqual([81])
  })

  it('holds to the ETags that bodies of 4.01 say', async () => {
    await make('/teachers', { id: 'e1', mentees: [{ id: 91, name: 'a' }] })
    const nested = (await get('/students(91)')).headers.get('etag')
    const own = (await get("/teachers('e1')")).headers.get('etag')
    await patch('/students(91)', { name: 'b' })
    const stale = await ask('PATCH', "/teachers('e1')", { mentees: [{ id: 91, name: 'c', '@odata.etag': nested }] })
    expect(stale.status).toBe(412)
    expect(stale.error?.target).toBe('mentees/0/@odata.etag')
    expect((await ask('PATCH', "/teachers('e1')", { name: 'x', '@odata.etag': 'W/"77"' })).status).toBe(412)
    expect((await ask('PATCH', "/teachers('nobody')", { name: 'x', '@odata.etag': own })).status).toBe(412)
    expect((await get('/students(91)')).json?.name).toBe('b')
    const now = (await get('/students(91)')).headers.get('etag')
    await patch("/teachers('e1')", { '@odata.etag': own, mentees: [{ id: 91, name: 'c', '@odata.etag': now }] })
    await patch("/teachers('e1')", { '@odata.etag': '*', mentees: [{ id: 91, name: 'd', '@etag': '*' }] })
    // a body of 4.0 may say what it likes
    await patch("/teachers('e1')", { name: 'y', '@odata.etag': 'W/"77"' }, { 'odata-version': '4.0' })
  })

  it('gives Core.ContentID back', async () => {
    const names = ['@Core.ContentID', '@Org.OData.Core.V1.ContentID']
    const made = await make('/departments', {
      id: 100,
      notes: [{ no: 1, '@Core.ContentID': 'n' }],
      teachers: [{ id: 'i1', '@Core.ContentID': 't', courses: [{ title: 'x', [names[1] ?? '']: '"c"' }] }],
    })
    expect(made.json).toMatchObject({
      notes: [{ '@Core.ContentID': 'n', no: 1 }],
      teachers: [{ '@Core.ContentID': 't', courses: [{ '@Org.OData.Core.V1.ContentID': '"c"' }] }],
    })
    const answer = await patch(
      '/departments(100)',
      { 'teachers@delta': [{ id: 'i1', '@Core.ContentID': '1', name: 'y' }, { id: 'i2' }] },
      shown,
    )
    expect(answer.json?.teachers).toMatchObject([{ '@Core.ContentID': '1', id: 'i1' }, { id: 'i2' }])
    expect(answer.text.match(/ContentID/g)).toHaveLength(1)
    expect((await ask('PATCH', '/departments(100)', { notes: [{ no: 1, '@Core.ContentID': 1 }] })).status).toBe(400)
  })

  it('answers 400 to bodies of 4.0 with nested entities, and to what the model denies', async () => {
    await make('/teachers', { id: 'v1' })
    const old = await ask('PATCH', "/teachers('v1')", { mentees: [{ id: 1 }] }, { 'odata-version': '4.0' })
    expect(old.status).toBe(400)
    expect(old.error?.message).toContain('4.0')
    await make('/rooms', { id: 110 })
    const denied = await ask('PATCH', '/rooms(110)', { courses: [{ title: 'x', teacherId: 'v1' }] })
    expect(denied.status).toBe(400)
    expect(denied.error?.message).toContain('DeepUpdateSupport')
    await make('/levels', { id: 1 })
    const level = await ask('PATCH', '/levels(1)', { courses: [{ title: 'x', teacherId: 'v1' }] })
    expect(level.error?.message).toContain('NonUpdatableNavigationProperties')
  })
})

onEveryStore('updates of what owns others by their key', 'test/models/relations.xml', {}, (running) => {
  const { ask, get, make, ids } = jsonClient(running)

  it('finds entities by a key of which the relation gives a part, and deletes those that are not named', async () => {
    await make('/orders', {
      id: 1,
      items: [
        { line: 1, product: 'a' },
        { line: 2, product: 'b' },
      ],
    })
    await make('/orders', { id: 2, items: [{ line: 1, product: 'z' }] })
    const answer = await ask('PATCH', '/orders(1)', {
      items: [
        { line: 2, product: 'B' },
        { line: 3, product: 'c' },
      ],
    })
    expect(answer.status, answer.text).toBe(204)
    expect(await ids('/orders(1)/items', 'product')).toEqual(['B', 'c'])
    expect(await ids('/orders(2)/items', 'product')).toEqual(['z'])
    const stolen = await ask('PATCH', '/orders(1)', {
      'items@delta': [{ '@id': 'items(orderId=2,line=1)', product: 'mine' }],
    })
    expect(stolen.status).toBe(400)
  })

  it('changes what is alone in its place, or puts another one there', async () => {
    await make('/users', { id: 'l1', settings: { theme: 'dark', size: 1, shortcuts: [{ no: 1 }] } })
    expect((await ask('PATCH', "/users('l1')", { settings: { size: 2 } })).status).toBe(204)
    expect((await get("/users('l1')/settings")).json).toMatchObject({ theme: 'dark', size: 2 })
    expect(await ids("/users('l1')/settings/shortcuts", 'no')).toEqual([1])
    expect((await ask('PATCH', "/users('l1')", { settings: { id: 'other', size: 3 } })).status).toBe(204)
    expect((await get("/users('l1')/settings")).json).toMatchObject({ id: 'other', theme: 'light', size: 3 })
    expect(await ids("/users('l1')/settings/shortcuts", 'no')).toEqual([])
    expect((await ask('PATCH', "/users('l1')", { settings: null })).status).toBe(204)
    expect((await get("/users('l1')/settings")).status).toBe(204)
  })

  it('creates with what a singleton is first given, references included', async () => {
    await make('/groups', { id: 'g1' })
    const answer = await ask('PATCH', '/me', {
      name: 'I',
      'mainGroup@odata.bind': "groups('g1')",
      folders: [{ id: 'f1' }],
    })
    expect(answer.status, answer.text).toBe(201)
    expect((await get('/me/mainGroup')).json?.id).toBe('g1')
    expect(await ids('/me/folders')).toEqual(['f1'])
  })

  it('takes a bind without the prefix, too, rather than ignore it', async () => {
    await make('/groups', { id: 'g2' })
    expect((await ask('PATCH', '/me', { 'mainGroup@bind': "groups('g2')" })).status).toBe(204)
    expect((await get('/me/mainGroup')).json?.id).toBe('g2')
  })
})
