import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportEntities } from '../../src/cli/export.ts'
import { readArguments } from '../../src/cli/flags.ts'
import { importEntities } from '../../src/cli/import.ts'
import { exportFlags, importFlags } from '../../src/cli/store-flags.ts'
import { embeddedStore } from '../../src/embedded/store.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { bookshopModel, startService } from '../support/running-service.ts'

const { uri, reason } = mongodb()
const many = 10_000
const relations = 'test/models/relations.xml'
const linked = 'test/models/links.xml'
const media = 'test/models/media.xml'

let folder: string
let count = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'odatum-transfer-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A fresh store, by its flags. */
const fresh: Readonly<Record<'embedded' | 'mongodb', () => readonly string[]>> = {
  embedded: () => ['--data', join(folder, `data-${count++}`)],
  mongodb: () => ['--mongodb', freshDatabase(uri ?? '', 'transfer')],
}

function opened(flags: readonly string[]) {
  const [flag, value = ''] = flags
  return flag === '--data' ? embeddedStore({ path: join(value, 'store') }) : mongoStore(value)
}

async function run(
  command: typeof exportEntities,
  flags: typeof exportFlags | typeof importFlags,
  args: readonly string[],
): Promise<{ code: number; out: string; error: string }> {
  let out = ''
  let error = ''
  const terminal = {
    out: (text: string) => {
      out += text
    },
    error: (text: string) => {
      error += text
    },
  }
  return { code: await command(readArguments(flags, args, {}), terminal), out, error }
}
const exported = (...args: readonly string[]) => run(exportEntities, exportFlags, args)
const imported = (...args: readonly string[]) => run(importEntities, importFlags, args)

function file(text: string): string {
  const path = join(folder, `entities-${count++}.json`)
  writeFileSync(path, text)
  return path
}

/** Entities of the bookshop with everything that could be lost. */
function bookshop(): string {
  const lines: string[] = []
  const context = (set: string) => `"@context":"#${set}/$entity"`
  for (let i = 0; i < many; i++) {
    const id = `019ab2f0-6a3c-7c1e-9d55-${i.toString(16).padStart(12, '0')}`
    lines.push(
      `{${context('Books')},"ID":"${id}","Title":"T${i} \\"é\\u0000𝄞","ISBN":${i % 3 === 0 ? 'null' : `"i${i}"`},"Price":"${i}.${i % 100}","Pages":${i % 2 === 0 ? i % 3000 : null},"Published":"2001-02-03","Binding":"Hardcover","Genres":"Fiction,History","Tags":["a",""],"AuthorID":${-i}}`,
    )
  }
  lines.push(
    `{${context('Authors')},"ID":1,"Name":"N","Born":null,"Address":{"Street":null,"City":"C","Country":null}}`,
  )
  lines.push(
    `{${context('StockLevels')},"Shop":"it's/here","Shelf":2,"Copies":"9007199254740993","Counted":"2017-01-01T00:03:18.900-08:00","Place":{"City":"x"}}`,
  )
  return `${lines.join('\n')}\n`
}

