import { Buffer } from 'node:buffer'
import { batchSupport } from '../csdl/capabilities.ts'
import type { EntityContainer } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { BatchPart, BatchUnit } from '../protocol/batch.ts'

/**
 * What the model says of batches (Capabilities.BatchSupport, BatchSupported on the entity container). Only what it denies is refused: a
 * service that says nothing takes whatever odatum can do.
 */

const mediaTypes = { multipart: 'multipart/mixed', json: 'application/json' } as const

/** Whether batches, and batches in this format, are taken. @throws ODataError notImplemented, unsupportedMediaType */
export function checkBatchFormat(container: EntityContainer | undefined, format: keyof typeof mediaTypes): void {
  const { supported, supportedFormats } = batchSupport(container)
  if (supported === false)
    throw new ODataError('notImplemented', 'This service takes no batches (Capabilities.BatchSupport/Supported).', {
      target: '$batch',
    })
  if (supportedFormats.length > 0 && !supportedFormats.includes(mediaTypes[format]))
    throw new ODataError(
      'unsupportedMediaType',
      `A batch is ${supportedFormats.join(' or ')} (Capabilities.BatchSupport/SupportedFormats).`,
      { target: 'Content-Type' },
    )
}

/** Whether the preference continue-on-error is applied. */
export function mayContinue(container: EntityContainer | undefined): boolean {
  return batchSupport(container).continueOnErrorSupported !== false
}

/** Units in which requests that ask for what the model denies have that as their fault. */
export function withoutUnsupported(
  container: EntityContainer | undefined,
  units: readonly BatchUnit[],
): readonly BatchUnit[] {
  const { etagReferences, dependencyConditions, referencesAcrossChangeSets, referencesInBodies } =
    batchSupport(container)
  if (![etagReferences, dependencyConditions, referencesAcrossChangeSets, referencesInBodies].includes(false))
    return units
  const refused = (part: BatchPart, own: ReadonlySet<string>): string | undefined => {
    const tag = part.headers.get('if-match') ?? part.headers.get('if-none-match')
    if (etagReferences === false && tag?.startsWith('$')) return 'EtagReferencesSupported'
    if (dependencyConditions === false && part.condition !== undefined) return 'RequestDependencyConditionsSupported'
    const id = referenceOf(part.url)
    if (referencesAcrossChangeSets === false && id !== undefined && !own.has(id))
      return 'ReferencesAcrossChangeSetsSupported'
    if (
      referencesInBodies === false &&
      ids.some((known) => part.body !== undefined && Buffer.from(part.body).includes(`"$${known}`))
    )
      return 'ReferencesInRequestBodiesSupported'
    return undefined
  }
  const ids = units.flatMap(({ parts }) => parts.flatMap(({ id: known }) => known ?? []))
  return units.map((unit) => {
    const own = new Set(unit.group === undefined ? [] : unit.parts.flatMap(({ id }) => id ?? []))
    const parts = unit.parts.map((part) => {
      const property = part.fault === undefined ? refused(part, own) : undefined
      return property === undefined ? part : { ...part, fault: denied(property) }
    })
    return { ...unit, parts }
  })
}

function denied(property: string): ODataError {
  return new ODataError(
    'notImplemented',
    `The batch asks for what the service denies (Capabilities.BatchSupport/${property}).`,
  )
}

/** The id that a URL begins with (Protocol 11.7.4). */
function referenceOf(url: string): string | undefined {
  return /^\/?\$([\w.~-]+)(?=\/|\?|$)/.exec(url)?.[1]
}
