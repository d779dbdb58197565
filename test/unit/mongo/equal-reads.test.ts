import { describe, expect, it } from 'vitest'
import { EqualReads } from '../../../src/mongo/equal-reads.ts'
import { joinedSession } from '../../../src/mongo/joiner.ts'

const session = joinedSession(1_000)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('equal reads', () => {
  it('asks once for what is asked in one turn, with the time limit of those who ask', async () => {
    const asked: [object, number][] = []
    const reads = new EqualReads(async (query: { n: number }, { timeLimit }) => {
      asked.push([query, timeLimit])
      return query.n * 2
    })
    const answers = [1, 2, 1, 1].map((n) => reads.read({ n }, session))
    answers.push(reads.read({ n: 1 }, joinedSession(2_000)))
    answers.push(reads.read({ n: 1 }, { ...session, scope: 'other' }))
    expect(await Promise.all(answers)).toEqual([2, 4, 2, 2, 2, 2])
    expect(asked).toEqual([
      [{ n: 1 }, 1_000],
      [{ n: 2 }, 1_000],
      [{ n: 1 }, 2_000],
      [{ n: 1 }, 1_000],
    ])
  })

  it('tells values of different types apart', async () => {
    let asked = 0
    const reads = new EqualReads(async ({ value }: { value: unknown }) => {
      asked++
      return typeof value
    })
    const values = [1, '1', true, 1n, null, [1], { 0: 1 }, new Map([['0', 1]])]
    await Promise.all(values.map((value) => reads.read({ value }, session)))
    // a map is a document as an object is
    expect(asked).toBe(values.length - 1)
  })

  it('gives a slow command up once all who asked have gone away, and not before', async () => {
    const signals: AbortSignal[] = []
    const reads = new EqualReads(
      (_query: object, { signal }) =>
        new Promise<number>((_, reject) => {
          if (signal) signals.push(signal)
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    const clients = [new AbortController(), new AbortController(), new AbortController()]
    // gone before anybody looks
    clients[0]?.abort()
    const answers = clients.map(({ signal }) => reads.read({}, { ...session, signal }).catch((error) => error.code))
    await turn()
    await new Promise((resolve) => setTimeout(resolve, 150))
    clients[1]?.abort()
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    clients[2]?.abort()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(await Promise.all(answers)).toEqual(Array(3).fill('storeTimeout'))
  })

  it('keeps who comes later for the next command, and does not let a slow one hold it up for long', async () => {
    const ends: ((answer: number) => void)[] = []
    const reads = new EqualReads(() => new Promise<number>((resolve) => ends.push(resolve)))
    const first = reads.read({}, session)
    await turn()
    expect(ends).toHaveLength(1)
    const second = reads.read({}, session)
    const third = reads.read({}, session)
    await turn()
    expect(ends).toHaveLength(1)
    ends[0]?.(1)
    expect(await first).toBe(1)
    await expect.poll(() => ends.length).toBe(2)
    const fourth = reads.read({}, session)
    // nobody answers the second command: the fourth goes all the same
    await expect.poll(() => ends.length).toBe(3)
    ends[2]?.(3)
    expect(await fourth).toBe(3)
    ends[1]?.(2)
    expect(await Promise.all([second, third])).toEqual([2, 2])
  })

  it('tells all who asked of a failure, and asks anew afterwards', async () => {
    let fails = true
    const reads = new EqualReads(async () => {
      if (fails) throw new Error('gone')
      return 1
    })
    const answers = await Promise.allSettled([reads.read({}, session), reads.read({}, session)])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    fails = false
    expect(await reads.read({}, session)).toBe(1)
  })
})
