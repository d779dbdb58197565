import type { ModelLayout } from '../../bson/layout.ts'
import { rowPath } from '../../payload/row-path.ts'
import type { Place } from '../transfer/places.ts'
import type { PlacedRow } from '../transfer/walk-rows.ts'
import { checkRow } from './check-row.ts'

/** One kind of misfit in one place. */
export interface Finding {
  /** `Books`, or of a contained collection `Namespace.Type/property` */
  readonly resource: string
  readonly path: string
  readonly problem: string
  count: number
  /** paths of the first entities that have it */
  readonly entities: string[]
}

/** Entities named for each finding. */
const named = 5

/**
 * Holds stored entities against the model.
 * @param progress is told after each entity how many there were
 * @returns the findings, each kind once, in the order they were met
 */
export async function findMisfits(
  layout: ModelLayout,
  rows: AsyncIterable<PlacedRow>,
  progress: (entities: number) => void,
): Promise<readonly Finding[]> {
  const findings = new Map<string, Finding>()
  const paths = new Map<string, (row: Uint8Array) => string>()
  let entities = 0
  for await (const { place, row } of rows) {
    const resource = place.root.name
    checkRow(layout, place.collection, row, (path, problem) => {
      const key = `${resource}\n${path}\n${problem}`
      let finding = findings.get(key)
      if (finding === undefined) {
        finding = { resource, path, problem, count: 0, entities: [] }
        findings.set(key, finding)
      }
      finding.count++
      const entity = pathOf(place)(row)
      if (finding.entities.length < named && !finding.entities.includes(entity)) finding.entities.push(entity)
    })
    progress(++entities)
  }
  return [...findings.values()]

  function pathOf({ root, collection }: Place): (row: Uint8Array) => string {
    let path = paths.get(root.name)
    if (path === undefined) {
      path = rowPath(collection, root.name, layout)
      paths.set(root.name, path)
    }
    return path
  }
}
