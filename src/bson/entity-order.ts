/**
 * The order of contained entities in collections annotated Core.Ordered or Core.PositionalInsert: a text in the field `@order` of each row
 * (docs/decisions/0017-order-of-entities.md). Between two texts there is always another one, so nothing is ever numbered anew.
 */

/** In the order of their code points. */
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Digits of a moment: microseconds since 1970, until the year 2398. */
const width = 9
let last = 0

/** The order of an entity that is put behind all others: the moment, later than any that this process gave before. */
export function nextOrder(): string {
  last = Math.max(last + 1, Date.now() * 1000)
  let text = ''
  for (let rest = last; text.length < width; rest = Math.floor(rest / digits.length))
    text = digitAt(rest % digits.length) + text
  // of two processes in the same microsecond
  return text + digitAt(1 + Math.floor(Math.random() * (digits.length - 1)))
}

/**
 * The order of an entity that is put between two others.
 * @param before undefined: it is the first @param after undefined: it is the last
 */
export function orderBetween(before: string | undefined, after: string | undefined): string {
  if (after === undefined) {
    const now = nextOrder()
    return before === undefined || before < now ? now : `${before}V`
  }
  const low = before ?? ''
  // two processes gave the same order: behind the first of both
  if (low >= after) return `${low}V`
  let text = ''
  for (let i = 0; ; i++) {
    const from = i < low.length ? digits.indexOf(low[i] ?? '') : 0
    const to = text === after.slice(0, i) && i < after.length ? digits.indexOf(after[i] ?? '') : digits.length
    const middle = Math.floor((from + to) / 2)
    if (middle > from) return text + digitAt(middle)
    text += digitAt(from)
  }
}

function digitAt(value: number): string {
  return digits[value] ?? ''
}
