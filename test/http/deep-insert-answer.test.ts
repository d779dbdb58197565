import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReadPlan } from '../../src/plan/plan.ts'
import { ODataController } from '../../src/service/controller.ts'
import type { Session, Store } from '../../src/store/port.ts'
import { jsonClient } from '../support/json-client.ts'
import { mongodb } from '../support/mongod.ts'
import {
  embeddedForTests,
  mongoForTests,
  type RunningService,
  type ServiceSettings,
  startService,
} from '../support/running-service.ts'

/** A store that tells the reads outside of transactions. */
function told(store: Store, reads: string[]): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        const [plan, session] = given as [ReadPlan, Session]
        if (['read', 'readOne', 'count'].includes(String(name)) && session.transaction === undefined)
          reads.push(`${String(name)} ${plan.source.root.kind === 'contained' ? 'contained' : plan.source.root.name}`)
        return member.apply(target, given)
      }
    },
  })
}

function onStores(
  name: string,
  settings: ServiceSettings,
  tests: (client: ReturnType<typeof jsonClient>, reads: string[]) => void,
): void {
  const { uri, reason } = mongodb()
  for (const kind of ['embedded', 'mongodb'] as const) {
    const missing = kind === 'mongodb' && uri === undefined
    describe.skipIf(missing)(`${name} (${kind}${missing ? `: ${reason}` : ''})`, () => {
      const reads: string[] = []
      let running: RunningService
      beforeAll(async () => {
        const data = kind === 'embedded' ? embeddedForTests() : mongoForTests(uri ?? '')
        const watched = { ...data, open: () => told(data.open(), reads) }
        running = await startService('test/models/relations.xml', watched, { lookUpForeignKeys: true, ...settings })
      })
      afterAll(() => running?.stop())
      tests(
        jsonClient(() => running),
        reads,
      )
    })
  }
}

/** A user with entities of every relation that its key, or its path, is enough for. */
const tree = (id: string) => ({
  id,
  reports: [
    { id: `${id}-c`, reports: [{ id: `${id}-c1` }], folders: [{ id: 'g' }] },
    { id: `${id}-a`, '@type': '#rel.Employee', salary: 1.5 },
    { id: `${id}-b` },
  ],
  folders: [
    {
      id: 'f2',
      messages: [
        { box: 'b', no: 2 },
        { box: 'b', no: 1 },
      ],
    },
    { id: 'f1', folders: [{ id: 'f11' }] },
  ],
})
const shown = '$expand=reports($expand=reports,folders),folders($expand=messages,folders)'

onStores('the answer to a deep insert', {}, ({ make, get, ask }, reads) => {
  it('is written from what was stored, without a read', async () => {
    reads.length = 0
    const { json } = await make('/users', tree('n'), { 'OData-Version': '4.01', 'OData-MaxVersion': '4.01' })
    expect(reads).toEqual([])
    const { json: read } = await get(`/users('n')?${shown}`, { 'OData-MaxVersion': '4.01' })
    expect(json?.reports).toMatchObject([
      { id: 'n-a', salary: 1.5 },
      { id: 'n-b' },
      { id: 'n-c', reports: [{ id: 'n-c1' }] },
    ])
    expect({ ...json, '@context': '' }).toEqual({ ...read, '@context': '' })
  })

  it('has the options of the client', async () => {
    const options =
      "$expand=reports($filter=id ne 'o-b';$orderby=id desc;$top=1;$count=true;$select=id),folders($count=true;$top=0)"
    reads.length = 0
    const { json } = await make(`/users?${options}`, tree('o'), { 'OData-Version': '4.01', 'OData-MaxVersion': '4.01' })
    expect(reads).toEqual([])
    const { json: read } = await get(`/users('o')?${options}`, { 'OData-MaxVersion': '4.01' })
    expect(json).toMatchObject({ 'reports@count': 2, reports: [{ id: 'o-c' }], 'folders@count': 2, folders: [] })
    expect({ ...json, '@context': '' }).toEqual({ ...read, '@context': '' })
  })

  it('has related entities that were there before, and those of others', async () => {
    await make('/users', { id: 'old', reports: [{ id: 'old-1' }] })
    const bound = await make(
      '/users',
      { id: 'b', reports: [{ '@id': "users('old-1')" }, { id: 'b-1' }] },
      {
        'OData-Version': '4.01',
        'OData-MaxVersion': '4.01',
      },
    )
    expect(bound.json?.reports).toMatchObject([{ id: 'b-1' }, { id: 'old-1' }])
    const made = await ask('POST', '/users?$expand=manager($expand=reports)', {
      id: 'b-2',
      managerId: 'b',
      reports: [{ id: 'b-3' }],
    })
    expect(made.json?.manager).toMatchObject({ id: 'b', reports: [{ id: 'b-1' }, { id: 'b-2' }, { id: 'old-1' }] })
    expect(made.json?.reports).toMatchObject([{ id: 'b-3' }])
  })
})

