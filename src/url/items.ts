import type { ComputeNode, OrderByNode } from './ast.ts'
import { COMMA } from './characters.ts'
import { commonExpr } from './expression.ts'
import { operatorNames } from './names.ts'
import type { Scanner } from './scanner.ts'

/** Lists that stand in an option of their own and as parameters of a transformation. */

/** ABNF: orderby, orderbyItem. */
export function orderbyItems(scanner: Scanner): readonly OrderByNode[] {
  const items: OrderByNode[] = []
  do {
    if (items.length > 0) scanner.skipBlanks()
    scanner.optionItem()
    const offset = scanner.at
    const expression = commonExpr(scanner)
    let end = scanner.at
    scanner.skipBlanks()
    let descending = false
    const wordEnd = scanner.identifierEnd(scanner.at)
    if (wordEnd > scanner.at) {
      const word = scanner.text.slice(scanner.at, wordEnd).toLowerCase()
      if (word !== 'asc' && word !== 'desc')
        scanner.failNear("an operator, 'asc', 'desc' or ','", [...operatorNames, 'asc', 'desc'])
      descending = word === 'desc'
      scanner.token()
      scanner.at = wordEnd
      end = wordEnd
      scanner.skipBlanks()
    }
    items.push({ offset, length: end - offset, expression, descending })
  } while (scanner.take(COMMA))
  return items
}

/** ABNF: compute, computeItem. */
export function computeItems(scanner: Scanner): readonly ComputeNode[] {
  const items: ComputeNode[] = []
  do {
    if (items.length > 0) scanner.skipBlanks()
    scanner.optionItem()
    const offset = scanner.at
    const expression = commonExpr(scanner)
    scanner.skipBlanks()
    const end = scanner.identifierEnd(scanner.at)
    if (scanner.text.slice(scanner.at, end).toLowerCase() !== 'as')
      scanner.failNear("an operator or 'as' and a name", operatorNames)
    scanner.at = end
    scanner.skipBlanks()
    const alias = scanner.identifier("a name after 'as'")
    items.push({ offset, length: scanner.at - offset, expression, alias })
    scanner.skipBlanks()
  } while (scanner.take(COMMA))
  return items
}
