import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder } from '../support/command.ts'
import { crash } from '../support/crash.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'

/** The short form of test/long/crash.test.ts. */
const { uri, reason } = mongodb()

describe.skipIf(commandMissing !== '')(`SIGKILL during writes${commandMissing && `: ${commandMissing}`}`, () => {
  it('leaves every acknowledged entity whole (embedded)', async () => {
    const data = dataFolder()
    expect(await crash(['--data', data.path], 2)).toBeGreaterThan(60)
    data.remove()
  })

  it.skipIf(uri === undefined)(
    `leaves every acknowledged entity whole (mongodb${uri ? '' : `: ${reason}`})`,
    async () => {
      expect(await crash(['--mongodb', freshDatabase(uri ?? '')], 2)).toBeGreaterThan(60)
    },
  )
})