const v401 = { 'OData-Version': '4.01', 'OData-MaxVersion': '4.01' }

onStores('the answer to a deep insert, as a read', {}, ({ make, get }) => {
  /** Creates, and expects what a read with the same `$expand` gives. */
  const same = async (body: { readonly id: string; readonly [name: string]: unknown }, expand: string) => {
    const { json } = await make('/users', body, v401)
    const { json: read } = await get(`/users('${body.id}')?$expand=${expand}`, v401)
    expect(json).toEqual(read)
    return read
  }

  it('shows all that entities beside each other nest', async () => {
    const reports = [
      { id: 's-a', reports: [{ id: 's-a1' }] },
      { id: 's-b', reports: [{ id: 's-b1', folders: [{ id: 'f' }] }] },
      { id: 's-c', folders: [{ id: 'g' }] },
    ]
    const read = await same({ id: 's', reports }, 'reports($expand=reports($expand=folders),folders)')
    expect(read?.reports).toMatchObject([{}, { reports: [{ folders: [{ id: 'f' }] }] }, { folders: [{ id: 'g' }] }])
  })

  it('shows what complex values nest', async () => {
    const home = (id: number) => ({
      city: 'x',
      country: { id, code: `c${id}` },
      sights: [{ name: 'b' }, { name: 'a' }],
    })
    const inner = 'home/country,home/sights'
    const body = { id: 'c', home: home(1), reports: [{ id: 'c-1', home: home(2) }] }
    const read = await same(body, `${inner},reports($expand=${inner})`)
    expect(read?.home).toMatchObject({ country: { id: 1 }, sights: [{ name: 'a' }, { name: 'b' }] })
  })
})

class Made extends ODataController {
  override entities() {
    return [{ number: 3, holderId: 'v' }]
  }
}

onStores(
  'the answer to a deep insert, beside entities that are computed',
  { controllers: { badges: Made } },
  ({ make }) => {
    it('has them', async () => {
      const { json } = await make('/users?$expand=badge,reports', { id: 'v', reports: [{ id: 'v-1' }] }, v401)
      expect(json).toMatchObject({ badge: { number: 3 }, reports: [{ id: 'v-1' }] })
    })
  },
)

class Hidden extends ODataController {
  override rowFilter(): string {
    return "not endswith(id,'-b')"
  }
}

onStores('the answer to a deep insert, under a row filter', { controllers: { users: Hidden } }, ({ make }) => {
  it('has what the caller may see', async () => {
    const { json } = await make('/users', tree('r'), { 'OData-Version': '4.01' })
    expect(json?.reports).toMatchObject([{ id: 'r-a' }, { id: 'r-c' }])
  })
})

class Helping extends ODataController {
  override async afterCreate(
    { id }: { id?: string },
    { plan, session, store }: Parameters<NonNullable<ODataController['afterCreate']>>[1],
  ): Promise<void> {
    if (id === 'h-c') await store.create(plan, session, { _id: 'h-x', managerId: 'h', level: 1 })
  }
}

onStores('the answer to a deep insert, with a hook', { controllers: { users: Helping } }, ({ make }) => {
  it('has what the hook has made', async () => {
    const { json } = await make('/users', tree('h'), { 'OData-Version': '4.01' })
    expect(json?.reports).toMatchObject([{ id: 'h-a' }, { id: 'h-b' }, { id: 'h-c' }, { id: 'h-x' }])
  })
})