describe.each(['embedded', 'mongodb'] as const)('import and export', (kind) => {
  const missing = kind === 'mongodb' && uri === undefined
  describe.skipIf(missing)(`(${kind}${missing ? `: ${reason}` : ''})`, () => {
    it(`give back ${many} entities as they were, in both forms, in each store`, async () => {
      const source = fresh[kind]()
      const result = await imported(bookshopModel, file(bookshop()), ...source)
      expect(result).toMatchObject({ code: 0, error: expect.stringMatching(/^10,002 entities imported/) })
      const first = await exported(bookshopModel, ...source)
      expect(first).toMatchObject({ code: 0, error: expect.stringMatching(/^10,002 entities exported/) })
      const lines = first.out.trimEnd().split('\n')
      expect(lines).toHaveLength(many + 2)
      expect(JSON.parse(lines[20] ?? '')).toMatchObject({
        '@context': '#Books/$entity',
        ID: '019ab2f0-6a3c-7c1e-9d55-000000000014',
        Title: 'T20 "é\u0000𝄞',
        Price: '20.20',
        Genres: 'Fiction,History',
        Tags: ['a', ''],
      })
      expect(first.out).toContain('"Copies":"9007199254740993","Counted":"2017-01-01T00:03:18.900-08:00"')
      const array = join(folder, `array-${kind}.json`)
      expect((await exported(bookshopModel, ...source, '--format', 'json', '--out', array)).code).toBe(0)
      expect(JSON.parse(readFileSync(array, 'utf8'))).toHaveLength(many + 2)
      for (const other of uri === undefined ? (['embedded'] as const) : (['embedded', 'mongodb'] as const)) {
        const target = fresh[other]()
        expect((await imported(bookshopModel, array, ...target)).code).toBe(0)
        expect((await exported(bookshopModel, ...target)).out).toBe(first.out)
      }
    }, 120_000)

    it('carry what entities contain, with its owners', async () => {
      const source = fresh[kind]()
      const running = await serviceOn(relations, source)
      for (const [path, body] of containedEntities) {
        const response = await running.send('POST', path, body)
        expect([path, response.status, response.ok || (await response.text())]).toEqual([path, 201, true])
      }
      await running.stop()
      const { out } = await exported(relations, ...source)
      expect(
        out
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)['@context']),
      ).toEqual(contexts)
      const target = fresh[kind]()
      expect((await imported(relations, file(out), ...target)).code).toBe(0)
      expect((await exported(relations, ...target)).out).toBe(out)
    })

    it('carry the relations that are kept as lists of keys, to either store', async () => {
      const source = fresh[kind]()
      const running = await serviceOn(linked, source)
      for (const [path, body] of relatedEntities) {
        const response = await running.send('POST', path, body)
        expect([path, response.status, response.ok || (await response.text())]).toEqual([path, 201, true])
      }
      await running.stop()
      const { out, code, error } = await exported(linked, ...source)
      expect([code, error]).toEqual([0, expect.stringMatching(/^12 entities exported/)])
      expect(out).toContain('"building":{"@id":"buildings(1)"}')
      expect(out).toContain('"friends":[{"@id":"students(2)"},{"@id":"students(3)"}]')
      expect(out).toContain(`"sections":[{"@id":"sections(term='it''s%2C%20(a)',no=1)"}]`)
      expect(out).toContain(`"mentor":{"@id":"teachers('it''s%2F(me)')"}`)
      for (const other of uri === undefined ? (['embedded'] as const) : (['embedded', 'mongodb'] as const)) {
        const target = fresh[other]()
        expect(await imported(linked, file(out), ...target)).toMatchObject({ code: 0 })
        expect(withoutTags((await exported(linked, ...target)).out)).toBe(withoutTags(out))
        // replaced as a whole where the file says any, kept where it says none
        const changes = file(
          '{"id":"1","name":"other","@context":"#students/$entity"}\n{"id":"2","friends":[{"@id":"/shop/students(1)"}],"@context":"#students/$entity"}',
        )
        expect((await imported(linked, changes, '--replace', ...target)).code).toBe(0)
        const again = await serviceOn(linked, target)
        const friends = async (path: string) =>
          ((await (await again.get(path)).json()) as { value: { id: number }[] }).value.map(({ id }) => id)
        expect(await friends('/students(1)/friends')).toEqual([2, 3])
        expect(await friends('/students(2)/friends')).toEqual([1])
        expect(await friends('/departments(1)/notes(1)/tags')).toEqual([7])
        expect(await friends("/sections(term='it''s%2C%20(a)',no=1)/members")).toEqual([4])
        expect((await again.get('/students(4)/home/second/building')).status).toBe(200)
        expect(await (await again.get('/students(4)/home/clubs/$count')).text()).toBe('1')
        expect(await (await again.get("/teachers('it''s%2F(me)')/mentees/$count")).text()).toBe('1')
        await again.stop()
      }
      const faults = file(
        `{"id":"5","friends":[{"@id":"teachers('x')"}],"@context":"#students/$entity"}\n{"id":"T","courses":[{"@id":"courses(1)"}],"@context":"#teachers/$entity"}`,
      )
      const refused = await imported(linked, faults, ...fresh[kind]())
      expect(refused.error).toContain(":1: friends: friends/0 must refer to an entity of 'students' by its @id.")
      expect(refused.error).toContain(':2: courses: courses cannot be imported')
    }, 60_000)

    it('say which entities have streams, which are not carried', async () => {
      const source = fresh[kind]()
      const running = await serviceOn(media, source)
      const put = await fetch(`${running.root}/Photos`, {
        method: 'POST',
        headers: { 'Content-Type': 'image/png' },
        body: 'image',
      })
      expect(put.status).toBe(201)
      await running.stop()
      expect(await exported(media, ...source)).toMatchObject({
        code: 1,
        error: expect.stringContaining('1 entities have streams: those were not written'),
      })
    })

    it('leave what is there, and say so', async () => {
      const source = fresh[kind]()
      const authors = file('[{"ID":1,"Name":"A"},{"ID":2,"Name":"B"}]')
      expect((await imported(bookshopModel, authors, '--set', 'Authors', ...source)).code).toBe(0)
      const again = await imported(bookshopModel, authors, '--set', 'Authors', ...source)
      expect(again).toMatchObject({ code: 1, error: expect.stringContaining('2 were there already: --skip-existing') })
      expect((await imported(bookshopModel, authors, '--set', 'Authors', '--skip-existing', ...source)).code).toBe(0)
    })

    it('replace what is there, where that is asked for, with all that it holds and nothing else', async () => {
      const source = fresh[kind]()
      const flags = ['--set', 'Authors', ...source]
      expect((await imported(bookshopModel, file('[{"ID":1,"Name":"A"},{"ID":2,"Name":"B"}]'), ...flags)).code).toBe(0)
      const mixed = file('[{"ID":2,"Name":"C"},{"ID":3,"Name":"D"}]')
      const again = await imported(bookshopModel, mixed, '--replace', ...flags)
      expect(again).toMatchObject({
        code: 0,
        error: expect.stringMatching(/^1 entities imported.*\n1 were there already and were replaced/),
      })
      const { out } = await exported(bookshopModel, ...source)
      expect(out.match(/"Name":"."/g)).toEqual(['"Name":"A"', '"Name":"C"', '"Name":"D"'])
    })

    it('go on behind entities that cannot be stored, and name their lines', async () => {
      const source = fresh[kind]()
      const lines = [
        '{"ID":1,"Name":"A"}',
        '{"ID":"x"}',
        '{"ID":3,"Nmae":"C","Name":"C"}',
        '{"@context":"#Nowhere/$entity"}',
        '{"ID":5,"Name":"E"}',
      ]
      const path = file(lines.join('\n'))
      const { code, error } = await imported(bookshopModel, path, '--set', 'Authors', ...source)
      expect(code).toBe(1)
      expect(error).toContain(`${path}:2: `)
      expect(error).toContain(`${path}:3: Nmae: `)
      expect(error).toContain(`${path}:4: The model has no place '#Nowhere/$entity'`)
      expect(error).toContain('3 could not be stored')
      expect((await exported(bookshopModel, ...source)).out.match(/"Name":"[AE]"/g)).toHaveLength(2)
    })
  })
})

