import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder, type ServingCommand, serveCommand } from '../support/command.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { changeSet, multipart, requestPart } from '../support/multipart.ts'

/** Entities of a change set or a deep insert: an author, and books of his. */
const books = 4
const writers = 8

const kills = process.env.ODATUM_TEST_LONG === '1' ? 40 : 3
const timeout = 60_000 + kills * 5_000

/**
 * Kills the command (SIGKILL) while many clients send change sets, deep inserts, deep updates and deltas. Afterwards each author is there with all of his books, the old or the
 * new ones, or not at all, and whatever was acknowledged is there.
 * @returns how many writes were acknowledged
 */
async function crash(name: string, store: readonly string[]): Promise<number> {
  const args = ['examples/bookshop.xml', '--base-path', '/beta', '--auth', 'none', '--log-level', 'silent', ...store]
  const acknowledged = new Set<number>()
  /** authors whose books were replaced by others */
  const replaced = new Set<number>()
  /** two authors that one delta changes */
  const pairs: (readonly [number, number])[] = []
  let alone: number | undefined
  const changedBooks = (id: number) => ({
    Name: `changed${id}`,
    Books: Array.from({ length: books }, (_, n) => ({ Title: 'new', Price: n })),
  })
  let requests = 0
  let next = 1
  const write = async (serving: ServingCommand): Promise<void> => {
    const changeTogether = async (pair: readonly [number, number]): Promise<void> => {
      requests++
      pairs.push(pair)
      const answer = await fetch(`${serving.root}/Authors`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json', 'OData-Version': '4.01' },
        body: JSON.stringify({ '@context': '#$delta', value: pair.map((ID) => ({ ID, ...changedBooks(ID) })) }),
      })
      const text = await answer.text()
      if (answer.status >= 300) throw new Error(`not changed: ${text}`)
      for (const id of pair) replaced.add(id)
    }
    for (;;) {
      const id = next++
      requests++
      const book = (n: number) =>
        requestPart('POST', '$0/Books', { id: `${n}`, body: { Title: 'x'.repeat(200), Price: n } })
      const body = multipart(
        'b',
        changeSet(
          requestPart('POST', 'Authors', { id: '0', body: { ID: id, Name: `n${id}` } }),
          ...Array.from({ length: books }, (_, n) => book(n + 1)),
        ),
      )
      const headers = { 'Content-Type': 'multipart/mixed;boundary=b' }
      try {
        if (id % 2 === 0) {
          const Books = Array.from({ length: books }, (_, n) => ({ Title: 'x'.repeat(200), Price: n }))
          const answer = await fetch(`${serving.root}/Authors`, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ ID: id, Name: `n${id}`, Books }),
          })
          const text = await answer.text()
          if (answer.status !== 201) throw new Error(`not stored: ${text}`)
          acknowledged.add(id)
          if (id % 4 === 0) {
            requests++
            const update = await fetch(`${serving.root}/Authors(${id})`, {
              method: 'PATCH',
              headers: { 'Content-Type': 'application/json', 'OData-Version': '4.01' },
              body: JSON.stringify(changedBooks(id)),
            })
            const text = await update.text()
            if (update.status !== 204) throw new Error(`not changed: ${text}`)
            replaced.add(id)
          }
          continue
        }
        const answer = await fetch(`${serving.root}/$batch`, { method: 'POST', headers, body })
        const text = await answer.text()
        if (text.split('HTTP/1.1 201 ').length !== books + 2) throw new Error(`not stored: ${text}`)
        acknowledged.add(id)
        if (alone === undefined) alone = id
        else {
          const pair = [alone, id] as const
          alone = undefined
          await changeTogether(pair)
        }
      } catch (error) {
        if (error instanceof TypeError) return
        throw error
      }
    }
  }
  for (let round = 0; round < kills; round++) {
    const serving = await serveCommand(args, {}, { group: true })
    const before = acknowledged.size
    const running = Promise.all(Array.from({ length: writers }, () => write(serving)))
    const enough = async (): Promise<void> => {
      while (acknowledged.size < before + writers) await delay(5)
    }
    await Promise.race([enough(), running])
    await delay(Math.random() * 100)
    const { pid } = serving.process
    if (pid === undefined) throw new Error('the command has no process')
    process.kill(-pid, 'SIGKILL')
    expect(await serving.ended).toBe('SIGKILL')
    await running
  }
  const serving = await serveCommand([...args, '--page-size', '0', '--max-page-size', '0'])
  try {
    const all = async <T>(path: string): Promise<readonly T[]> =>
      ((await (await fetch(serving.root + path)).json()) as { value: T[] }).value
    const named = await all<{ ID: number; Name: string }>('/Authors?$select=ID,Name')
    const authors = named.map(({ ID }) => ID)
    const changed = new Set(named.filter(({ Name }) => Name.startsWith('changed')).map(({ ID }) => ID))
    const written = new Map<number, number>()
    for (const { AuthorID, Title } of await all<{ AuthorID: number | null; Title: string }>(
      '/Books?$select=AuthorID,Title',
    )) {
      // what an update has parted from its author
      if (AuthorID === null) expect(Title).toMatch(/^x/)
      else {
        expect(Title === 'new', `author ${AuthorID} has books of both kinds`).toBe(changed.has(AuthorID))
        written.set(AuthorID, (written.get(AuthorID) ?? 0) + 1)
      }
    }
    expect(pairs.length).toBeGreaterThan(0)
    expect(
      pairs.filter(([one, other]) => changed.has(one) !== changed.has(other)),
      'deltas of which a part is there',
    ).toEqual([])
    expect(
      [...replaced].filter((id) => !changed.has(id)),
      'updates that were acknowledged, but are gone',
    ).toEqual([])
    expect(
      authors.filter((id) => written.get(id) !== books),
      'authors without all of their books',
    ).toEqual([])
    expect(
      [...written.keys()].filter((id) => !authors.includes(id)),
      'books without their author',
    ).toEqual([])
    expect(
      [...acknowledged].filter((id) => !authors.includes(id)),
      'acknowledged, but gone',
    ).toEqual([])
  } finally {
    await serving.stop()
  }
  process.stdout.write(
    `SIGKILL in change sets and deep writes, ${name}: ${requests} requests, ${kills} kills, ${acknowledged.size + replaced.size} acknowledged, lost: 0, torn: 0\n`,
  )
  return acknowledged.size
}

const { uri, reason } = mongodb()

describe.skipIf(commandMissing !== '')(
  `SIGKILL during change sets, deep inserts, deep updates and deltas${commandMissing && `: ${commandMissing}`}`,
  () => {
    it('leaves each of them whole or leaves nothing of it (embedded)', { timeout }, async () => {
      const data = dataFolder()
      expect(await crash('embedded', ['--data', data.path])).toBeGreaterThanOrEqual(kills * writers)
      data.remove()
    })

    it.skipIf(uri === undefined)(
      `leaves each of them whole or leaves nothing of it (mongodb${uri ? '' : `: ${reason}`})`,
      { timeout },
      async () => {
        expect(await crash('mongodb', ['--mongodb', freshDatabase(uri ?? '')])).toBeGreaterThanOrEqual(kills * writers)
      },
    )
  },
)
