import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder } from '../support/command.ts'
import { crash } from '../support/crash.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'

/** Many kills: at every stage of a commit, with luck. */
const { uri, reason } = mongodb()
const kills = 60

describe.skipIf(commandMissing !== '')(
  `${kills} times SIGKILL during writes${commandMissing && `: ${commandMissing}`}`,
  () => {
    it('leaves every acknowledged entity whole (embedded)', async () => {
      const data = dataFolder()
      expect(await crash(['--data', data.path], kills)).toBeGreaterThan(30 * kills)
      data.remove()
    })

    it('leaves every acknowledged entity whole (embedded, two workers)', async () => {
      const data = dataFolder()
      expect(await crash(['--data', data.path, '--workers', '2'], kills / 4)).toBeGreaterThan(30 * (kills / 4))
      data.remove()
    })

    it.skipIf(uri === undefined)(
      `leaves every acknowledged entity whole (mongodb${uri ? '' : `: ${reason}`})`,
      async () => {
        expect(await crash(['--mongodb', freshDatabase(uri ?? '')], kills)).toBeGreaterThan(30 * kills)
      },
    )
  },
)
