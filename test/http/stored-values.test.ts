import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArguments } from '../../src/cli/flags.ts'
import { importEntities } from '../../src/cli/import.ts'
import { importFlags } from '../../src/cli/store-flags.ts'
import { validate } from '../../src/cli/validate.ts'
import { validateFlags } from '../../src/cli/validate-flags.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { bookshopModel } from '../support/running-service.ts'

const { uri, reason } = mongodb()

async function checked(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
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
  const environment = { ODATUM_MONGODB: 'mongodb://nowhere.invalid/', ODATUM_DATA: '/nowhere' }
  const code = await validate(readArguments(validateFlags, args, environment), terminal)
  return { code, out, error }
}

describe('odatum validate of stored values', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'odatum-stored-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('finds nothing in what odatum wrote', async () => {
    const data = join(folder, 'data')
    const entities = join(folder, 'authors.json')
    writeFileSync(entities, '[{"ID":1,"Name":"A","Born":"1900-01-01","Address":{"City":"C"}},{"ID":2,"Name":"B"}]')
    const terminal = { out: () => {}, error: () => {} }
    const given = readArguments(importFlags, [bookshopModel, entities, '--set', 'Authors', '--data', data], {})
    expect(await importEntities(given, terminal)).toBe(0)
    const { code, out, error } = await checked(bookshopModel, '--data', data)
    expect([code, out]).toEqual([0, ''])
    expect(error).toContain('2 entities checked')
    expect(error).toContain('0 kinds of stored values that do not fit')
  })

  it('is not turned on by the environment of the service', async () => {
    expect((await checked(bookshopModel)).error).toBe('1 file: 0 errors, 0 warnings\n')
  })

  it('says where there is no store', async () => {
    await expect(checked(bookshopModel, '--data', join(folder, 'nowhere'))).rejects.toThrow(
      'there is no embedded store',
    )
    await expect(checked(bookshopModel, bookshopModel, '--data', folder)).rejects.toThrow('takes one CSDL file')
  })
})

describe.skipIf(uri === undefined)(
  `odatum validate of stored values in MongoDB${uri === undefined ? `: ${reason}` : ''}`,
  () => {
    const database = freshDatabase(uri ?? 'mongodb://localhost/', 'stored')
    beforeAll(async () => {
      const client = await new MongoClient(database).connect()
      const authors = Array.from({ length: 8 }, (_, i) => ({ _id: i, Name: i < 7 ? i : 'fine', Born: '1900-01-01' }))
      await client.db().collection<{ _id: number }>('Authors').insertMany(authors)
      await client
        .db()
        .collection<{ _id: string; [name: string]: unknown }>('Books')
        .insertOne({ _id: 'no guid', Title: 'T', extra: 1 })
      await client.close()
    })
    afterAll(async () => {
      const client = await new MongoClient(database).connect()
      await client.db().dropDatabase()
      await client.close()
    })

    it('tells each kind once, with how often and where first', async () => {
      const { code, out, error } = await checked(bookshopModel, '--mongodb', database)
      expect(code).toBe(1)
      const first = ['Authors(0)', 'Authors(1)', 'Authors(2)', 'Authors(3)', 'Authors(4)'].join(', ')
      expect(out.split('\n')).toEqual(
        expect.arrayContaining([
          `Authors/Name: 7 times: is int32, which Edm.String cannot hold (${first}, ...)`,
          expect.stringMatching(/^Books\/ID: once: is string, which Edm\.Guid cannot hold/),
          expect.stringMatching(/^Books\/extra: once: is a field of no property of org\.example\.bookshop\.Book/),
          expect.stringMatching(/^Books\/Price: once: is missing and must not be null/),
        ]),
      )
      expect(error).toContain('9 entities checked')
    })

    it('writes the same for machines', async () => {
      const { code, out } = await checked(bookshopModel, '--mongodb', database, '--json')
      expect(code).toBe(1)
      expect(JSON.parse(out)).toMatchObject({
        errors: 0,
        stored: expect.arrayContaining([
          expect.objectContaining({ resource: 'Authors', path: 'Name', count: 7, entities: expect.any(Array) }),
        ]),
      })
    })
  },
)
