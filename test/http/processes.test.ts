import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder } from '../support/command.ts'
import { type ManyProcesses, manyProcesses } from '../support/many-processes.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'

/** Four processes of the service on the same data: some seconds here, a minute under ODATUM_TEST_LONG. */
const { uri, reason } = mongodb()
const milliseconds = process.env.ODATUM_TEST_LONG === '1' ? 60_000 : 3_000
const load = { workers: 4, milliseconds }
const timeout = milliseconds + 60_000

function check(store: string, result: ManyProcesses): void {
  process.stdout.write(`four processes, ${store}: ${JSON.stringify(result)}\n`)
  expect(result.lost).toBe(0)
  expect(Math.min(result.increments, result.transfers, result.deltas, result.changes)).toBeGreaterThan(0)
}

describe.skipIf(commandMissing !== '')(`four processes${commandMissing && `: ${commandMissing}`}`, () => {
  it('lose no update, tear no change set and keep every delta chain (embedded)', { timeout }, async () => {
    const data = dataFolder()
    check('embedded', await manyProcesses(['--data', data.path], load))
    data.remove()
  })

  it.skipIf(uri === undefined)(
    `lose no update, tear no change set and keep every delta chain (mongodb${uri ? '' : `: ${reason}`})`,
    { timeout },
    async () => {
      check('mongodb', await manyProcesses(['--mongodb', freshDatabase(uri ?? '')], load))
    },
  )
})
