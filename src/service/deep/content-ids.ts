import type { Related } from '../../payload/writer.ts'
import type { Expansion } from '../../plan/plan.ts'
import type { Core } from '../core.ts'
import { bothAnnotations } from '../inline-values.ts'
import { fullIdentity } from '../links/entity.ts'
import type { ContentId } from './tree.ts'

/** Expanded entities with the Core.ContentID that the request gave them (Protocol 11.4.2.2, 11.4.3.1). */
export function withContentIds(
  core: Core,
  expansions: readonly Expansion[] | undefined,
  related: Related | undefined,
  contentIds: ReadonlyMap<string, ContentId>,
): Related | undefined {
  if (contentIds.size === 0) return related
  return related?.map((found, i) => {
    const expansion = expansions?.[i]
    if (found === undefined || expansion === undefined) return found
    const { root } = expansion.one.source
    const rows = found.rows.map((each) => {
      const id = contentIds.get(fullIdentity(core, { root, row: each.row }))
      const inner = withContentIds(core, expansion.expansions, each.related, contentIds)
      if (id === undefined) return { ...each, related: inner }
      const annotations = bothAnnotations(each.annotations, { own: textOf(id) })
      return { ...each, related: inner, ...(annotations && { annotations }) }
    })
    return { ...found, rows }
  })
}

function textOf({ name, value }: ContentId): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}
