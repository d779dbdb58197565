import { narrow } from '../auth/narrow.ts'
import { modelVersion } from '../csdl/core.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import type { Core } from './core.ts'
import type { Exchange } from './exchange.ts'
import type { Planned } from './planner.ts'

/**
 * What the model's annotations ask of the request itself and of its caller: custom headers and query options that must be there
 * (Capabilities.CustomHeaders, CustomQueryOptions), the version it is written for ($schemaversion), and only the properties
 * that the caller's scopes give access to.
 * @throws ODataError badRequest, preconditionRequired, resourceNotFound
 */
export function admit(core: Core, exchange: Exchange, planned: Planned, options: QueryOptions): Planned {
  const { plan } = planned
  checkVersion(core, options.schemaversion)
  if (plan.demands) {
    const { headers, queryOptions } = plan.demands
    for (const name of headers)
      if (exchange.request.headers[name] === undefined)
        throw new ODataError('badRequest', `The request needs the header ${name} (Capabilities.CustomHeaders).`, {
          target: name,
        })
    for (const name of queryOptions)
      if (!options.custom.has(name))
        throw new ODataError(
          'badRequest',
          `The request needs the query option ${name} (Capabilities.CustomQueryOptions).`,
          { target: name },
        )
  }
  const { headers } = exchange.request
  if (plan.preconditionRequired && headers['if-match'] === undefined && headers['if-none-match'] === undefined)
    throw new ODataError('preconditionRequired', 'Changing this entity needs If-Match (Core.OptimisticConcurrency).', {
      target: 'If-Match',
    })
  const own = narrow(plan, core.enforcePermissions ? exchange.principal : 'anybody')
  return own === plan ? planned : { ...planned, plan: own }
}

/** A service has one version of its model at a time (Protocol 11.2.12): the one it says, also called `*`. */
function checkVersion({ model }: Core, asked: string | undefined): void {
  if (asked === undefined || asked === '*' || asked === modelVersion(model)) return
  throw new ODataError('resourceNotFound', `This service has no version ${JSON.stringify(asked)} of its model.`, {
    target: '$schemaversion',
  })
}
