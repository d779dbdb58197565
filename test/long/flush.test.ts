import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandMissing, dataFolder, serveCommand } from '../support/command.ts'
import { payload } from '../support/payloads.ts'

/** The kernel's view of durability: what is acknowledged was flushed to the disk before the answer's first byte. */

const strace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const skip = commandMissing || (strace ? '' : 'strace is missing, or may not trace')

const set = '/onPremEncryptedPayloads'
const calls = 'trace=read,write,writev,sendto,fdatasync,fsync,msync'

interface Exchange {
  /** calls between a request and its answer that flush, once they have returned 0 */
  flushes: number
  status: string
}

/** Requests and their answers in the order of the trace, with the flushes that ended between them. */
function exchanges(trace: string): Exchange[] {
  const found: Exchange[] = []
  let open: Exchange | undefined
  for (const line of trace.split('\n')) {
    if (/ read\(\d+, "(?:POST|PATCH|DELETE|GET) /.test(line)) open = { flushes: 0, status: '' }
    if (!open) continue
    if (
      /(?:fdatasync|fsync)(?:\(\d+\)|.*resumed>\))\s+= 0$/.test(line) ||
      /msync(?:\(.*MS_SYNC\)|.*resumed>\))\s+= 0$/.test(line)
    )
      open.flushes++
    const status = / (?:write|writev|sendto)\(\d+, .*?HTTP\/1\.1 (\d{3})/.exec(line)?.[1]
    if (status === undefined) continue
    found.push({ ...open, status })
    open = undefined
  }
  return found
}

describe.skipIf(skip !== '')(`the embedded store under strace${skip && `: ${skip}`}`, () => {
  it('flushes every change before the first byte of its answer, and no read', async () => {
    const data = dataFolder()
    const file = join(data.path, 'trace')
    const serving = await serveCommand(
      [
        'metadata/microsoft.graph.xml',
        '--base-path',
        '/beta',
        '--auth',
        'none',
        '--log-level',
        'silent',
        '--data',
        data.path,
      ],
      {},
      { group: true, under: ['strace', '-f', '-s', '40', '-e', calls, '-o', file] },
    )
    const changes = 10
    const send = (method: string, path: string, body?: object): Promise<Response> =>
      fetch(serving.root + path, {
        method,
        headers: { 'Content-Type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    for (let i = 0; i < changes; i++) {
      const { id } = (await (await send('POST', set, payload({ status: i }))).json()) as { id: string }
      await (await send('GET', `${set}/${id}`)).text()
      await (await send('PATCH', `${set}/${id}`, { status: i + 1 })).text()
      await (await send('DELETE', `${set}/${id}`)).text()
    }
    await serving.stop()
    const found = exchanges(readFileSync(file, 'utf8'))
    data.remove()
    expect(found.map(({ status }) => status)).toEqual(
      Array.from({ length: changes }, () => ['201', '200', '204', '204']).flat(),
    )
    const reads = found.filter((_, i) => i % 4 === 1)
    const writes = found.filter((_, i) => i % 4 !== 1)
    expect(
      writes.every(({ flushes }) => flushes > 0),
      JSON.stringify(writes),
    ).toBe(true)
    expect(
      reads.every(({ flushes }) => flushes === 0),
      JSON.stringify(reads),
    ).toBe(true)
  })
})
