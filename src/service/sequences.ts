import { decodeEntity } from '../bson/decode.ts'
import { type Sequence, sequenceOf } from '../csdl/sequence.ts'
import type { EntityType, KeyProperty } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { StructuredValue, Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { CreatePlan, ReadPlan, SourceRoot, UpdatePlan } from '../plan/plan.ts'
import { hopPlan } from '../plan/source.ts'
import type { Store } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import type { RequestContext } from './controller.ts'
import { Records } from './records.ts'

/**
 * Keys by sequence (Odatum.V1.Sequence). Each counter is a record of the store, from which a process takes a block of numbers at a time:
 * by itself, never as part of a transaction, so that no number is given twice whatever becomes of who got it. Numbers are not without
 * gaps, and those of several processes are not in the order of time.
 */

interface Block {
  next: bigint
  /** behind the last one */
  end: bigint
}

/** The counters of one process. */
export class Counters {
  readonly #records: Records
  readonly #blocks = new Map<string, Block>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(store: Store, timeLimit: number) {
    this.#records = new Records(store, timeLimit)
  }

  /** @param greatest of the numbers in use: asked where the counter begins */
  async next(sequence: Sequence, greatest: () => Promise<bigint | undefined>): Promise<bigint> {
    const { name, last } = sequence
    let block = this.#blocks.get(name)
    if (block === undefined || block.next >= block.end) block = await this.#refilled(sequence, greatest)
    const number = block.next++
    if (number <= last) return number
    throw new ODataError('conflict', `The sequence ${name} has no more numbers.`)
  }

  /** One after the other: who waited for a block takes from it. */
  #refilled(sequence: Sequence, greatest: () => Promise<bigint | undefined>): Promise<Block> {
    const refill = async (): Promise<Block> => {
      const { name, block: size } = sequence
      const known = this.#blocks.get(name)
      if (known !== undefined && known.next < known.end) return known
      const first = await this.#take(sequence, greatest, false)
      const block = { next: first, end: first + size }
      this.#blocks.set(name, block)
      return block
    }
    const mine = this.#turn.then(refill, refill)
    this.#turn = mine
    return mine
  }

  /** Goes on behind the greatest number in use: others have given numbers without asking. */
  async skip(sequence: Sequence, greatest: () => Promise<bigint | undefined>): Promise<void> {
    this.#blocks.delete(sequence.name)
    const first = await this.#take(sequence, greatest, true)
    this.#blocks.set(sequence.name, { next: first, end: first + sequence.block })
  }

  /** @returns the first number of a new block */
  async #take(
    { name, start, block }: Sequence,
    greatest: () => Promise<bigint | undefined>,
    looking: boolean,
  ): Promise<bigint> {
    let first = start
    await this.#records.change('sequence', name, async (value) => {
      const used = value === undefined || looking ? await greatest() : undefined
      first = value === undefined ? start : readCounter(value)
      if (used !== undefined && used >= first) first = used + 1n
      return writeCounter(first + block)
    })
    return first
  }
}

function readCounter(value: Uint8Array): bigint {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).readBigInt64BE()
}

function writeCounter(next: bigint): Uint8Array {
  const value = Buffer.alloc(8)
  value.writeBigInt64BE(BigInt.asIntN(64, next))
  return new Uint8Array(value)
}

const counters = new WeakMap<Store, Counters>()

function countersOf({ store, session }: RequestContext): Counters {
  let found = counters.get(store)
  if (found === undefined) {
    found = new Counters(store, session.timeLimit)
    counters.set(store, found)
  }
  return found
}

/** What a new entity lacks of its key and a sequence gives. */
export function missingNumbers(type: EntityType, members: ReadonlyMap<string, Value>): readonly KeyProperty[] {
  return type.key.filter(
    ({ path, property }) =>
      path.length === 1 && (members.get(property.name) ?? null) === null && sequenceOf(property) !== undefined,
  )
}

/** A new entity with the numbers that it lacks. */
export async function numbered(
  context: RequestContext<CreatePlan | UpdatePlan>,
  entity: StructuredValue,
  missing: readonly KeyProperty[],
): Promise<StructuredValue> {
  const members = new Map(entity.members)
  for (const part of missing) {
    const sequence = sequenceOf(part.property)
    if (sequence === undefined) continue
    const number = await countersOf(context).next(sequence, () => greatestOf(context, part))
    members.set(part.property.name, isInt64(part) ? number : Number(number))
  }
  return { ...entity, members }
}

/** Goes on behind the numbers that others have given. */
export async function skipNumbers(
  context: RequestContext<CreatePlan | UpdatePlan>,
  missing: readonly KeyProperty[],
): Promise<void> {
  for (const part of missing) {
    const sequence = sequenceOf(part.property)
    if (sequence) await countersOf(context).skip(sequence, () => greatestOf(context, part))
  }
}

function isInt64({ property }: KeyProperty): boolean {
  return primitiveOf(property.type.type)?.name === 'Edm.Int64'
}

const lastOnes = new WeakMap<SourceRoot, ReadPlan>()

/** The greatest value of a key property in a set; of contained entities it is not looked for. */
async function greatestOf(
  { plan, store, session, layout, collection }: RequestContext<CreatePlan | UpdatePlan>,
  { property }: KeyProperty,
): Promise<bigint | undefined> {
  const { root } = plan.source
  if (root.kind !== 'entitySet') return undefined
  let read = lastOnes.get(root)
  if (read === undefined) {
    const expression = {
      kind: 'member',
      variable: '$it',
      steps: [{ kind: 'property', property }],
      type: property.type,
    } as const
    const source = { root, steps: [], type: root.type, single: false }
    read = Object.freeze({ ...hopPlan(source), orderby: [{ expression, descending: true }] })
    lastOnes.set(root, read)
  }
  const alone = sessionLike(session, {
    parameters: [],
    rowFilters: new Map(),
    precondition: undefined,
    transaction: undefined,
    after: undefined,
    limit: 1,
  })
  const rows = await store.read(read, alone)
  const [row] = rows.first
  await rows.close()
  const value = row && decodeEntity(layout, collection, row).members.get(property.name)
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : undefined
}
