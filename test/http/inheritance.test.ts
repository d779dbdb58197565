import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown>

onEveryService('inheritance', 'test/models/inheritance.xml', {}, (running) => {
  const json = async (path: string, headers: Record<string, string> = {}): Promise<Json> => {
    const answer = await running().get(path, headers)
    const text = await answer.text()
    expect(answer.status, `${path}: ${text}`).toBe(200)
    return JSON.parse(text) as Json
  }
  const rows = async (path: string): Promise<Json[]> => (await json(path)).value as Json[]
  const ids = async (path: string): Promise<string> => (await rows(path)).map(({ Id }) => Id).join(' ')
  const filtered = (filter: string): Promise<string> => ids(`/People?$filter=${encodeURIComponent(filter)}`)
  const create = async (path: string, body: Json): Promise<Json> => {
    const answer = await running().send('POST', path, body)
    const text = await answer.text()
    expect(answer.status, text).toBe(201)
    return JSON.parse(text) as Json
  }

  beforeAll(async () => {
    await create('/People', { Id: 'anna', Name: 'Anna', Contacts: [] })
    await create('/People', {
      '@odata.type': '#inheritance.Manager',
      Id: 'mona',
      Name: 'Mona',
      Salary: 90.5,
      Since: '2010-05-01',
      Budget: '9007199254740993',
      Preferred: { '@odata.type': '#inheritance.Mail', Label: 'work', Address: 'mona@example.org' },
      Contacts: [
        { '@odata.type': '#inheritance.Mail', Address: 'mona@example.org' },
        { '@odata.type': '#inheritance.Mobile', Label: 'own', Number: '123', Carrier: 'Telco' },
      ],
    })
    await create('/People', {
      '@type': '#inheritance.Employee',
      Id: 'emil',
      Name: 'Emil',
      Salary: 50,
      Since: '2020-01-01',
      BossId: 'mona',
      Preferred: { '@type': '#inheritance.Phone', Number: '456' },
      Contacts: [{ '@type': 'inheritance.Phone', Number: '456' }],
    })
    await create('/People', {
      '@odata.type': 'Ns.Customer',
      Id: 'carl',
      Name: 'Carl',
      Since: '2021-02-03T04:05:06.7Z',
      Contacts: [],
      Notes: { vip: true },
    })
  })

  describe('types in bodies and answers', () => {
    it('writes the type of what is derived, and only that', async () => {
      const people = await rows('/People?$orderby=Id')
      expect(people.map((person) => person['@odata.type'])).toEqual([
        undefined,
        '#inheritance.Customer',
        '#inheritance.Employee',
        '#inheritance.Manager',
      ])
      const mona = people[3] as Json
      expect(String(mona.Budget)).toMatch(/^900719925474099[23]$/)
      expect(mona.Preferred).toEqual({
        '@odata.type': '#inheritance.Mail',
        Label: 'work',
        Address: 'mona@example.org',
      })
      expect(mona.Contacts).toEqual([
        { '@odata.type': '#inheritance.Mail', Label: null, Address: 'mona@example.org' },
        { '@odata.type': '#inheritance.Mobile', Label: 'own', Number: '123', Carrier: 'Telco' },
      ])
    })

    it('speaks 4.01 too, and without metadata says nothing', async () => {
      const one = await json("/People('emil')", { 'OData-MaxVersion': '4.01' })
      expect(one['@type']).toBe('#inheritance.Employee')
      const plain = await json("/People('emil')", { Accept: 'application/json;odata.metadata=none' })
      expect(Object.keys(plain).filter((name) => name.includes('@'))).toEqual([])
    })

    it('leaves out the type that a path says already', async () => {
      const emil = await json("/People('emil')/Ns.Employee")
      expect(emil['@odata.context']).toMatch(/\$metadata#People\/inheritance\.Employee\/\$entity$/)
      expect(emil['@odata.type']).toBeUndefined()
      const mona = await json("/People('mona')/Ns.Employee")
      expect(mona['@odata.type']).toBe('#inheritance.Manager')
    })

    it.each([
      [{ Id: 'x', Name: 'x' }, '/Beings', 'typeAbstract'],
      [{ '@odata.type': '#inheritance.Being', Id: 'x' }, '/Beings', 'typeAbstract'],
      [{ '@odata.type': '#inheritance.Nobody', Id: 'x', Name: 'x' }, '/People', 'typeUnknown'],
      [{ '@odata.type': '#inheritance.Mail', Id: 'x', Name: 'x' }, '/People', 'typeNotAllowed'],
      [{ Id: 'x', Name: 'x', Salary: 3 }, '/People', 'propertyUnknown'],
      [{ Id: 'x', Name: 'x', Preferred: { Label: 'x' } }, '/People', 'typeAbstract'],
      [{ '@odata.type': '#inheritance.Person', Id: 'x', Name: 'x' }, '/Customers', 'typeNotAllowed'],
    ])('refuses %j in %s', async (body, path, code) => {
      const answer = await running().send('POST', path, body)
      expect(answer.status).toBe(400)
      expect(((await answer.json()) as { error: Json }).error.code).toBe(code)
    })

    it('keeps entities of any derived type in a set of an abstract one', async () => {
      await create('/Beings', { '@odata.type': '#inheritance.Person', Id: 'p', Name: 'P', Contacts: [] })
      const [being] = await rows('/Beings')
      expect(being).toMatchObject({ '@odata.type': '#inheritance.Person', Name: 'P' })
    })
  })

  describe('casts in paths', () => {
    it('narrows a collection', async () => {
      expect(await ids('/People/Ns.Employee?$orderby=Id')).toBe('emil mona')
      expect(await ids('/People/inheritance.Manager')).toBe('mona')
      expect(await (await running().get('/People/Ns.Employee/$count')).text()).toBe('2')
      expect(await ids('/People/Ns.Employee?$filter=Salary gt 60')).toBe('mona')
      expect(await ids('/People/Ns.Employee?$orderby=Salary desc&$top=1')).toBe('mona')
      const { '@odata.context': context, value } = await json('/People/Ns.Employee?$select=Salary')
      expect(context).toMatch(/\$metadata#People\/inheritance\.Employee\(Salary\)$/)
      expect((value as Json[])[0]).not.toHaveProperty('Name')
    })

    it('narrows one entity, before and after the key', async () => {
      for (const path of ["/People('emil')/Ns.Employee", "/People/Ns.Employee('emil')", '/People/Ns.Employee/emil'])
        expect((await json(path)).Salary, path).toBe(50)
      for (const path of ["/People('anna')/Ns.Employee", "/People/Ns.Employee('anna')", "/People('emil')/Ns.Manager"])
        expect((await running().get(path)).status, path).toBe(404)
    })

    it('reads properties and related entities of the derived type', async () => {
      expect((await json("/People('emil')/Ns.Employee/Salary")).value).toBe(50)
      expect(await (await running().get("/People('emil')/Ns.Employee/Since/$value")).text()).toBe('2020-01-01')
      expect((await json("/People('emil')/Ns.Employee/Boss")).Id).toBe('mona')
      expect((await running().get("/People('emil')/Salary")).status).toBe(404)
      expect((await running().get("/People('anna')/Ns.Employee/Salary")).status).toBe(404)
      expect((await json("/People('mona')/Preferred/Ns.Mail/Address")).value).toBe('mona@example.org')
    })

    it('refuses casts to types that do not derive from the declared one', async () => {
      expect((await running().get('/Customers/Ns.Employee')).status).toBe(404)
      expect((await running().get('/People/Ns.Mail')).status).toBe(404)
      expect((await running().get('/People/Ns.Nobody')).status).toBe(404)
    })

    it('changes and deletes by a cast', async () => {
      await create('/People', {
        '@odata.type': '#inheritance.Employee',
        Id: 'tim',
        Name: 'Tim',
        Contacts: [],
        Salary: 1,
      })
      expect((await running().send('PATCH', "/People('tim')/Ns.Employee", { Salary: 2 })).status).toBe(204)
      expect((await running().send('PATCH', "/People('tim')", { Salary: 3 })).status, 'the type stored counts').toBe(
        204,
      )
      expect((await json("/People('tim')/Ns.Employee")).Salary).toBe(3)
      expect((await running().send('DELETE', "/People('tim')/Ns.Manager", undefined)).status).toBe(404)
      expect((await running().send('DELETE', "/People('tim')/Ns.Employee", undefined)).status).toBe(204)
      expect((await running().get("/People('tim')")).status).toBe(404)
    })

    it('finds nothing of another type to change', async () => {
      for (const method of ['PATCH', 'PUT'])
        expect((await running().send(method, "/People('anna')/Ns.Employee", { Name: 'x' })).status, method).toBe(404)
    })

    it('creates what only a derived type relates', async () => {
      const boss = { '@odata.type': '#inheritance.Manager', Id: 'boss', Name: 'Boss', Contacts: [] }
      const body = { '@odata.type': '#inheritance.Employee', Id: 'sub', Name: 'Sub', Contacts: [], Boss: boss }
      const made = await create('/People', body)
      expect(made.Boss).toMatchObject({ '@odata.type': '#inheritance.Manager', Id: 'boss' })
      for (const id of ['sub', 'boss'])
        expect((await running().send('DELETE', `/People('${id}')`, undefined)).status).toBe(204)
    })

    it('creates in a cast collection', async () => {
      const made = await create('/People/Ns.Manager', { Id: 'new', Name: 'New', Contacts: [], Budget: 3 })
      expect(made.Budget).toBe(3)
      expect((await json("/People('new')"))['@odata.type']).toBe('#inheritance.Manager')
      expect((await running().send('DELETE', "/People('new')", undefined)).status).toBe(204)
    })

    it('replaces by PUT within the type that is stored', async () => {
      await create('/People', {
        '@odata.type': '#inheritance.Employee',
        Id: 'put',
        Name: 'Put',
        Contacts: [],
        Salary: 1,
      })
      const body = { '@odata.type': '#inheritance.Employee', Name: 'Put 2', Contacts: [] }
      expect((await running().send('PUT', "/People('put')", body)).status).toBe(204)
      expect(await json("/People('put')")).toMatchObject({
        '@odata.type': '#inheritance.Employee',
        Name: 'Put 2',
        Salary: null,
      })
      const other = await running().send('PATCH', "/People('put')", {
        '@odata.type': '#inheritance.Manager',
        Budget: 1,
      })
      expect(other.status).toBe(400)
      expect((await running().send('DELETE', "/People('put')", undefined)).status).toBe(204)
    })
  })

  describe('casts in options', () => {
    it.each([
      ['isof(inheritance.Employee)', 'emil mona'],
      ['isof(Ns.Manager)', 'mona'],
      ['not isof(Ns.Employee)', 'anna carl'],
      // Core.MayImplement: legal, and nothing that is stored says that it is one
      ['isof(Ns.Payable)', ''],
      ['not isof(Ns.Payable)', 'anna carl emil mona'],
      ['isof(Ns.Payable) or isof(Ns.Manager)', 'mona'],
      ["Ns.Payable/Account eq '1'", ''],
      ['Ns.Payable/Account eq null', 'anna carl emil mona'],
      ['Ns.Employee/Ns.Paid/Limit gt 1', ''],
      ['Ns.Employee/Salary gt 60', 'mona'],
      ['Ns.Employee/Salary lt 60', 'emil'],
      ['Ns.Employee/Salary eq null', 'anna carl'],
      ['Ns.Customer/Since gt 2021-01-01T00:00:00Z', 'carl'],
      ['Ns.Employee/Since gt 2015-01-01', 'emil'],
      ['isof(Preferred,Ns.Phone)', 'emil'],
      // assignable by the rules of cast: to a type or a base of it, numbers with rounding, texts that are literals; never an error
      ['isof(Ns.Being)', 'anna carl emil mona'],
      ['isof(Ns.Customer)', 'carl'],
      ['isof(Ns.Mail)', ''],
      ['not isof(Ns.Mail)', 'anna carl emil mona'],
      ['isof(Name,Ns.Mail) or isof(Contacts,Ns.Mail) or isof(Preferred,Edm.String)', ''],
      ['isof(Contacts,Collection(Ns.Contact))', 'anna carl emil mona'],
      ['isof(Ns.Employee/Salary,Edm.Int32)', 'emil mona'],
      ['isof(Id,Edm.String) and not isof(Id,Edm.Int32)', 'anna carl emil mona'],
      ['isof(Preferred,Ns.Phone) eq null', 'anna carl'],
      ["Preferred/Ns.Mail/Address eq 'mona@example.org'", 'mona'],
      ["Preferred/Label eq 'work'", 'mona'],
      ['Contacts/any(c:isof(c,Ns.Mobile))', 'mona'],
      ["Contacts/any(c:c/Ns.Phone/Number eq '456')", 'emil'],
      ["Contacts/Ns.Phone/any(c:c/Number eq '123')", 'mona'],
      ['Contacts/Ns.Phone/$count eq 1', 'emil mona'],
      ['Ns.Manager/Budget eq 9007199254740993', 'mona'],
    ])('$filter=%s', async (filter, expected) => {
      expect((await filtered(filter)).split(' ').sort().join(' ')).toBe(expected)
    })

    it('orders by a property of a derived type', async () => {
      expect(await ids('/People?$orderby=Ns.Employee/Salary desc,Id&$top=2')).toBe('mona emil')
    })

    it('selects properties of derived types', async () => {
      const people = await rows('/People?$select=Name,Ns.Employee/Salary&$orderby=Id')
      expect(people.map(({ Name, Salary }) => [Name, Salary])).toEqual([
        ['Anna', undefined],
        ['Carl', undefined],
        ['Emil', 50],
        ['Mona', 90.5],
      ])
    })

    it('refuses names that only a derived type has', async () => {
      for (const query of [
        '$filter=Salary gt 1',
        '$orderby=Salary',
        '$select=Salary',
        '$filter=Ns.Mail/Address eq null',
      ])
        expect((await running().get(`/People?${query}`)).status, query).toBe(400)
    })
  })

  describe('complex values of derived types', () => {
    const path = "/People('emil')"
    const patch = async (body: Json, at = ''): Promise<number> =>
      (await running().send('PATCH', path + at, body)).status
    const preferred = async (): Promise<Json> => (await json(path)).Preferred as Json

    it('change by a cast', async () => {
      const mobile = { '@odata.type': '#Ns.Mobile', Number: '1', Carrier: 'A', Label: 'l' }
      expect((await running().send('PUT', `${path}/Preferred`, mobile)).status).toBe(204)
      expect(await patch({ Number: '2' }, '/Preferred/Ns.Phone')).toBe(204)
      expect(await preferred()).toEqual({ ...mobile, '@odata.type': '#inheritance.Mobile', Number: '2' })
      expect((await running().send('PUT', `${path}/Preferred/Ns.Mobile`, { Number: '3' })).status).toBe(204)
      expect(await preferred()).toMatchObject({ Number: '3', Carrier: null, Label: null })
      expect(await patch({ Address: 'x' }, '/Preferred/Ns.Mail')).toBe(404)
    })

    it('change to another type with all that it needs, and keep nothing of the old one', async () => {
      const refused = await running().send('PATCH', path, { Preferred: { '@odata.type': '#Ns.Mail', Label: 'm' } })
      expect(refused.status).toBe(400)
      expect(((await refused.json()) as { error: Json }).error.code).toBe('propertyRequired')
      expect(await patch({ Preferred: { '@odata.type': '#Ns.Mail', Label: 'm', Address: 'a' } })).toBe(204)
      expect(await preferred()).toEqual({ '@odata.type': '#inheritance.Mail', Label: 'm', Address: 'a' })
      expect(await patch({ Preferred: { '@odata.type': '#Ns.Mobile', Number: '9' } })).toBe(204)
      expect(await preferred()).toMatchObject({ Label: 'm', Number: '9', Carrier: null })
      expect(await patch({ Preferred: { '@odata.type': '#Ns.Mobile', Carrier: 'B' } }), 'merged').toBe(204)
      expect(await preferred()).toMatchObject({ Label: 'm', Number: '9', Carrier: 'B' })
    })

    it('are whole where there was none', async () => {
      expect(await patch({ Preferred: null })).toBe(204)
      expect(await patch({ Preferred: { '@odata.type': '#Ns.Phone', Label: 'x' } })).toBe(400)
      expect(await patch({ Preferred: { '@odata.type': '#Ns.Phone', Number: '456' } })).toBe(204)
      expect(await preferred()).toMatchObject({ '@odata.type': '#inheritance.Phone', Number: '456' })
    })

    it('say their types unless the context does', async () => {
      const phones = await json("/People('mona')/Contacts/Ns.Phone")
      expect(phones['@odata.context']).toMatch(/People\('mona'\)\/Contacts\/inheritance\.Phone$/)
    })
  })

  describe('values of built-in abstract types', () => {
    const box = "/Beings('box')"

    it('keep the type that the body says', async () => {
      const body = {
        '@odata.type': '#inheritance.Box',
        Id: 'box',
        'Any@odata.type': '#Int64',
        Any: '9007199254740993',
        'Anys@odata.type': '#Collection(Date)',
        Anys: ['2020-01-01', null],
        'Primitive@odata.type': '#Duration',
        Primitive: 'PT5S',
        Bags: [],
      }
      await create('/Beings', body)
      const text = await (await running().get(box)).text()
      expect(text).toContain('"Any@odata.type":"#Int64","Any":9007199254740993,')
      expect(text).toContain('"Anys@odata.type":"#Collection(Date)","Anys":["2020-01-01",null],')
      expect(text).toContain('"Primitive@odata.type":"#Duration","Primitive":"PT5S"')
      expect(await (await running().get(`${box}/Ns.Box/Any`)).text()).toContain('"@odata.type":"#Int64","value":9007')
      expect(await ids('/Beings?$filter=Ns.Box/Any eq 9007199254740993')).toBe('box')
      expect(await ids('/Beings?$filter=Ns.Box/Any eq 9007199254740992')).toBe('')
    })

    it.each([
      ['#DateTimeOffset', '2017-01-01T00:03:18.9597073-08:00'],
      ['#Guid', '01234567-89ab-cdef-0123-456789abcdef'],
      ['#Collection(Untyped)', [1, 'a', [true]]],
    ])('are changed: %s', async (type, value) => {
      expect((await running().send('PATCH', box, { 'Any@odata.type': type, Any: value })).status).toBe(204)
      expect(await json(box)).toMatchObject({ 'Any@odata.type': type, Any: value })
      expect((await running().send('PUT', `${box}/Ns.Box/Any`, { value: null })).status).toBe(204)
      expect((await running().send('PUT', `${box}/Ns.Box/Any`, { '@odata.type': type, value })).status).toBe(204)
      expect(await json(box)).toMatchObject({ 'Any@odata.type': type, Any: value })
    })

    it.each([
      ['Primitive', { '@odata.type': '#Int64', value: 5 }, 204],
      ['Primitive', { value: 'a' }, 204],
      ['Primitive', { '@odata.type': '#Ns.Phone', Number: '1' }, 400],
      ['Primitive', { '@odata.type': '#Collection(Int64)', value: [5] }, 400],
      ['Complex', { '@odata.type': '#Ns.Phone', Number: '1' }, 204],
      ['Complex', { '@odata.type': '#Int64', value: 5 }, 400],
    ])('%s is set to %j: %i', async (name, body, status) => {
      expect((await running().send('PUT', `${box}/Ns.Box/${name}`, body)).status).toBe(status)
      if (status !== 204) return
      const read = await json(`${box}/Ns.Box/${name}`)
      const told = (body as Json)['@odata.type'] === '#Int64' ? { '@odata.type': '#Int64' } : {}
      expect(read).toMatchObject('Number' in body ? { value: { Number: '1' } } : { value: body.value, ...told })
    })

    it.each([
      [{ 'Any@odata.type': '#Nope', Any: 1 }, 'typeUnknown'],
      [{ 'Anys@odata.type': '#Date', Anys: ['2020-01-01'] }, 'typeNotAllowed'],
      [{ 'Primitive@odata.type': '#Ns.Mail', Primitive: { Address: 'a' } }, 'typeNotAllowed'],
    ])('refuse %j', async (body, code) => {
      const answer = await running().send('PATCH', box, body)
      expect(answer.status).toBe(400)
      expect(((await answer.json()) as { error: Json }).error.code).toBe(code)
    })
  })

  describe('dynamic properties of open types', () => {
    it('keeps their types', async () => {
      const body = {
        Id: 'open',
        Name: 'Open',
        Contacts: [],
        text: 'a',
        flag: false,
        number: 1.5,
        nothing: null,
        list: ['a', 'b'],
        'big@odata.type': '#Int64',
        big: '9007199254740993',
        'exact@odata.type': '#Decimal',
        exact: 12.5,
        'day@odata.type': '#Date',
        day: '2020-02-29',
        'instant@odata.type': '#DateTimeOffset',
        instant: '2017-01-01T00:03:18.9597073-08:00',
        'time@odata.type': '#TimeOfDay',
        time: '12:30:00',
        'span@odata.type': '#Duration',
        span: 'PT1H30M',
        'dates@odata.type': '#Collection(Date)',
        dates: ['2020-01-01', '2020-01-02'],
        'small@odata.type': '#Int16',
        small: 7,
        'id2@odata.type': '#Guid',
        id2: '01234567-89ab-cdef-0123-456789abcdef',
        contact: { '@odata.type': '#inheritance.Mail', Address: 'a@example.org' },
        Notes: { mood: 'good', 'since@odata.type': '#Date', since: '2020-01-01' },
      }
      await create('/Customers', body)
      const text = await (await running().get("/Customers('open')")).text()
      const read = JSON.parse(text) as Json
      expect(read).toMatchObject({
        text: 'a',
        flag: false,
        number: 1.5,
        list: ['a', 'b'],
        exact: 12.5,
        day: '2020-02-29',
        time: '12:30:00',
        span: 'PT1H30M',
        dates: ['2020-01-01', '2020-01-02'],
        small: 7,
        instant: '2017-01-01T00:03:18.9597073-08:00',
        id2: '01234567-89ab-cdef-0123-456789abcdef',
        contact: { Address: 'a@example.org' },
        Notes: { mood: 'good', since: '2020-01-01' },
      })
      expect(text).toContain('"big":9007199254740993')
      expect(read['big@odata.type']).toBe('#Int64')
      for (const [name, type] of Object.entries({
        day: 'Date',
        time: 'TimeOfDay',
        span: 'Duration',
        dates: 'Collection(Date)',
        small: 'Int16',
      }))
        expect(read[`${name}@odata.type`]).toBe(`#${type}`)
      expect((read.Notes as Json)['since@odata.type']).toBe('#Date')
      expect(read['instant@odata.type']).toBe('#DateTimeOffset')
      expect(read['id2@odata.type']).toBe('#Guid')
      expect((read.contact as Json)['@odata.type']).toBe('#inheritance.Mail')
    })

    it('filters, orders and selects by them', async () => {
      expect(await ids("/Customers?$filter=text eq 'a' and number gt 1")).toBe('open')
      expect(await ids('/Customers?$filter=big eq 9007199254740993')).toBe('open')
      expect(await ids('/Customers?$filter=missing eq null')).toBe('open')
      expect(await ids('/Customers?$filter=day eq 2020-02-29 and time gt 12:00:00')).toBe('open')
      expect(await ids("/Customers?$filter=span eq duration'PT90M'")).toBe('open')
      expect((await rows('/Customers?$select=text'))[0]).toEqual(expect.objectContaining({ text: 'a' }))
      expect((await json("/Customers('open')/text")).value).toBe('a')
    })

    it('changes them, types too', async () => {
      const path = "/Customers('open')"
      expect(
        (await running().send('PATCH', path, { 'day@odata.type': '#TimeOfDay', day: '01:02:03', text: 5 })).status,
      ).toBe(204)
      const changed = await json(path)
      expect(changed['day@odata.type']).toBe('#TimeOfDay')
      expect(changed).toMatchObject({ day: '01:02:03', text: 5, flag: false })
      expect((await running().send('PATCH', path, { day: null, text: 'a', 'day@odata.type': '#Date' })).status).toBe(
        204,
      )
      expect((await json(path)).day ?? null).toBeNull()
      await running().send('PATCH', path, { 'day@odata.type': '#Date', day: '2020-02-29' })
    })

    it('keeps types when a collection around them changes', async () => {
      const typed = {
        'guid@odata.type': '#Guid',
        guid: '01234567-89ab-cdef-0123-456789abcdef',
        'guids@odata.type': '#Collection(Guid)',
        guids: ['01234567-89ab-cdef-0123-456789abcdef'],
        'time@odata.type': '#TimeOfDay',
        time: '12:30:00',
        // a Double: what JSON tells needs no annotation
        whole: 5,
      }
      await create('/Beings', {
        '@odata.type': '#Ns.Box',
        Id: 'bags',
        Bags: [{ ...typed, 'whole@odata.type': '#Double' }],
      })
      expect((await running().send('POST', "/Beings('bags')/Ns.Box/Bags", { n: true })).status).toBe(204)
      expect(await rows("/Beings('bags')/Ns.Box/Bags")).toEqual([typed, { n: true }])
    })

    it('are cast, in expressions', async () => {
      const of = (filter: string) => ids(`/Customers?$filter=${encodeURIComponent(filter)}`)
      expect(await of("contact/Ns.Mail/Address eq 'a@example.org'")).toBe('open')
      expect(await of('contact/Ns.Phone/Number ne null')).toBe('')
      expect(await of("contact/Address eq 'a@example.org'")).toBe('open')
    })

    it('take values without a type, and collections of such', async () => {
      const body = { Id: 'mixed', Name: 'M', Contacts: [], 'l@odata.type': '#Collection(Untyped)', l: [1, 'a', true] }
      await create('/Customers', body)
      const read = await json("/Customers('mixed')")
      expect(read).toMatchObject({ 'l@odata.type': '#Collection(Untyped)', l: [1, 'a', true] })
      expect((await running().send('PUT', "/Customers('mixed')", read)).status, 'what was read is written').toBe(204)
      const mail = { '@odata.type': '#Ns.Mail', Address: 'm@example.org' }
      expect((await running().send('PUT', "/Customers('mixed')/mail", mail)).status).toBe(204)
      expect((await json("/Customers('mixed')")).mail).toMatchObject({ Address: 'm@example.org' })
      await running().send('DELETE', "/Customers('mixed')", undefined)
    })

    it.each([
      { 'other@odata.type': '#Ns.Person', other: { Id: 'anna' } },
      { 'other@odata.type': '#Collection(Ns.Person)', other: [{ Id: 'anna' }] },
      { other: { '@odata.type': '#Ns.Person', Id: 'anna' } },
    ])('hold no entities: %j', async (dynamic) => {
      const answer = await running().send('POST', '/Customers', { Id: 'z', Name: 'z', Contacts: [], ...dynamic })
      expect(answer.status).toBe(501)
      expect(((await answer.json()) as { error: Json }).error).toMatchObject({ target: 'other' })
    })

    it('has none on types that are not open', async () => {
      expect((await running().send('POST', '/People', { Id: 'y', Name: 'y', Contacts: [], extra: 1 })).status).toBe(400)
    })
  })
})
