import { fields } from '../bson/layout.ts'
import { bsonType, elementName, elementType, firstElement, nextElement, valueOffset } from '../bson/reader.ts'
import { streamAt } from '../bson/stream.ts'
import type { Model, StructuredType } from '../edm/model.ts'
import { isMedia, isStream, isStructured } from '../edm/types.ts'
import type { Source } from '../plan/plan.ts'
import type { Session } from '../store/port.ts'
import type { Core } from './core.ts'
import { onceCommitted } from './transact.ts'

/** The files that rows point to, and what becomes of those that no row points to any more (store/streams.ts). */

const known = new WeakMap<StructuredType, boolean>()

/** Whether values of a type, or of one derived from it, may have streams, at any depth. */
export function mayHaveStreams(type: StructuredType): boolean {
  let found = known.get(type)
  if (found === undefined) {
    known.set(type, false)
    found = [type, ...type.derivedTypes].some(
      (each) =>
        (each.kind === 'entity' && isMedia(each)) ||
        [...each.allProperties.values()].some(
          (property) => isStream(property) || (isStructured(property.type.type) && mayHaveStreams(property.type.type)),
        ),
    )
    known.set(type, found)
  }
  return found
}

/** Whether a service of a model keeps streams at all. */
export function hasStreams(model: Model): boolean {
  return [...model.types.values()].some((type) => isStructured(type) && mayHaveStreams(type))
}

/** Gives the files that a row of a source points to; undefined where rows of its type point to none. */
export function filesOf({ root }: Pick<Source, 'root'>): ((row: Uint8Array) => readonly string[]) | undefined {
  return mayHaveStreams(root.type) ? filesIn : undefined
}

function filesIn(row: Uint8Array): readonly string[] {
  const files: string[] = []
  collect(row, 0, files)
  return files
}

function collect(row: Uint8Array, start: number, files: string[]): void {
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    const type = elementType(row, at)
    if (type !== bsonType.document && type !== bsonType.array) continue
    const name = elementName(row, at)
    if (name === fields.media || name.endsWith(fields.stream)) {
      const stream = streamAt(row, at)
      if (stream !== undefined) files.push(stream.file)
    } else collect(row, valueOffset(row, at), files)
  }
}

/** Releases files once the change stands. That it fails is no fault of the request: a later sweep finds them. */
export async function letGo(core: Core, session: Session, files: readonly string[]): Promise<void> {
  if (files.length > 0) await onceCommitted(session, core.log, () => core.store.streams.release(files))
}

/** Milliseconds between two sweeps, and before the first. */
const sweepEvery = 3_600_000
const firstSweep = 60_000

/**
 * Sweeps in the background: files that no entity points to, records whose time is over.
 * @returns stops it
 */
export function startSweeping(core: Core): () => void {
  const streams = hasStreams(core.model)
  const stopped = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const wait = (milliseconds: number): void => {
    // processes that share a store should not all sweep at once
    timer = setTimeout(sweep, milliseconds * (0.5 + Math.random())).unref()
  }
  const sweep = async (): Promise<void> => {
    try {
      await core.records.sweep()
      if (streams) await core.store.streams.sweep({ grace: core.limits.streamGrace, signal: stopped.signal })
    } catch (error) {
      core.log?.warn({ err: error }, 'what nobody needs any more could not be swept')
    }
    if (!stopped.signal.aborted) wait(sweepEvery)
  }
  wait(firstSweep)
  return () => {
    stopped.abort()
    clearTimeout(timer)
  }
}