describe('export', () => {
  it('writes the sets that are asked for, and knows no others', async () => {
    const source = fresh.embedded()
    await imported(bookshopModel, file('{"ID":1,"Name":"A"}'), '--set', 'Authors', ...source)
    expect((await exported(bookshopModel, '--set', 'Books', ...source)).out).toBe('')
    expect((await exported(bookshopModel, '--set', 'Books', '--format', 'json', ...source)).out).toBe('[\n\n]\n')
    expect((await exported(bookshopModel, '--set', 'Authors', ...source)).out).toContain('"Name":"A"')
    await expect(exported(bookshopModel, '--set', 'Author', ...source)).rejects.toThrow(
      "no entity set or singleton 'Author'",
    )
  })
})

/** ETags begin anew. */
const withoutTags = (text: string): string => text.replace(/"@etag":"[^,]*,/g, '')

async function serviceOn(model: string, [flag = '', value = '']: readonly string[]) {
  const store = { open: () => opened([flag, value]), remove: () => undefined }
  return startService(model, store, { enforcePermissions: false })
}

/** Entities of test/models/links.xml: links of one and of many, on both sides, of what is contained. */
const relatedEntities: readonly (readonly [string, object])[] = [
  ['/tags', { id: 7 }],
  ['/teachers', { id: "it's/(me)" }],
  ['/students', { id: 3 }],
  ['/students', { id: 2 }],
  [
    '/students',
    {
      id: 1,
      'friends@odata.bind': ['students(2)', 'students(3)'],
      'mentor@odata.bind': "teachers('it''s%2F(me)')",
    },
  ],
  ['/sections', { term: "it's, (a)", no: 1, 'students@odata.bind': ['students(1)'] }],
  ['/buildings', { id: 1 }],
  [
    '/students',
    {
      id: 4,
      home: {
        'building@odata.bind': 'buildings(1)',
        'clubs@odata.bind': ["sections(term='it''s%2C%20(a)',no=1)"],
        second: { city: 'x', 'building@odata.bind': 'buildings(1)' },
      },
    },
  ],
  ['/courses', { title: 'C', teacherId: "it's/(me)", levelId: null, 'students@odata.bind': ['students(1)'] }],
  ['/departments', { id: 1 }],
  ['/departments(1)/notes', { no: 1, 'tags@odata.bind': ['tags(7)'] }],
  ['/departments(1)/notes(1)/replies', { no: 2, 'tags@odata.bind': ['tags(7)'] }],
]

/** Entities of test/models/relations.xml by way of their owners, and where an export says that they belong. */
const containedEntities: readonly (readonly [string, object])[] = [
  ['/users', { id: "it's/me 100%", name: 'N', home: { city: 'Rome' } }],
  ["/users('it''s%2Fme 100%25')/folders", { id: 'f1', size: 1 }],
  ["/users('it''s%2Fme 100%25')/folders('f1')/folders", { id: 'f2' }],
  [
    "/users('it''s%2Fme 100%25')/folders('f1')/messages",
    { box: 'in', no: 1, sent: '2017-01-01T00:03:18.9597073-08:00' },
  ],
  ["/users('it''s%2Fme 100%25')/home/sights", { name: 'Forum', stars: 5 }],
  ['/users', { '@odata.type': '#rel.Employee', id: 'e1', salary: 1.5 }],
  ["/users('e1')/rel.Employee/tasks", { no: 7, text: 'do' }],
  ['/me/folders', { id: 'mine' }],
]
const contexts: readonly string[] = [
  '#users/$entity',
  "#users('e1')/rel.Employee/tasks/$entity",
  '#users/$entity',
  "#users('it''s/me%20100%25')/folders/$entity",
  "#users('it''s/me%20100%25')/folders('f1')/folders/$entity",
  "#users('it''s/me%20100%25')/folders('f1')/messages/$entity",
  "#users('it''s/me%20100%25')/home/sights/$entity",
  '#me/folders/$entity',
]
