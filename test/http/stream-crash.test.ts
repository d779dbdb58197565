import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { embeddedStore } from '../../src/embedded/store.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import type { Store } from '../../src/store/port.ts'
import { commandMissing, dataFolder, serveCommand } from '../support/command.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { startService } from '../support/running-service.ts'

const model = 'test/models/media.xml'
const { uri, reason } = mongodb()
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Kills the command (SIGKILL) in the middle of uploads, and looks at what is left by another process. */
async function crash(args: readonly string[], open: () => Store): Promise<void> {
  const old = randomBytes(300_000)
  let expected = sha(old)
  for (let round = 0; round < 2; round++) {
    const serving = await serveCommand([model, '--auth', 'none', '--log-level', 'silent', ...args], {}, { group: true })
    const url = `${serving.root}/Things('a')/picture`
    if (round === 0) {
      const headers = { 'Content-Type': 'application/json' }
      const made = await fetch(`${serving.root}/Things`, { method: 'POST', headers, body: '{"id":"a"}' })
      expect(made.status).toBe(201)
      const put = await fetch(url, { method: 'PUT', headers: { 'Content-Type': 'image/png' }, body: old })
      expect(put.status).toBe(204)
    }
    const failed = upload(url, serving.process.pid ?? 0, round)
    expect(await serving.ended).toBe('SIGKILL')
    expect(await failed, 'an upload that was cut off is never acknowledged').toBe('cut off')
  }

  let store: Store | undefined
  const running = await startService(
    model,
    {
      open: () => {
        store = open()
        return store
      },
      remove: () => undefined,
    },
    {},
  )
  try {
    const read = async (): Promise<string> => {
      const answer = await running.get("/Things('a')/picture")
      expect(answer.status).toBe(200)
      return sha(new Uint8Array(await answer.arrayBuffer()))
    }
    expect(await read()).toBe(expected)
    const swept = await store?.streams.sweep({ grace: 0 })
    expect(swept, 'what the killed uploads left').toEqual({ removed: 2, released: 0 })
    expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 0, released: 0 })
    expect(await read()).toBe(expected)
    const next = randomBytes(70_000)
    expected = sha(next)
    const headers = { 'Content-Type': 'image/png' }
    expect((await fetch(`${running.root}/Things('a')/picture`, { method: 'PUT', headers, body: next })).status).toBe(
      204,
    )
    expect(await read()).toBe(expected)
  } finally {
    await running.stop()
  }
}

/** Sends a part of an upload that is stored in pieces, and kills the service. */
async function upload(url: string, pid: number, round: number): Promise<'cut off' | number> {
  return new Promise((done, fail) => {
    const sending = request(url, { method: 'PUT', headers: { 'Content-Type': 'image/png' } })
    sending.on('error', () => done('cut off'))
    sending.on('response', (answer) => done(answer.statusCode ?? 0))
    // more than what either store writes at once, and than sockets hold
    sending.write(randomBytes(12_000_000 + round * 3_000_000), () => {
      delay(300 + Math.random() * 200)
        // with all its workers
        .then(() => process.kill(-pid, 'SIGKILL'))
        .catch(fail)
    })
  })
}

describe.skipIf(commandMissing !== '')(`SIGKILL during uploads${commandMissing && `: ${commandMissing}`}`, () => {
  it('leaves the old content, and pieces that the sweep removes (embedded)', async () => {
    const data = dataFolder()
    await crash(['--data', data.path], () => embeddedStore({ path: join(data.path, 'store') }))
    data.remove()
  })

  it.skipIf(uri === undefined)(
    `leaves the old content, and pieces that the sweep removes (mongodb${uri ? '' : `: ${reason}`})`,
    async () => {
      const database = freshDatabase(uri ?? '')
      await crash(['--mongodb', database], () => mongoStore(database))
    },
  )
})
