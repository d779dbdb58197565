import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statfsSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MongoClient } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder, serveCommand } from '../support/command.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'

/** A stream of 1 GB goes up and down, and the memory of the service stays flat. */

const size = 1_000_000_000
const piece = Buffer.alloc(1_000_000, 'odatum ')
/** more than this, above what the service has before, would mean that it holds on to what passes through */
const most = 200_000_000

const { bavail, bsize } = statfsSync(tmpdir())
const space = bavail * bsize < 3_000_000_000 ? `${tmpdir()} has not 3 GB free` : ''
const skip = commandMissing || space
if (skip) console.warn(`large streams are not tested: ${skip}`)

const { uri, reason } = mongodb()

describe.skipIf(skip !== '')(`streams of 1 GB${skip && `: ${skip}`}`, () => {
  it('go up and down through flat memory (embedded)', async () => {
    const data = dataFolder()
    try {
      await upAndDown('embedded', ['--data', data.path])
    } finally {
      data.remove()
    }
  })

  it.skipIf(uri === undefined)(`go up and down through flat memory (mongodb${uri ? '' : `: ${reason}`})`, async () => {
    const database = freshDatabase(uri ?? '')
    try {
      await upAndDown('mongodb', ['--mongodb', database])
    } finally {
      const client = await MongoClient.connect(database)
      await client.db().dropDatabase()
      await client.close()
    }
  })
})

/** @param at flags that say where the data are */
async function upAndDown(store: string, at: readonly string[]): Promise<void> {
  const args = ['test/models/media.xml', '--auth', 'none', '--log-level', 'silent', ...at]
  const serving = await serveCommand(args, {}, { group: true })
  const watch = { timer: undefined as NodeJS.Timeout | undefined }
  try {
    const before = memory(serving.process.pid ?? 0)
    let peak = before
    watch.timer = setInterval(() => {
      peak = Math.max(peak, memory(serving.process.pid ?? 0))
    }, 200)
    const sent = createHash('sha256')
    const start = Date.now()
    expect(await upload(`${serving.root}/Files('large')/$value`, sent)).toBe(201)
    const up = { seconds: (Date.now() - start) / 1_000, peak }
    peak = before
    const read = await fetch(`${serving.root}/Files('large')/$value`)
    expect(read.headers.get('Content-Length')).toBe(String(size))
    const received = createHash('sha256')
    let length = 0
    for await (const chunk of read.body ?? []) {
      received.update(chunk)
      length += chunk.length
    }
    const down = { seconds: (Date.now() - start) / 1_000 - up.seconds, peak }
    console.log('large stream, memory of the service in bytes:', JSON.stringify({ store, before, up, down }))
    expect(length).toBe(size)
    expect(received.digest('hex')).toBe(sent.digest('hex'))
    expect(up.peak - before).toBeLessThan(most)
    expect(down.peak - before).toBeLessThan(most)
  } finally {
    clearInterval(watch.timer)
    await serving.stop()
  }
}

async function upload(url: string, hash: ReturnType<typeof createHash>): Promise<number | undefined> {
  const sending = request(url, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': size },
  })
  const status = new Promise<number | undefined>((done, fail) => {
    sending.on('error', fail)
    sending.on('response', (answer) => {
      answer.resume()
      done(answer.statusCode)
    })
  })
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < size; at += piece.length) {
      hash.update(piece)
      yield piece
    }
  }
  await pipeline(Readable.from(pieces()), sending)
  return status
}

/** Bytes of the processes of a group that no file stands behind: pages of lmdb are the kernel's to drop. */
function memory(group: number): number {
  let sum = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      // behind the name of the program: state, parent, group
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) !== group) continue
      const kilobytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]
      sum += Number(kilobytes ?? 0) * 1_024
    } catch {
      // gone meanwhile
    }
  }
  return sum
}
