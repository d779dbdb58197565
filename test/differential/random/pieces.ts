/**
 * Text of a request as a tree that can be made smaller: a piece may be replaced by a piece of the same kind below it, and a list by a
 * shorter one.
 */
export interface Piece {
  /** pieces of one kind stand in for one another: `number`, `condition`, `options` */
  readonly kind: string
  readonly parts: readonly (string | Piece)[]
  /** whether each part is a member of a list that can do without it; joined by this text */
  readonly separator?: string
}

/** A piece of fixed parts. */
export function piece(kind: string, ...parts: readonly (string | Piece)[]): Piece {
  return { kind, parts }
}

/** A piece whose parts can be left out one by one. */
export function list(kind: string, separator: string, parts: readonly (string | Piece)[]): Piece {
  return { kind, parts, separator }
}

export function textOf(one: string | Piece): string {
  if (typeof one === 'string') return one
  return one.parts.map(textOf).join(one.separator ?? '')
}

/**
 * The smallest piece found that still fails, by greedy replacement.
 * @param fails whether a smaller request still shows the failure
 * @param attempts how many are tried at the most
 */
export async function smallest(
  whole: Piece,
  fails: (candidate: Piece) => Promise<boolean>,
  attempts = 400,
): Promise<Piece> {
  let current = whole
  let left = attempts
  for (let progress = true; progress && left > 0; ) {
    progress = false
    for (const candidate of smaller(current)) {
      if (left-- <= 0) break
      if (!(await fails(candidate))) continue
      current = candidate
      progress = true
      break
    }
  }
  return current
}

function* smaller(one: Piece): Generator<Piece> {
  if (one.separator !== undefined && one.parts.length > 1)
    for (const i of one.parts.keys()) yield { ...one, parts: one.parts.filter((_, other) => other !== i) }
  for (const below of descendants(one)) if (below.kind === one.kind) yield below
  for (const [i, part] of one.parts.entries()) {
    if (typeof part === 'string') continue
    for (const replacement of smaller(part)) yield { ...one, parts: one.parts.with(i, replacement) }
  }
}

function* descendants(one: Piece): Generator<Piece> {
  for (const part of one.parts) {
    if (typeof part === 'string') continue
    yield part
    yield* descendants(part)
  }
}
