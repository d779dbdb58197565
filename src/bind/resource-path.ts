import { resourcePath } from '../csdl/core.ts'
import type { Model } from '../edm/model.ts'
import type { Segment } from '../url/ast.ts'

/**
 * Core.ResourcePath: sets, singletons and imports that stand under another path too. Their names go on leading to them: entity ids are made of
 * these (Core.ConventionalIDs), and so are contexts (Protocol 10).
 */

interface ResourcePath {
  readonly pieces: readonly string[]
  readonly name: string
}

const known = new WeakMap<Model, readonly ResourcePath[]>()

/** The longest first. */
function pathsOf(model: Model): readonly ResourcePath[] {
  let paths = known.get(model)
  if (paths === undefined) {
    paths = [...(model.container?.children.values() ?? [])]
      .flatMap((child) => {
        const pieces = resourcePath(child)
        return pieces === undefined ? [] : [{ pieces, name: child.name }]
      })
      .sort((a, b) => b.pieces.length - a.pieces.length)
    known.set(model, paths)
  }
  return paths
}

/** The segments with the name of the container child that the longest path at their start means. */
export function withoutResourcePath(model: Model, segments: readonly Segment[]): readonly Segment[] {
  for (const { pieces, name } of pathsOf(model)) {
    const last = segments[pieces.length - 1]
    if (last?.syntax.kind !== 'name' || last.syntax.name !== pieces.at(-1)) continue
    if (!pieces.slice(0, -1).every((piece, i) => segments[i]?.text === piece)) continue
    return [{ ...last, syntax: { ...last.syntax, name } }, ...segments.slice(pieces.length)]
  }
  return segments
}
