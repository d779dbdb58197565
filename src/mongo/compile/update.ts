import type { Document } from 'mongodb'
import { fields } from '../../bson/layout.ts'
import type { Change } from '../../store/port.ts'

/** Updates as MongoDB takes them. Every value of a client stands under `$literal`, or where an operator takes a value. */

type Merge = Extract<Change, { kind: 'merge' }>
type Replace = Extract<Change, { kind: 'replace' }>

/** What a change does to a document, its version raised by one. `exacts` are fields of the key, kept by a replacement. */
export function updateOf(change: Change, exacts: readonly string[]): Document | Document[] {
  if (change.kind === 'replace') return replacement(change, exacts)
  // `$set` of a field inside what is not there or null makes the document around it in a pipeline only
  return [...Object.keys(change.set), ...change.unset].some((path) => path.includes('.'))
    ? stages(change)
    : modifiers(change)
}

function modifiers({ set, unset }: Merge): Document {
  const update: Document = { $inc: { [fields.version]: 1 } }
  if (Object.keys(set).length > 0) update.$set = set
  if (unset.length > 0) update.$unset = Object.fromEntries(unset.map((path) => [path, '']))
  return update
}

const nextVersion = { $add: [{ $ifNull: [`$${fields.version}`, 0] }, 1] }

function stages({ set, unset }: Merge): Document[] {
  const values = Object.entries(set).map(([path, value]) => [path, { $literal: value }])
  const update: Document[] = [{ $set: { ...Object.fromEntries(values), [fields.version]: nextVersion } }]
  if (unset.length > 0) update.push({ $unset: unset })
  return update
}

function replacement({ document, keep, keepInside = [] }: Replace, exacts: readonly string[]): Document[] {
  const kept = new Set([...keep, ...exacts])
  const entries = Object.entries(document).filter(
    ([name]) => name !== fields.id && name !== fields.version && !kept.has(name),
  )
  const own = Object.fromEntries([...kept].map((name) => [name, `$${name}`]))
  const inside = partsKept(
    Object.fromEntries(entries),
    keepInside.map((path) => path.split('.')),
    '',
  )
  return [
    {
      $replaceWith: {
        $mergeObjects: [
          { [fields.id]: `$${fields.id}`, [fields.version]: nextVersion },
          { $literal: Object.fromEntries(entries) },
          own,
          ...(inside === undefined ? [] : [inside]),
        ],
      },
    },
  ]
}

/**
 * The members of a document that keep something inside, as expressions: the new value, and over it what is kept of the old one.
 * @param paths from the document @param place of the document; empty: the row
 * @returns undefined where nothing is kept
 */
function partsKept(document: Document, paths: readonly (readonly string[])[], place: string): Document | undefined {
  const parts: Document = {}
  for (const [name = '', ...rest] of paths) {
    const path = place === '' ? name : `${place}.${name}`
    if (rest.length === 0) {
      parts[name] = `$${path}`
      continue
    }
    const value: unknown = document[name]
    if (Object.hasOwn(parts, name) || typeof value !== 'object' || value === null) continue
    const below = paths.filter(([first, ...more]) => first === name && more.length > 0).map(([, ...more]) => more)
    parts[name] = { $mergeObjects: [{ $literal: value }, partsKept(value, below, path)] }
  }
  return Object.keys(parts).length === 0 ? undefined : parts
}
