import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { deserialize } from 'bson'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { embeddedStore } from '../../../src/embedded/store.ts'
import type { Store } from '../../../src/store/port.ts'
import { type Compiled, compileSource } from '../../support/compiled.ts'
import { countPlan, createPlan, csdl, freshFolder, layout, readPlan, session, source } from './support.ts'

type Child = ChildProcessByStdio<null, Readable, null>

let compiled: Compiled
let folder: ReturnType<typeof freshFolder>

beforeAll(() => {
  compiled = compileSource()
})
afterAll(() => compiled.remove())
beforeEach(() => {
  folder = freshFolder()
})
afterEach(() => folder.remove())

function start(mode: 'create' | 'raise' | 'fill', name: string, count = 0): Child {
  const script = join(import.meta.dirname, 'child.mjs')
  const args = [script, compiled.folder, folder.path, csdl, mode, name, String(count)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function ended(child: Child): Promise<void> {
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
}

async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const store = embeddedStore({ path: folder.path })
  await store.open(layout)
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

const item = source('items', { single: true })
const counter = source('counters', { single: true })

describe('processes on one data folder', () => {
  it('finds every acknowledged entity after SIGKILL', async () => {
    const acknowledged: string[] = []
    for (let round = 0; round < 3; round++) {
      const child = start('create', `r${round}`)
      let text = ''
      child.stdout.setEncoding('utf8')
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk: string) => {
          text += chunk
          if (text.length > 6_000 * (round + 1) && !child.killed) child.kill('SIGKILL')
        })
        child.once('close', () => resolve())
      })
      acknowledged.push(...text.slice(0, text.lastIndexOf('\n')).split('\n'))
    }
    expect(acknowledged.length).toBeGreaterThan(1_000)
    await withStore(async (store) => {
      const rows = await Promise.all(acknowledged.map((id) => store.readOne(readPlan(item), session([id]))))
      expect(rows.map((row) => row && deserialize(row).note)).toEqual(acknowledged.map((id) => id.repeat(20)))
      // The counter went with the rows, whatever was under way.
      const count = await store.count(countPlan(source('items')), session())
      expect(count).toBeGreaterThanOrEqual(acknowledged.length)
      expect(count).toBe(await store.count(countPlan(source('items'), alwaysTrue), session()))
    })
  }, 60_000)

  it('goes on where another process dies in the middle of its writes', async () => {
    await withStore(async (store) => {
      for (let round = 0; round < 3; round++) {
        const child = start('create', `dying${round}`)
        await once(child.stdout, 'data')
        const writes = Array.from({ length: 40 }, (_, i) =>
          store.create(createPlan('items'), session(), { _id: `own-${round}-${i}` }),
        )
        child.kill('SIGKILL')
        child.stdout.resume()
        await once(child, 'close')
        expect((await Promise.all(writes)).every(({ kind }) => kind === 'created')).toBe(true)
        expect((await store.create(createPlan('items'), session(), { _id: `after-${round}` })).kind).toBe('created')
      }
    })
  }, 60_000)

  it('loses no update of two processes and itself', async () => {
    await withStore(async (store) => {
      await store.create(createPlan('counters'), session(), { _id: 1, value: 0 })
      await Promise.all([ended(start('raise', 'a', 150)), ended(start('raise', 'b', 150))])
      const row = await store.readOne(readPlan(counter), session([1]))
      expect(row && deserialize(row)).toMatchObject({ value: 300, '@version': 301 })
      expect(await store.count(countPlan(source('items')), session())).toBe(300)
    })
  }, 60_000)

  it('grows under the other processes', async () => {
    await withStore(async (store) => {
      await Promise.all([ended(start('fill', 'a', 120)), ended(start('fill', 'b', 120))])
      for (const name of ['a-0', 'a-119', 'b-0', 'b-119'])
        expect((await store.readOne(readPlan(item), session([name])))?.length).toBeGreaterThan(40_000)
      await store.create(createPlan('items'), session(), { _id: 'own' })
      expect(await store.count(countPlan(source('items')), session())).toBe(241)
    })
  }, 60_000)

  it('says that nothing was written where the disk is full, and goes on', async () => {
    const script = join(import.meta.dirname, 'child.mjs')
    const args = [process.execPath, script, compiled.folder, folder.path, csdl, 'overfill', 'f', '0']
    // Files end at 4 MB (512-byte blocks in POSIX, 1,024 in bash).
    const child = spawn('bash', ['-c', 'ulimit -f 4096; exec "$@"', 'bash', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
    })
    await ended(child)
    expect(JSON.parse(text)).toEqual({ code: 'storeUnavailable', same: true, later: 'created' })
  }, 60_000)

  it('gives all processes one secret and one set of collections', async () => {
    const stores = [embeddedStore({ path: folder.path }), embeddedStore({ path: folder.path })]
    await Promise.all(stores.map((store) => store.open(layout)))
    const secrets = await Promise.all(stores.map((store) => store.secret('tokens')))
    expect(secrets[0]).toEqual(secrets[1])
    await stores[0]?.create(createPlan('items'), session(), { _id: 'a' })
    expect(await stores[1]?.readOne(readPlan(item), session(['a']))).toBeDefined()
    await Promise.all(stores.map((store) => store.close()))
  })
})

const alwaysTrue = { kind: 'constant', value: true, type: undefined } as const
