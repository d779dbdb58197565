import { LruMap } from '../base/lru.ts'
import { bindTransformation } from '../bind/apply/bind-query.ts'
import { bindPath, type PathSettings } from '../bind/bind-path.ts'
import { bindQuery } from '../bind/bind-query.ts'
import { readParameters, type StructuredLiterals } from '../bind/parameters.ts'
import type { ParameterSlot, Parameters } from '../bind/tree.ts'
import type { Model } from '../edm/model.ts'
import { structuredLiterals } from '../payload/read-literal.ts'
import { buildPlan } from '../plan/build.ts'
import { checkShapeless } from '../plan/options.ts'
import type { Plan } from '../plan/plan.ts'
import type { RequestUrl } from '../url/ast.ts'

/** A plan with the values of one request. */
export interface Planned {
  readonly plan: Plan
  readonly parameters: Parameters
  /** equal keys are the same question but for its values */
  readonly key: string
}

interface CachedPlan {
  readonly plan: Plan
  readonly slots: readonly ParameterSlot[]
  readonly literalSlots: readonly number[]
}

/** How many plans are kept; each is a few kilobytes. */
const cachedPlans = 2_000

/** Turns requests into plans; what has been asked before, with other values, is planned once. */
export class Planner {
  readonly #model: Model
  readonly #settings: PathSettings & { readonly literals: StructuredLiterals }
  readonly #plans = new LruMap<string, CachedPlan>(cachedPlans)

  constructor(model: Model, settings: { readonly keyAsSegment: boolean }) {
    this.#model = model
    this.#settings = { keyAsSegment: settings.keyAsSegment, literals: structuredLiterals(model) }
  }

  /** @throws ODataError whatever binding and planning find wrong with the request */
  plan(method: string, url: RequestUrl): Planned {
    const { options } = url
    const { path, slots: pathSlots, values } = bindPath(this.#model, url.segments, options, this.#settings)
    const key = `${method} ${path.signature}?${options.shape}`
    let cached = this.#plans.get(key)
    if (cached === undefined) {
      let slots: readonly ParameterSlot[] = []
      let literalSlots: readonly number[] = []
      const plan = buildPlan({
        model: this.#model,
        method,
        path,
        options,
        pathSlots,
        bindQuery: () => {
          const bound = bindQuery(this.#model, path, options, values.length)
          slots = bound.slots
          literalSlots = bound.literalSlots
          return bound
        },
        bindTransformation: () => {
          const bound = bindTransformation(this.#model, path, options, values.length)
          slots = bound?.slots ?? []
          literalSlots = bound?.literalSlots ?? []
          return bound
        },
      })
      cached = { plan, slots, literalSlots }
      this.#plans.set(key, cached)
    } else checkShapeless(path.resource, options, method === 'GET' || method === 'HEAD')
    const parameters =
      cached.slots.length === 0
        ? values
        : [...values, ...readParameters(cached.slots, cached.literalSlots, options.literals, this.#settings.literals)]
    return { plan: cached.plan, parameters, key }
  }
}
