import { describe, expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryService } from '../support/running-service.ts'

const settings = { log: { error: (f: { err?: unknown }) => console.error(f.err), warn: () => {} } }

/** Links without a foreign key to entities with a key of several parts, and from inside complex values (docs/decisions/0016-links.md). */
onEveryService('links', 'test/models/links.xml', settings, (running) => {
  const { ask, get, make, ids } = jsonClient(running)
  const ref = (path: string) => ({ '@odata.id': `${running().root}${path}` })
  const section = (no: number, term = "it's") => `/sections(term='${term.replace("'", "''")}',no=${no})`
  const made = async (...numbers: number[]) => {
    for (const no of numbers) await make('/sections', { term: "it's", no, title: `t${no}` })
  }

  describe('to composite keys', () => {
    it('relate by $ref, both directions alike', async () => {
      await made(1, 2, 3)
      for (const id of [1, 2]) await make('/students', { id })
      expect((await ask('POST', '/students(1)/sections/$ref', ref(section(1)))).status).toBe(204)
      expect((await ask('POST', '/students(1)/sections/$ref', ref(section(2)))).status).toBe(204)
      expect((await ask('POST', '/students(1)/sections/$ref', ref(section(2)))).status).toBe(204)
      expect((await ask('POST', `${section(1)}/students/$ref`, ref('/students(2)'))).status).toBe(204)
      expect(await ids('/students(1)/sections', 'no')).toEqual([1, 2])
      expect(await ids('/students(1)/sections?$filter=no gt 1&$orderby=title desc', 'no')).toEqual([2])
      expect((await get('/students(1)/sections/$count')).text).toBe('2')
      expect(await ids('/students(2)/sections', 'no')).toEqual([1])
      expect(await ids(`${section(1)}/students`)).toEqual([1, 2])
      expect((await get(`/students(1)/sections(term='it''s',no=2)`)).json?.title).toBe('t2')
      expect((await get(`/students(1)/sections(term='it''s',no=3)`)).status).toBe(404)
      const refs = await get('/students(1)/sections/$ref')
      expect(refs.json?.value.map((each) => each['@odata.id'])).toEqual(
        [1, 2].map((no) => running().root + section(no)),
      )

      const expanded = await get('/students?$filter=id le 2&$expand=sections($select=no;$orderby=no desc)&$select=id')
      expect(expanded.json?.value.map(({ sections }) => (sections as { no: number }[]).map(({ no }) => no))).toEqual([
        [2, 1],
        [1],
      ])
      expect(await ids("/students?$filter=sections/any(s:s/title eq 't2')")).toEqual([1])
      expect(await ids('/students?$filter=id le 2&$orderby=sections/$count')).toEqual([2, 1])

      expect((await ask('DELETE', `/students(1)/sections(term='it''s',no=2)/$ref`)).status).toBe(204)
      expect((await ask('DELETE', `/students(1)/sections(term='it''s',no=2)/$ref`)).status).toBe(404)
      const id = encodeURIComponent(running().root + section(1))
      expect((await ask('DELETE', `/students(1)/sections/$ref?$id=${id}`)).status).toBe(204)
      expect(await ids(`${section(1)}/students`)).toEqual([2])
      const set = { value: [ref(section(2)), ref(section(3))] }
      expect((await ask('PUT', '/students(2)/sections/$ref', set)).status).toBe(204)
      expect(await ids(`${section(1)}/students`)).toEqual([])
      expect(await ids('/students(2)/sections', 'no')).toEqual([2, 3])
      // what is deleted leaves the lists
      expect((await ask('DELETE', section(3))).status).toBe(204)
      await made(3)
      expect(await ids('/students(2)/sections', 'no')).toEqual([2])
    })

    it('lead to one entity, one to many and one to one', async () => {
      await made(11, 12, 13)
      await make('/students', { id: 11, 'mainSection@odata.bind': section(11).slice(1) })
      expect(await ids(`${section(11)}/mains`)).toEqual([11])
      expect((await get('/students(11)/mainSection')).json?.no).toBe(11)
      expect((await ask('PUT', '/students(11)/mainSection/$ref', ref(section(12)))).status).toBe(204)
      expect(await ids(`${section(11)}/mains`)).toEqual([])
      expect((await get('/students(11)?$expand=mainSection')).json?.mainSection).toMatchObject({ no: 12 })
      expect(await ids("/students?$filter=mainSection/title eq 't12'&$orderby=mainSection/title")).toEqual([11])
      expect((await ask('PUT', `${section(11)}/next/$ref`, ref(section(12)))).status).toBe(204)
      expect((await get(`${section(12)}/previous`)).json?.no).toBe(11)
      expect((await ask('PUT', `${section(12)}/previous/$ref`, ref(section(13)))).status).toBe(204)
      expect((await get(`${section(11)}/next`)).status).toBe(204)
      expect((await ask('DELETE', '/students(11)/mainSection/$ref')).status).toBe(204)
      expect((await get('/students(11)/mainSection')).status).toBe(204)
    })

    it('are made by deep inserts and updates, and go by OnDelete', async () => {
      await made(21)
      const answer = await make(
        '/students?$expand=sections($orderby=no)',
        { id: 21, sections: [{ term: "it's", no: 22 }, ref(section(21))] },
        { 'OData-Version': '4.01' },
      )
      expect(answer.json?.sections).toMatchObject([{ no: 21 }, { no: 22 }])
      const patched = await ask(
        'PATCH',
        '/students(21)',
        {
          'sections@odata.delta': [
            { term: "it's", no: 22, title: 'changed' },
            { '@odata.removed': { reason: 'changed' }, '@odata.id': section(21).slice(1) },
          ],
        },
        { 'OData-Version': '4.01' },
      )
      expect(patched.status, patched.text).toBe(204)
      expect(await ids('/students(21)/sections', 'title')).toEqual(['changed'])
      expect((await ask('POST', `/students(21)/sections`, { term: 'b', no: 1 })).status).toBe(201)
      expect(await ids(`${section(1, 'b')}/students`)).toEqual([21])
      expect((await ask('POST', `${section(21)}/parts/$ref`, ref(section(22)))).status).toBe(204)
      expect((await ask('DELETE', section(21))).status).toBe(204)
      expect((await get(section(22))).status).toBe(404)
    })
  })

  describe('inside complex values', () => {
    it('relate by $ref, and stay when the value is replaced', async () => {
      await made(31, 32)
      await make('/buildings', { id: 31 })
      for (const id of [31, 32]) await make('/students', { id, home: { city: 'x', second: {} } })
      expect((await ask('PUT', '/students(31)/home/building/$ref', ref('/buildings(31)'))).status).toBe(204)
      expect((await ask('PUT', '/students(31)/home/second/building/$ref', ref('/buildings(31)'))).status).toBe(204)
      for (const no of [31, 32])
        expect((await ask('POST', '/students(31)/home/clubs/$ref', ref(section(no)))).status).toBe(204)
      expect((await ask('POST', `${section(32)}/members/$ref`, ref('/students(32)'))).status).toBe(204)
      expect((await get('/students(31)/home/building')).json?.id).toBe(31)
      expect((await get('/students(31)/home/second/building')).json?.id).toBe(31)
      expect((await get('/students(32)/home/building')).status).toBe(204)
      expect(await ids('/students(31)/home/clubs', 'no')).toEqual([31, 32])
      expect(await ids(`${section(32)}/members`)).toEqual([31, 32])
      expect(await ids('/students?$filter=home/building/id eq 31')).toEqual([31])
      expect(await ids("/students?$filter=home/clubs/any(c:c/title eq 't32')")).toEqual([31, 32])
      const expanded = await get('/students(31)?$expand=home/building,home/clubs($select=no)')
      expect(expanded.json?.home).toMatchObject({ city: 'x', building: { id: 31 }, clubs: [{ no: 31 }, { no: 32 }] })

      expect((await ask('PUT', '/students(31)/home', { city: 'y' })).status).toBe(204)
      expect((await ask('PUT', '/students(31)', { home: { city: 'z' } })).status).toBe(204)
      expect((await ask('PATCH', '/students(31)/home', { city: 'zz' })).status).toBe(204)
      expect(await ids('/students(31)/home/clubs', 'no')).toEqual([31, 32])
      expect((await ask('DELETE', "/students(31)/home/clubs(term='it''s',no=31)/$ref")).status).toBe(204)
      expect(await ids(`${section(31)}/members`)).toEqual([])
      expect((await ask('DELETE', '/students(31)/home/building/$ref')).status).toBe(204)
      expect((await get('/students(31)/home/building')).status).toBe(204)
      // deleted from either side
      expect((await ask('DELETE', '/students(32)')).status).toBe(204)
      expect(await ids(`${section(32)}/members`)).toEqual([31])
      expect((await ask('DELETE', section(32))).status).toBe(204)
      await made(32)
      expect(await ids('/students(31)/home/clubs', 'no')).toEqual([])
    })

    it('are bound and nested in bodies', async () => {
      await made(41)
      await make('/buildings', { id: 41 })
      const home = {
        city: 'x',
        'building@odata.bind': 'buildings(41)',
        clubs: [{ term: "it's", no: 42, title: 'new' }],
      }
      await make('/students', { id: 41, home })
      expect((await get('/students(41)/home/building')).json?.id).toBe(41)
      expect(await ids('/students(41)/home/clubs', 'title')).toEqual(['new'])
      const patched = await ask('PATCH', '/students(41)', {
        home: { 'building@odata.bind': null, 'clubs@odata.bind': [section(41).slice(1)] },
      })
      expect(patched.status, patched.text).toBe(204)
      expect((await get('/students(41)/home/building')).status).toBe(204)
      expect(await ids('/students(41)/home/clubs', 'no')).toEqual([41, 42])
      expect((await get('/students(41)')).json?.home).toEqual({ city: 'x', landlordId: null, second: null })
      const posted = await ask('POST', '/students(41)/home/clubs', { term: "it's", no: 43 })
      expect(posted.status, posted.text).toBe(201)
      expect(await ids(`${section(43)}/members`)).toEqual([41])
    })

    it('need the value, and lead nowhere without it', async () => {
      await made(51)
      await make('/buildings', { id: 51 })
      await make('/students', { id: 51 })
      const refused = await ask('PUT', '/students(51)/home/building/$ref', ref('/buildings(51)'))
      expect(refused.status).toBe(400)
      expect(refused.error?.message).toContain('home')
      expect((await ask('POST', `${section(51)}/members/$ref`, ref('/students(51)'))).status).toBe(400)
      expect(await ids(`${section(51)}/members`)).toEqual([])
      expect((await get('/students(51)')).json?.home).toBe(null)
      await ask('PATCH', '/students(51)', { home: { city: 'x' } })
      expect((await ask('PUT', '/students(51)/home/building/$ref', ref('/buildings(51)'))).status).toBe(204)
      await ask('PATCH', '/students(51)', { home: null })
      expect((await get('/students(51)/home/building')).status).toBe(204)
    })

    it('go with the value, out of the lists of partners too', async () => {
      const home = {
        city: 'x',
        'building@odata.bind': 'buildings(71)',
        'clubs@odata.bind': [section(71).slice(1), section(72).slice(1)],
        notes: [{ no: 1, replies: [{ no: 2 }] }],
        second: { city: 'y', 'clubs@odata.bind': [section(72).slice(1)], notes: [{ no: 3 }] },
      }
      await made(71, 72)
      await make('/buildings', { id: 71 })
      let id = 70
      for (const [method, path, body] of [
        ['PATCH', '', { home: null }],
        ['PUT', '', { name: 'n' }],
        ['PUT', '', { home: null }],
        ['DELETE', '/home', undefined],
        ['PUT', '/home', null],
        ['PATCH', '/$each', { home: null }],
      ] as const) {
        id++
        const label = `${method} ${path}`
        await make('/students', { id, home })
        expect(await ids(`${section(71)}/members`), label).toEqual([id])
        const url = path === '/$each' ? `/students/$filter(id eq ${id})/$each` : `/students(${id})${path}`
        const answer = await ask(method, url, body)
        expect(answer.status, `${label}: ${answer.text}`).toBeLessThan(300)
        // ETags are those of the row as it is
        const tag = answer.headers?.get('ETag')
        if (tag) expect((await get(`/students(${id})`)).headers.get('ETag'), label).toBe(tag)
        expect(await ids(`${section(71)}/members`), label).toEqual([])
        expect((await ask('POST', `/students(${id})/home/notes`, { no: 5 })).status, label).toBe(404)
        expect((await ask('PUT', `/students(${id})/home/notes(5)`, { text: 'x' })).status, label).toBe(404)
        expect((await get(`/students(${id})/home/notes`)).status, label).toBe(404)
        expect((await ask('PATCH', `/students(${id})`, { home: { city: 'z' } })).status).toBe(204)
        expect((await get(`/students(${id})/home/building`)).status, label).toBe(204)
        expect(await ids(`/students(${id})/home/clubs`, 'no'), label).toEqual([])
        // what it contained goes, too, at all depths
        expect(await ids(`/students(${id})/home/notes`, 'no'), label).toEqual([])
        await make(`/students(${id})/home/notes`, { no: 1 })
        expect(await ids(`/students(${id})/home/notes(1)/replies`, 'no'), label).toEqual([])
        expect((await ask('DELETE', `/students(${id})`)).status).toBe(204)
      }
      // only what is in the value that goes
      id++
      await make('/students', { id, home })
      expect((await ask('PATCH', `/students(${id})/home`, { second: null })).status).toBe(204)
      expect(await ids(`/students(${id})/home/clubs`, 'no')).toEqual([71, 72])
      await ask('PATCH', `/students(${id})/home`, { second: { city: 'w' } })
      expect(await ids(`/students(${id})/home/second/clubs`, 'no')).toEqual([])
      expect(await ids(`/students(${id})/home/second/notes`, 'no')).toEqual([])
      expect(await ids(`/students(${id})/home/notes`, 'no')).toEqual([1])
      // deep updates of nested entities, and what fails takes nothing away
      await make('/buildings', { id: 72 })
      await make('/desks', { number: 72 })
      const flat = { 'building@odata.bind': 'buildings(72)', 'desk@odata.bind': 'desks(72)' }
      const loft = { '@odata.type': '#uni.Loft', ...flat, 'clubs@odata.bind': [section(71).slice(1)] }
      await make('/lodgers', { id: 1, guests: [{ id: 1, flat: loft }] })
      const guest = '/lodgers(1)/guests(1)'
      const building = `${guest}/flat/building`
      const v401 = { 'OData-Version': '4.01' }
      expect((await get(building)).json?.id).toBe(72)
      const twice = { guests: [{ id: 1, flat: null }, { id: 2 }, { id: 2 }] }
      expect((await ask('PATCH', '/lodgers(1)', twice, v401)).status).toBe(409)
      expect((await get(building)).json?.id).toBe(72)
      expect(await ids(`${guest}/flat/uni.Loft/clubs`, 'no')).toEqual([71])
      // of another type: what both have stays
      const plain = { '@odata.type': '#uni.Flat', floor: 3 }
      expect((await ask('PATCH', `${guest}/flat`, plain)).status).toBe(204)
      expect((await ask('PATCH', `${guest}/flat`, { '@odata.type': '#uni.Loft' })).status).toBe(204)
      expect(await ids(`${guest}/flat/uni.Loft/clubs`, 'no')).toEqual([])
      expect((await get(building)).json?.id).toBe(72)
      expect((await ask('PATCH', '/lodgers(1)', { guests: [{ id: 1, flat: null }] }, v401)).status).toBe(204)
      await ask('PATCH', guest, { flat: { floor: 1 } })
      expect((await get(building)).status).toBe(204)
      // in a change set that is taken back
      id++
      await make('/students', { id, home })
      const part = (key: string, method: string, url: string, body: unknown) => ({
        id: key,
        atomicityGroup: 'g',
        method,
        url,
        headers: { 'Content-Type': 'application/json' },
        body,
      })
      await ask('POST', '/$batch', {
        requests: [part('1', 'patch', `students(${id})`, { home: null }), part('2', 'post', 'buildings', { id: 71 })],
      })
      expect(await ids(`/students(${id})/home/clubs`, 'no')).toEqual([71, 72])
      expect(await ids(`/students(${id})/home/notes`, 'no')).toEqual([1])
      expect(await ids(`${section(72)}/members`)).toContain(id)
    })

    it('must be there for new entities, where the model says so', async () => {
      await make('/buildings', { id: 81 })
      await make('/desks', { number: 81 })
      const building = { 'building@odata.bind': 'buildings(81)' }
      const flat = { ...building, 'desk@odata.bind': 'desks(81)' }
      for (const [id, value, target] of [
        [81, null, undefined],
        [82, { floor: 1 }, 'flat/building'],
        [83, building, 'flat/desk'],
        [84, flat, undefined],
        [85, { ...building, deskNumber: 81 }, undefined],
        [86, { ...flat, cellar: { floor: -1, deskNumber: 81 } }, 'flat/cellar/building'],
        [87, { ...flat, cellar: flat }, undefined],
      ] as const) {
        const posted = await ask('POST', '/lodgers', { id, flat: value })
        expect([posted.status, posted.error?.target], JSON.stringify(value)).toEqual([target ? 400 : 201, target])
        expect((await get(`/lodgers(${id})`)).status).toBe(target ? 404 : 200)
      }
      const deep = await ask('POST', '/lodgers(81)/guests', { id: 1, flat: { floor: 1, deskNumber: 81 } })
      expect([deep.status, deep.error?.target]).toEqual([400, 'flat/building'])
      const nested = await ask('POST', '/lodgers', { id: 88, guests: [{ id: 1, flat: { deskNumber: 81 } }] })
      expect([nested.status, nested.error?.target]).toEqual([400, 'guests/0/flat/building'])
      const upsert = await ask('PUT', '/lodgers(89)', { flat: { deskNumber: 81 } })
      expect(upsert.status).toBe(400)
    })

    it('follow foreign keys in both directions', async () => {
      for (const id of ['l1', 'l2']) await make('/teachers', { id })
      await make('/students', { id: 61, home: { city: 'x' } })
      expect((await ask('PUT', '/students(61)/home/landlord/$ref', ref("/teachers('l1')"))).status).toBe(204)
      expect((await get('/students(61)')).json?.home).toMatchObject({ city: 'x', landlordId: 'l1' })
      expect(await ids("/teachers('l1')/tenants")).toEqual([61])
      expect((await ask('POST', "/teachers('l2')/tenants/$ref", ref('/students(61)'))).status).toBe(204)
      expect((await get('/students(61)')).json?.home).toMatchObject({ city: 'x', landlordId: 'l2' })
      expect((await get("/teachers?$filter=startswith(id,'l')&$expand=tenants")).json?.value).toMatchObject([
        { tenants: [] },
        { tenants: [{ id: 61 }] },
      ])
      expect((await ask('DELETE', "/teachers('l2')/tenants(61)/$ref")).status).toBe(204)
      expect((await get('/students(61)/home/landlord')).status).toBe(204)
    })
  })
})
