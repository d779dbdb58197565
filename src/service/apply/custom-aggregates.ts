import type { Principal } from '../../auth/principal.ts'
import { nearestName } from '../../base/text.ts'
import { aggregateTargets, customAggregatesOf } from '../../bind/apply/custom-aggregate.ts'
import type { CustomAggregate } from '../../bind/apply/tree.ts'
import type { Model } from '../../edm/model.ts'
import { isStructuredValue, type Value } from '../../edm/value.ts'
import { isInstance } from '../../eval/apply/instance.ts'
import type { AskedRequest } from '../controller.ts'
import { fromPlain, type PlainObject, toPlain } from '../plain.ts'

/** What custom aggregates are, as code of the service (Aggregation 5.2). */

/**
 * Calculates a custom aggregate for one group.
 * @param rows the instances of the group as plain values (docs/controllers.md): entities with all their declared properties, and what transformations
 *   before have added; only that of what transformations have made. None: the value for nothing
 * @returns a value of the type that the annotation says; nothing: null
 */
export type CustomAggregateHandler<Row extends object = PlainObject> = (
  rows: readonly Row[],
  context: CustomAggregateContext,
) => unknown

/** What a handler is told of its call. */
export interface CustomAggregateContext {
  /** `Target/Name` */
  readonly aggregate: string
  readonly model: Model
  readonly principal: Principal | undefined
  readonly request: AskedRequest
  readonly signal: AbortSignal
}

/** The handlers of a service. */
export class CustomAggregates {
  readonly #handlers = new Map<string, CustomAggregateHandler>()

  /**
   * @param handlers by `Target/Name`, or by name where one element declares it
   * @throws Error for a name that the model does not have, or that may mean several
   */
  constructor(model: Model, handlers: Readonly<Record<string, CustomAggregateHandler>>) {
    const all = aggregateTargets(model).flatMap((target) =>
      [...customAggregatesOf(target).keys()].map((name) => ({ name, full: `${target.name}/${name}` })),
    )
    for (const [given, handler] of Object.entries(handlers)) {
      const meant = all.filter(({ name, full }) => full === given || name === given)
      const [only, another] = meant
      if (another !== undefined)
        throw new Error(`customAggregates: ${given} is several: ${meant.map(({ full }) => full).join(', ')}`)
      if (only === undefined) {
        const near = nearestName(
          given,
          all.map(({ full }) => full),
        )
        throw new Error(
          `customAggregates: the model has no custom aggregate ${given}${near === undefined ? '' : `; did you mean ${near}?`}`,
        )
      }
      this.#handlers.set(only.full, handler)
    }
  }

  /** How an aggregate is calculated; undefined where there is no handler. */
  calculation(
    { target, name, type }: CustomAggregate,
    context: Omit<CustomAggregateContext, 'aggregate'>,
  ): ((instances: readonly Value[]) => Promise<Value>) | undefined {
    const aggregate = `${target}/${name}`
    const handler = this.#handlers.get(aggregate)
    if (handler === undefined) return undefined
    const told: CustomAggregateContext = { ...context, aggregate }
    return async (instances) => {
      const rows = instances.flatMap((value) => {
        if (value === null || !isStructuredValue(value)) return []
        // what transformations did not give a transient instance is absent, not null
        return [toPlain(value, !isInstance(value) || value.entity !== undefined)]
      })
      const given = (await handler(rows, told)) ?? null
      return fromPlain(context.model, type, given, `the custom aggregate ${aggregate}`)
    }
  }
}
