import type { SearchExpression } from '../../bind/tree.ts'
import { searchRestrictionsIn } from '../../csdl/capabilities.ts'
import { restrictionsOf } from './capability.ts'
import type { Place } from './place.ts'
import { type OptionName, refuse } from './refuse.ts'

/** $search against Capabilities.SearchRestrictions. @throws ODataError queryOptionNotAllowed */
export function checkSearch(option: OptionName, place: Place, search: SearchExpression): void {
  const { searchable, unsupportedExpressions } = restrictionsOf(place, 'SearchRestrictions', searchRestrictionsIn)
  if (searchable === false)
    refuse(option, `cannot be applied to '${place.name}'`, 'Capabilities.SearchRestrictions/Searchable')
  if (unsupportedExpressions.length > 0) checkNode(option, place, search, new Set(unsupportedExpressions))
}

function checkNode(option: OptionName, place: Place, search: SearchExpression, refused: ReadonlySet<string>): void {
  const check = (name: string): void => {
    if (refused.has(name))
      refuse(
        option,
        `cannot use '${name}' on '${place.name}'`,
        'Capabilities.SearchRestrictions/UnsupportedExpressions',
      )
  }
  switch (search.kind) {
    case 'term':
      if (search.phrase) check('phrase')
      return
    case 'not':
      check('NOT')
      if (search.operand.kind === 'and' || search.operand.kind === 'or') check('group')
      checkNode(option, place, search.operand, refused)
      return
    case 'and':
    case 'or':
      check(search.kind === 'and' ? 'AND' : 'OR')
      // `or` binds weaker: inside `and` it stands in parentheses
      if (search.kind === 'and' && (search.left.kind === 'or' || search.right.kind === 'or')) check('group')
      checkNode(option, place, search.left, refused)
      checkNode(option, place, search.right, refused)
  }
}
