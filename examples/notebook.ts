// In a project of your own: from 'odatum'
import {
  type CallerContext,
  type CustomAggregateHandler,
  type DeletePlan,
  ODataController,
  odataFilter,
  type PlainObject,
  type RequestContext,
  type UpdatePlan,
} from '../src/index.ts'

/** Five things that services need of their own, for the model notebook.xml; test/http/examples.test.ts runs them. */

/** Who asks: the tenant of the token. Without a sign-in a header stands for it, which is for trying things out only. */
function tenantOf({ principal, request }: Pick<CallerContext, 'principal' | 'request'>): string {
  return principal?.tenant ?? String(request.headers['x-tenant'] ?? '')
}

const softly = new WeakMap<DeletePlan, UpdatePlan>()

/** The update of what a delete names. Made once for each plan, as stores compile plans once. */
function updateInstead(plan: DeletePlan): UpdatePlan {
  let update = softly.get(plan)
  if (update === undefined) {
    const { requires, slots, source } = plan
    update = { kind: 'update', requires, slots, source, replace: false, upsert: false, select: undefined, expand: [] }
    softly.set(plan, update)
  }
  return update
}

export class Notes extends ODataController {
  /** Tenant isolation, and soft delete: what is another's, or deleted, is not there, whatever way leads to it. */
  override rowFilter(context: CallerContext): string {
    return odataFilter`Tenant eq ${tenantOf(context)} and Deleted eq false`
  }

  /** Nobody writes for another tenant: what the body says of it is ignored (Core.Computed), and this goes before. */
  override beforeCreate(_note: PlainObject, context: RequestContext): PlainObject {
    return { Tenant: tenantOf(context), Deleted: false }
  }

  /** Soft delete: the note stays in the store, marked. */
  override async delete(context: RequestContext<DeletePlan>): ReturnType<ODataController['delete']> {
    const members = new Map([['Deleted', true]])
    const change = { kind: 'structured', type: context.plan.source.type, members } as const
    const { kind } = await this.update({ ...context, plan: updateInstead(context.plan) }, change)
    return { kind: kind === 'updated' ? 'deleted' : kind }
  }

  /** A computed property: calculated when a note is shown, so it can be neither filtered nor sorted by. */
  override afterRead({ Text }: PlainObject): PlainObject {
    return { Words: String(Text).split(/\s+/).filter(Boolean).length }
  }
}

/** A virtual set: its entities come from somewhere else; keys, options and navigation work as with stored ones. */
export class Moods extends ODataController {
  override entities(): readonly PlainObject[] {
    return [
      { Name: 'calm', Colour: 'blue' },
      { Name: 'angry', Colour: 'red' },
    ]
  }
}

/** A custom aggregate: for each group of notes how long the longest is (`Notes?$apply=groupby((MoodName),aggregate(Longest))`). */
export const customAggregates: Readonly<Record<string, CustomAggregateHandler>> = {
  'Notes/Longest': (notes) => Math.max(0, ...notes.map(({ Text }) => String(Text).length)),
}
