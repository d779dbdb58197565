import { createHash, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { encodeStream } from '../../src/bson/stream.ts'
import type { StreamPlace, Swept } from '../../src/store/streams.ts'
import { type Client, collectionOf } from './kit.ts'

/** Files of streams: written whole or not at all, read in parts, removed once no row points to them. */
export function streamContract(client: () => Client): void {
  const place: StreamPlace = { collection: collectionOf('things'), field: ['@media'] }
  const streams = () => client().store.streams
  const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

  async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const write = (bytes: Uint8Array, size = 10_000) => streams().write(pieces(bytes, size), place, 20_000)
  const read = async (file: string, start: number, end: number): Promise<Buffer> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of streams().read(file, start, end, 20_000)) chunks.push(Uint8Array.from(chunk))
    return Buffer.concat(chunks)
  }
  const readable = (file: string) =>
    read(file, 0, 1).then(
      () => true,
      () => false,
    )
  /** A row that points to a file. */
  const point = async (id: string, file: string, length: number): Promise<Uint8Array> => {
    if ((await client().one(`things('${id}')`)) === undefined) await client().create('things', { id })
    const set = { '@media': encodeStream({ file, contentType: 'a/b', length }) }
    const outcome = await client().update(`things('${id}')`, { kind: 'merge', set, unset: [] })
    if (outcome.kind !== 'updated') throw new Error(outcome.kind)
    return outcome.row
  }
  const sweep = (grace = 0): Promise<Swept> => streams().sweep({ grace })

  it.each([0, 1, 65_520, 65_521, 261_120, 1_500_007])('gives %i bytes back, whole and in parts', async (length) => {
    const bytes = randomBytes(length)
    const file = await write(bytes)
    expect(file.length).toBe(length)
    expect(file.id).toMatch(/^[0-9a-f]{24}$/)
    expect(sha(await read(file.id, 0, length))).toBe(sha(bytes))
    for (const [start, end] of [
      [0, 1],
      [65_519, 65_522],
      [261_119, 700_001],
      [length - 1, length],
    ] as const)
      if (start >= 0 && end <= length)
        expect(sha(await read(file.id, start, end)), `${start}-${end}`).toBe(sha(bytes.subarray(start, end)))
  })

  it('fails where bytes are missing rather than giving fewer', async () => {
    const file = await write(randomBytes(1_000))
    await expect(read(file.id, 0, 1_001)).rejects.toMatchObject({ code: 'storeUnavailable' })
    await streams().discard(file.id)
    await expect(read(file.id, 0, 1)).rejects.toMatchObject({ code: 'storeUnavailable' })
  })

  it('keeps nothing of an upload that fails', async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield randomBytes(1_500_000)
      throw new Error('gone')
    }
    // what the tests before have left
    await sweep()
    await sweep()
    await expect(streams().write(broken(), place, 20_000)).rejects.toThrow('gone')
    expect(await sweep()).toMatchObject({ removed: 0, released: 0 })
  })

  it('sweeps what no row points to, in two steps, and keeps the rest', async () => {
    const kept = await write(randomBytes(10))
    await streams().own(kept.id, place, await point('kept', kept.id, 10))
    const unnoted = await write(randomBytes(10))
    await point('unnoted', unnoted.id, 10)
    const orphan = await write(randomBytes(10))
    const replaced = await write(randomBytes(10))
    await streams().own(replaced.id, place, await point('replaced', replaced.id, 10))
    const second = await write(randomBytes(10))
    await streams().own(second.id, place, await point('replaced', second.id, 10))
    expect(await sweep(60_000)).toEqual({ removed: 0, released: 0 })
    const first = await sweep()
    expect(first.released).toBeGreaterThanOrEqual(2)
    expect(await readable(replaced.id)).toBe(true)
    expect((await sweep()).removed).toBeGreaterThanOrEqual(2)
    for (const [file, there] of [
      [kept, true],
      [unnoted, true],
      [second, true],
      [orphan, false],
      [replaced, false],
    ] as const)
      expect(await readable(file.id)).toBe(there)
    await client().delete(`things('kept')`)
    await sweep()
    await sweep()
    expect(await readable(kept.id)).toBe(false)
  })

  it('does not believe a release that a row contradicts', async () => {
    const file = await write(randomBytes(10))
    await streams().own(file.id, place, await point('taken back', file.id, 10))
    await streams().release([file.id])
    await sweep()
    await sweep()
    expect(await readable(file.id)).toBe(true)
  })

  it('leaves a released file to who is reading it', async () => {
    const file = await write(randomBytes(3_000_000))
    await streams().own(file.id, place, await point('read', file.id, 10))
    const reading = streams().read(file.id, 0, 3_000_000, 20_000)
    let length = (await reading.next()).value?.length ?? 0
    await client().delete(`things('read')`)
    await streams().release([file.id])
    await sweep()
    for await (const chunk of reading) length += chunk.length
    expect(length).toBe(3_000_000)
    await sweep()
    expect(await readable(file.id)).toBe(false)
  })
}
