import { describe, expect, it } from 'vitest'
import { Joiner } from '../../../src/mongo/joiner.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('Joiner', () => {
  it('sends what arrives in one turn together, by group, and forgets the groups', async () => {
    const sent: (readonly number[])[] = []
    const joiner = new Joiner<number>(
      async (items) => {
        sent.push(items)
      },
      { inFlight: 2, patience: 5 },
    )
    for (const [name, item] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      joiner.add(name, item)
    expect(joiner.size).toBe(2)
    await turn()
    expect(sent).toEqual([[1, 3], [2]])
    await turn()
    expect(joiner.size).toBe(0)
  })

  it('forgets a group whose last requests went with the timer before their turn was over', async () => {
    const sent: (readonly string[])[] = []
    let endFirst = (): void => {}
    const joiner = new Joiner<string>(
      (items) => {
        sent.push(items)
        if (sent.length === 1)
          return new Promise((resolve) => {
            endFirst = resolve
          })
        endFirst()
        return Promise.resolve()
      },
      { inFlight: 1, patience: 1 },
    )
    joiner.add('a', 'first')
    await turn()
    joiner.add('a', 'waits for the timer')
    await new Promise<void>((resolve) =>
      setImmediate(() => {
        // the timer is due before the turn of this one ends
        joiner.add('a', 'goes along')
        const start = performance.now()
        while (performance.now() - start < 5);
        resolve()
      }),
    )
    await expect.poll(() => sent.length).toBe(2)
    expect(sent).toEqual([['first'], ['waits for the timer', 'goes along']])
    await expect.poll(() => joiner.size).toBe(0)
  })
})
