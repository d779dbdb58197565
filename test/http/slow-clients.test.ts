import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { payload } from '../support/payloads.ts'
import {
  embeddedForTests,
  graphModel,
  graphSettings,
  mongoForTests,
  type RunningService,
  type StoreForTests,
  startService,
} from '../support/running-service.ts'

/** Clients that go away in the middle, read slowly, stop reading, or stop sending. */

const set = '/onPremEncryptedPayloads'
const rows = 300
const rowBytes = 300_000

// only what is alive counts: other test files of the same worker leave much behind that is not collected yet
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const { uri, reason } = mongodb()
const database = freshDatabase(uri ?? 'mongodb://none/', 'slow')
const stores: readonly (readonly [string, () => StoreForTests, boolean])[] = [
  ['embedded', embeddedForTests, false],
  [uri === undefined ? `mongodb: ${reason}` : 'mongodb', () => mongoForTests(uri ?? '', database), uri === undefined],
]

for (const [name, store, skip] of stores)
  describe.skipIf(skip)(`slow clients (${name})`, () => {
    let running: RunningService
    let admin: MongoClient | undefined
    const sockets: Socket[] = []

    beforeAll(async () => {
      running = await startService(graphModel, store(), {
        ...graphSettings,
        limits: { pageSize: Number.POSITIVE_INFINITY, maxPageSize: Number.POSITIVE_INFINITY },
        answerIdle: 1_000,
      })
      if (name === 'mongodb') admin = await new MongoClient(uri ?? '').connect()
      const body = payload({ plistTemplate: 'x'.repeat(rowBytes) })
      for (let n = 0; n < rows; n += 20)
        await Promise.all(Array.from({ length: 20 }, () => running.send('POST', set, body).then((one) => one.text())))
    })
    afterAll(async () => {
      for (const socket of sockets) socket.destroy()
      await admin?.close()
      await running?.stop()
    })

    /** Sends a request as it is written, and reads nothing yet. */
    const open = async (text: string): Promise<Socket> => {
      const { port } = new URL(running.root)
      const socket = connect(Number(port), '127.0.0.1').pause()
      sockets.push(socket)
      socket.on('error', () => {})
      await new Promise<void>((done) => socket.once('connect', done))
      socket.write(text)
      return socket
    }
    const get = (path: string, more = '') =>
      open(`GET /beta${path} HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\n${more}\r\n`)
    const bytesOf = async (socket: Socket, least: number): Promise<number> => {
      let bytes = 0
      const onData = (chunk: Buffer): void => {
        bytes += chunk.length
        if (bytes >= least) socket.pause()
      }
      socket.on('data', onData).resume()
      for (let waited = 0; bytes < least && waited < 5_000; waited += 10) await delay(10)
      socket.pause().off('data', onData)
      return bytes
    }
    /** Cursors that the server keeps open for this database. */
    const cursors = async (): Promise<number> => {
      if (admin === undefined) return 0
      const of = new URL(database).pathname.slice(1)
      const ops = await admin
        .db('admin')
        .aggregate([
          { $currentOp: { idleCursors: true, allUsers: true } },
          { $match: { type: 'idleCursor', ns: { $regex: `^${of}\\.onPrem` } } },
        ])
        .toArray()
      return ops.length
    }
    const noCursors = async (): Promise<void> => {
      for (let waited = 0; (await cursors()) > 0; waited += 50) {
        if (waited > 5_000) throw new Error('a cursor stays open')
        await delay(50)
      }
    }
    const memory = (): number => {
      collectGarbage()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }

    it('lets go of what it reads from when its client goes away in the middle', async () => {
      for (let n = 0; n < 5; n++) {
        const socket = await get(set)
        expect(await bytesOf(socket, 500_000)).toBeGreaterThanOrEqual(500_000)
        socket.destroy()
      }
      await noCursors()
      // closing waits for requests that are under way
      const started = Date.now()
      await running.restart()
      expect(Date.now() - started).toBeLessThan(5_000)
    })

    it('reads no faster than a slow client does, and closes the connection of one that stops', async () => {
      const before = memory()
      const slow = await Promise.all(Array.from({ length: 4 }, () => get(set)))
      const closed = slow.map((socket) => new Promise<void>((done) => socket.once('close', done)))
      for (const socket of slow) await bytesOf(socket, 200_000)
      await delay(300)
      // four answers of 90 MB each: what the sockets hold, and of MongoDB's batches of 16 MB two or three
      expect(memory() - before).toBeLessThan(0.75 * 4 * rows * rowBytes)
      await delay(1_500)
      for (const socket of slow) socket.resume()
      await Promise.all(closed)
      await noCursors()
    })

    it('goes on for a client that reads slowly but does not stop', async () => {
      const socket = await get(`${set}?$top=20&$select=plistTemplate`, 'Connection: close\r\n')
      const ended = new Promise<void>((done) => socket.once('end', done))
      let bytes = 0
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        text = (text + chunk.toString('latin1')).slice(-200)
        socket.pause()
        setTimeout(() => socket.resume(), 10)
      })
      socket.resume()
      await ended
      // whole, whether in chunks or with its length
      expect(text).toMatch(/\]\}(?:\r\n0\r\n\r\n)?$/)
      expect(bytes).toBeGreaterThan(20 * rowBytes)
      socket.destroy()
    })

    it('stores nothing of a body that is cut off, and nothing of half a batch', async () => {
      const count = async (): Promise<number> => Number(await (await running.get(`${set}/$count`)).text())
      const before = await count()
      const body = JSON.stringify(payload())
      const head = (path: string, length: number) =>
        `POST /beta${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
      const half = await open(head(set, body.length) + body.slice(0, -5))
      const requests = Array.from({ length: 3 }, (_, id) => ({
        ...{ id: `${id}`, method: 'POST', url: set.slice(1) },
        headers: { 'Content-Type': 'application/json' },
        body: payload(),
      }))
      const text = JSON.stringify({ requests })
      const batch = await open(head('/$batch', text.length) + text.slice(0, -20))
      await delay(100)
      half.destroy()
      batch.destroy()
      await delay(100)
      expect(await count()).toBe(before)
    })
  })
