import { LruMap } from '../base/lru.ts'
import { BindContext } from '../bind/context.ts'
import { bindExpression } from '../bind/expression.ts'
import { bindBoolean } from '../bind/operators.ts'
import { readParameters, type StructuredLiterals } from '../bind/parameters.ts'
import type { Expression, ParameterSlot, Parameters } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { structuredLiterals } from '../payload/read-literal.ts'
import { followsNavigation } from '../plan/navigation-tree.ts'
import type { SourceRoot } from '../plan/plan.ts'
import { defaultUrlLimits } from '../url/ast.ts'
import { type ParsedExpression, parseExpression } from '../url/parse-options.ts'
import { shapeOf } from '../url/shape.ts'
import type { Exchange } from './exchange.ts'

/**
 * Row filters of controllers (`ODataController.rowFilter`): the text of a $filter, bound like a client's, that the store applies to
 * every row of a set or singleton, whatever way leads there.
 */

/** A row filter of one request, before it is known how many parameters stand before its own. */
export interface RowFilter {
  readonly root: SourceRoot
  readonly parsed: ParsedExpression
  readonly shape: string
}

/** A row filter as a session carries it. */
export interface BoundRowFilter {
  readonly predicate: Expression
  /** its values, numbered on from the first parameter it was bound for */
  readonly values: Parameters
}

interface Binding {
  readonly predicate: Expression
  readonly slots: readonly ParameterSlot[]
  readonly literalSlots: readonly number[]
}

/** Binds row filters; what was bound before, with other values, is the same object, so that stores compile it once. */
export class RowFilters {
  readonly #model: Model
  readonly #literals: StructuredLiterals
  readonly #bindings = new LruMap<string, Binding>(500)

  constructor(model: Model) {
    this.#model = model
    this.#literals = structuredLiterals(model)
  }

  /**
   * Reads what a hook gave.
   * @throws Error where it is no filter on the rows: the hook's fault, not the client's
   */
  read(root: SourceRoot, text: string): RowFilter {
    return blamed(root, () => {
      const parsed = parseExpression(text, { ...defaultUrlLimits, listItems: 10_000, tokens: 30_000 }, 'rowFilter')
      return { root, parsed, shape: shapeOf(text, parsed.literals, 0) }
    })
  }

  /**
   * @param firstParameter number of its first parameter: how many the request has already
   * @throws Error as `read` does
   */
  bind({ root, parsed, shape }: RowFilter, firstParameter: number): BoundRowFilter {
    return blamed(root, () => {
      const key = `${root.name} ${firstParameter} ${shape}`
      let binding = this.#bindings.get(key)
      if (binding === undefined) {
        binding = this.#bind(root, parsed, firstParameter)
        this.#bindings.set(key, binding)
      }
      const { predicate, slots, literalSlots } = binding
      return { predicate, values: readParameters(slots, literalSlots, parsed.literals, this.#literals) }
    })
  }

  #bind(root: SourceRoot, { expression }: ParsedExpression, firstParameter: number): Binding {
    const context = new BindContext(this.#model, new Map(), firstParameter, 'rowFilter', bindExpression)
    const type = { type: root.type, collection: false, nullable: false, facets: {} }
    const it = { name: '$it', id: '$it', type, outer: undefined }
    const scope = { implicit: it, outerImplicit: undefined, it, lambdas: undefined, computed: undefined }
    const predicate = bindBoolean(context, expression, scope, 'rowFilter')
    if (followsNavigation(predicate))
      throw new ODataError(
        'notImplemented',
        'it follows navigation properties or calls functions, which a row filter cannot.',
      )
    return { predicate, slots: context.slots, literalSlots: context.literalSlots }
  }
}

function blamed<T>({ name }: SourceRoot, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    throw new Error(`the row filter of ${name} cannot be used: ${error.message}`, { cause: error })
  }
}

/** A request that sees all rows, whoever sent it: for rules that hold for all that is stored. */
export function allRows(exchange: Exchange): Exchange {
  return { ...exchange, rowFilters: new AllRows(), results: new Map() }
}

/** No filter, whatever the set. */
class AllRows extends Map<string, RowFilter | 'all'> {
  override get(): 'all' {
    return 'all'
  }
}
