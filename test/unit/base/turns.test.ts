import { describe, expect, it } from 'vitest'
import { createTurns } from '../../../src/base/turns.ts'

const work = (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('turns of long work', () => {
  it('are due after some milliseconds, and let others go on', async () => {
    const turns = createTurns()
    work(8)
    expect(turns.due()).toBe(true)
    let others = false
    setImmediate(() => {
      others = true
    })
    await Promise.resolve()
    expect(others).toBe(false)
    await turns.pass()
    expect(others).toBe(true)
    // a turn starts the time again
    const early = Array.from({ length: 5 }, () => createTurns().due())
    expect(early).toContain(false)
  })
})
