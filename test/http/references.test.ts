import { describe, expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryService } from '../support/running-service.ts'

const settings = { log: { error: (f: { err?: unknown }) => console.error(f.err), warn: () => {} } }

onEveryService('$ref', 'test/models/links.xml', settings, (running) => {
  const { ask, get, make, ids } = jsonClient(running)
  const root = () => running().root
  const ref = (path: string) => ({ '@odata.id': `${root()}${path}` })

  it('links many to many, and both directions read alike', async () => {
    await make('/teachers', { id: 'm2m' })
    const made = await Promise.all(['a', 'b'].map((title) => make('/courses', { title, teacherId: 'm2m' })))
    const [a, b] = made.map(({ json }) => json?.id)
    await make('/students', { id: 1 })
    await make('/students', { id: 2 })
    expect((await ask('POST', '/students(1)/courses/$ref', ref(`/courses(${a})`))).status).toBe(204)
    expect((await ask('POST', '/students(1)/courses/$ref', { '@odata.id': `courses(${b})` })).status).toBe(204)
    expect((await ask('POST', `/courses(${a})/students/$ref`, { '@id': '../beta/students(2)' })).status).toBe(400)
    expect((await ask('POST', `/courses(${a})/students/$ref`, { '@id': '/beta/students(2)' })).status).toBe(204)
    // once more changes nothing
    expect((await ask('POST', `/courses(${a})/students/$ref`, ref('/students(1)'))).status).toBe(204)
    expect(await ids('/students(1)/courses?$orderby=title', 'title')).toEqual(['a', 'b'])
    expect(await ids(`/courses(${a})/students`)).toEqual([1, 2])
    expect(await ids(`/courses(${b})/students`)).toEqual([1])
    expect(await ids("/students?$filter=courses/any(c:c/title eq 'b')")).toEqual([1])
    expect((await get(`/courses(${a})/students(2)`)).status).toBe(200)

    const gone = await ask('DELETE', `/students(1)/courses/$ref?$id=${encodeURIComponent(`${root()}/courses(${a})`)}`)
    expect(gone.status, gone.text).toBe(204)
    expect(await ids(`/courses(${a})/students`)).toEqual([2])
    expect((await ask('DELETE', `/students(1)/courses/$ref?$id=courses(${a})`)).status).toBe(404)
    expect((await ask('DELETE', `/courses(${b})/students(1)/$ref`)).status).toBe(204)
    expect(await ids('/students(1)/courses', 'title')).toEqual([])
    expect((await ask('DELETE', `/courses(${b})/students(1)/$ref`)).status).toBe(404)

    expect(
      (await ask('PUT', `/courses(${b})/students/$ref`, { value: [ref('/students(1)'), ref('/students(2)')] })).status,
    ).toBe(204)
    expect(await ids('/students(2)/courses?$orderby=title', 'title')).toEqual(['a', 'b'])
    expect((await ask('PUT', `/courses(${b})/students/$ref`, { value: [ref('/students(2)')] })).status).toBe(204)
    expect(await ids('/students(1)/courses', 'title')).toEqual([])
    expect((await ask('DELETE', '/students(2)/courses/$ref')).status).toBe(204)
    expect(await ids(`/courses(${a})/students`)).toEqual([])
  })

  it('sets a single-valued property, whose partner is a collection, and takes it away', async () => {
    await make('/students', { id: 11 })
    await make('/teachers', { id: 's1' })
    await make('/teachers', { id: 's2' })
    expect((await ask('PUT', '/students(11)/mentor/$ref', ref("/teachers('s1')"))).status).toBe(204)
    expect(await ids("/teachers('s1')/mentees")).toEqual([11])
    expect((await ask('POST', "/teachers('s2')/mentees/$ref", ref('/students(11)'))).status).toBe(204)
    expect(await ids("/teachers('s1')/mentees")).toEqual([])
    expect((await get('/students(11)/mentor')).json?.id).toBe('s2')
    expect((await get('/students(11)/mentor/$ref')).json?.['@odata.id']).toBe(`${root()}/teachers('s2')`)
    expect((await ask('DELETE', '/students(11)/mentor/$ref')).status).toBe(204)
    expect((await get('/students(11)/mentor')).status).toBe(204)
    expect(await ids("/teachers('s2')/mentees")).toEqual([])
    expect((await ask('DELETE', '/students(11)/mentor/$ref')).status).toBe(204)
  })

  it('keeps one to one', async () => {
    await make('/buildings', { id: 1 })
    for (const id of [21, 22]) await make('/students', { id })
    for (const code of ['A', 'B']) await make('/lockers', { code, 'building@odata.bind': 'buildings(1)' })
    expect((await ask('PUT', '/students(21)/locker/$ref', ref("/lockers('A')"))).status).toBe(204)
    expect((await ask('PUT', "/lockers('A')/student/$ref", ref('/students(22)'))).status).toBe(204)
    expect((await get('/students(21)/locker')).status).toBe(204)
    expect((await get('/students(22)/locker')).json?.code).toBe('A')
    expect((await ask('PUT', '/students(22)/locker/$ref', ref("/lockers('B')"))).status).toBe(204)
    expect((await get("/lockers('A')/student")).status).toBe(204)
    expect((await get("/lockers('B')/student")).json?.id).toBe(22)
    // by a foreign key
    for (const id of ['d1', 'd2']) await make('/teachers', { id })
    for (const number of [1, 2]) await make('/desks', { number })
    expect((await ask('PUT', '/desks(1)/owner/$ref', ref("/teachers('d1')"))).status).toBe(204)
    expect((await get('/desks(1)')).json?.ownerId).toBe('d1')
    expect((await ask('PUT', "/teachers('d1')/desk/$ref", ref('/desks(2)'))).status).toBe(204)
    expect((await get('/desks(1)')).json?.ownerId).toBe(null)
    expect((await ask('PUT', '/desks(1)/owner/$ref', ref("/teachers('d1')"))).status).toBe(204)
    expect((await get('/desks(2)')).json?.ownerId).toBe(null)
    expect((await ask('DELETE', "/teachers('d1')/desk/$ref")).status).toBe(204)
    expect((await get('/desks(1)/owner')).status).toBe(204)
  })

  it('sets foreign keys from either side, and refuses to take away what must be related', async () => {
    await make('/departments', { id: 1 })
    await make('/departments', { id: 2 })
    await make('/teachers', { id: 'f1' })
    const course = (await make('/courses', { title: 'f', teacherId: 'f1' })).json?.id
    expect((await ask('POST', '/departments(1)/teachers/$ref', ref("/teachers('f1')"))).status).toBe(204)
    expect((await get("/teachers('f1')")).json?.departmentId).toBe(1)
    expect((await ask('PUT', "/teachers('f1')/department/$ref", ref('/departments(2)'))).status).toBe(204)
    expect(await ids('/departments(1)/teachers')).toEqual([])
    expect((await ask('DELETE', "/departments(2)/teachers('f1')/$ref")).status).toBe(204)
    expect((await get("/teachers('f1')")).json?.departmentId).toBe(null)
    for (const [method, path] of [
      ['DELETE', `/courses(${course})/teacher/$ref`],
      ['DELETE', `/teachers('f1')/courses(${course})/$ref`],
      ['DELETE', "/teachers('f1')/courses/$ref"],
    ] as const) {
      const refused = await ask(method, path)
      expect(refused.status, path).toBe(400)
      expect(refused.error?.code).toBe('propertyNull')
    }
    expect((await get(`/courses(${course})/teacher`)).json?.id).toBe('f1')
  })

  it('refuses references that lead elsewhere, and says which', async () => {
    await make('/students', { id: 31 })
    await make('/teachers', { id: 'e1' })
    for (const [url, status] of [
      ['http://elsewhere.example/students(1)', 400],
      ["teachers('e1')", 400],
      ['courses(00000000-0000-0000-0000-000000000000)', 400],
      ['courses', 400],
      ['students(31)/name', 400],
      ['nothing(1)', 400],
      ['$metadata', 400],
      ['', 400],
    ] as const) {
      const refused = await ask('POST', '/students(31)/courses/$ref', { '@odata.id': url })
      expect(refused.status, url).toBe(status)
      expect(refused.text).toContain(url.slice(0, 20))
    }
    for (const body of [{}, { '@odata.id': 1 }, [], { '@odata.id': null }])
      expect((await ask('POST', '/students(31)/courses/$ref', body)).status).toBe(400)
    expect((await ask('POST', '/students(99)/courses/$ref', ref('/students(31)'))).status).toBe(404)
    expect((await ask('PUT', '/students(31)/mentor/$ref?$id=x', ref("/teachers('e1')"))).status).toBe(400)
    expect((await ask('DELETE', '/students(31)/mentor/$ref?$id=x')).status).toBe(400)
    const posted = await ask('POST', '/students(31)/mentor/$ref', ref("/teachers('e1')"))
    expect(posted.status).toBe(405)
    expect(posted.headers.get('Allow')).toBe('GET, HEAD, PUT, DELETE')
    expect((await ask('POST', '/departments(1)/notes/$ref', ref('/departments(1)/notes(1)'))).status).toBe(405)
    expect((await ask('DELETE', '/students(31)/$ref')).status).toBe(405)
  })

  it('minds If-Match', async () => {
    await make('/students', { id: 41 })
    await make('/students', { id: 42 })
    const etag = String((await get('/students(41)')).headers.get('ETag'))
    await ask('PATCH', '/students(41)', { name: 'x' })
    const answer = await ask('POST', '/students(41)/friends/$ref', ref('/students(42)'), { 'If-Match': etag })
    expect(answer.status).toBe(412)
    expect(await ids('/students(41)/friends')).toEqual([])
    expect(await ids('/students(42)/friends')).toEqual([])
  })

  it('keeps links when an entity is replaced', async () => {
    await make('/students', { id: 51 })
    await make('/students', { id: 52 })
    await ask('POST', '/students(51)/friends/$ref', ref('/students(52)'))
    expect((await ask('PUT', '/students(51)', { name: 'new' })).status).toBe(204)
    expect(await ids('/students(51)/friends')).toEqual([52])
  })

  it('does to related entities what OnDelete says, all or nothing', async () => {
    await make('/departments', { id: 9 })
    await make('/teachers', { id: 'od', departmentId: 9 })
    await make('/rooms', { id: 9 })
    for (const id of [1, 9]) await make('/levels', { id })
    const made = await make('/courses', { title: 'od', teacherId: 'od', roomId: 9, levelId: 9 })
    const course = `/courses(${made.json?.id})`
    expect((await ask('DELETE', '/rooms(9)')).status).toBe(204)
    expect((await ask('DELETE', '/levels(9)')).status).toBe(204)
    expect((await get(course)).json).toMatchObject({ roomId: null, levelId: 1 })
    // None: the teacher is needed, so the department that would take him along stays, too
    expect((await ask('DELETE', "/teachers('od')")).status).toBe(409)
    expect((await ask('DELETE', '/departments(9)')).status).toBe(409)
    expect((await get('/departments(9)')).status).toBe(200)
    expect((await ask('DELETE', course)).status).toBe(204)
    await make('/departments(9)/notes', { no: 1 })
    expect((await ask('DELETE', '/departments(9)')).status).toBe(204)
    expect((await get("/teachers('od')")).status).toBe(404)
  })

  it('takes a deleted entity out of the lists of those that it was linked to', async () => {
    for (const id of [81, 82]) await make('/students', { id })
    await make('/teachers', { id: 'del' })
    await ask('PUT', '/students(81)/mentor/$ref', ref("/teachers('del')"))
    await ask('POST', '/students(82)/friends/$ref', ref('/students(81)'))
    expect((await ask('DELETE', '/students(81)')).status).toBe(204)
    expect(await ids("/teachers('del')/mentees")).toEqual([])
    // without a property that leads back the key stays, and leads nowhere
    expect(await ids('/students(82)/friends')).toEqual([])
    await make('/students', { id: 81 })
    expect(await ids("/teachers('del')/mentees")).toEqual([])
    expect((await ask('DELETE', "/teachers('del')", undefined, { 'If-Match': 'W/"99"' })).status).toBe(412)
  })

  it('loses none of many links that are made at once', async () => {
    await make('/teachers', { id: 'busy' })
    const many = Array.from({ length: 12 }, (_, i) => 600 + i)
    for (const id of many) await make('/students', { id })
    const answers = await Promise.all(
      many.map((id) => ask('POST', "/teachers('busy')/mentees/$ref", ref(`/students(${id})`))),
    )
    expect(answers.map(({ status }) => status)).toEqual(many.map(() => 204))
    expect(await ids("/teachers('busy')/mentees")).toEqual(many)
  })

  it('refers to what an earlier request of a batch made', async () => {
    const answer = await ask('POST', '/$batch', {
      requests: [
        {
          id: '1',
          atomicityGroup: 'g',
          method: 'POST',
          url: 'students',
          headers: { 'content-type': 'application/json' },
          body: { id: 71 },
        },
        {
          id: '2',
          atomicityGroup: 'g',
          method: 'POST',
          url: 'students',
          headers: { 'content-type': 'application/json' },
          body: { id: 72 },
        },
        {
          id: '3',
          atomicityGroup: 'g',
          method: 'POST',
          url: '$1/friends/$ref',
          headers: { 'content-type': 'application/json' },
          body: { '@id': '$2' },
        },
      ],
    })
    const responses = (answer.json as unknown as { responses: { status: number }[] }).responses
    expect(
      responses.map(({ status }) => status),
      answer.text,
    ).toEqual([201, 201, 204])
    expect(await ids('/students(71)/friends')).toEqual([72])
  })
})

describe('singletons', () => {
  onEveryService('$ref of a singleton', 'test/models/relations.xml', settings, (running) => {
    const { ask, get, make, ids } = jsonClient(running)

    it('stores a singleton that nobody has written yet, once it is related', async () => {
      await make('/groups', { id: 'g' })
      await make('/users', { id: 'boss' })
      expect((await ask('POST', '/me/groups/$ref', { '@odata.id': "groups('g')" })).status).toBe(204)
      expect(await ids('/me/groups')).toEqual(['g'])
      expect((await ask('PUT', '/me/manager/$ref', { '@odata.id': "users('boss')" })).status).toBe(204)
      expect((await get('/me')).json).toMatchObject({ id: 'me', level: 1, managerId: 'boss' })
    })

    it('never changes what is part of a key', async () => {
      await make('/orders', { id: 1 })
      await make('/items', { orderId: 1, line: 1 })
      expect((await ask('PUT', '/items(orderId=1,line=1)/order/$ref', { '@odata.id': 'orders(1)' })).status).toBe(405)
      expect((await ask('POST', '/orders(1)/items/$ref', { '@odata.id': 'items(orderId=1,line=1)' })).status).toBe(405)
    })
  })
})
