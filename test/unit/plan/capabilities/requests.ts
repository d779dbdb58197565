import { bindPath } from '../../../../src/bind/bind-path.ts'
import { bindQuery } from '../../../../src/bind/bind-query.ts'
import { readModel } from '../../../../src/csdl/read-model.ts'
import type { Model } from '../../../../src/edm/model.ts'
import { ODataError } from '../../../../src/errors/odata-error.ts'
import { checkRequest } from '../../../../src/plan/capabilities/check.ts'
import type { Verdict } from '../../../../src/plan/capabilities/verdict.ts'
import { checkMethod } from '../../../../src/plan/methods.ts'
import { defaultUrlLimits } from '../../../../src/url/ast.ts'
import { parseRequestUrl } from '../../../../src/url/parse-url.ts'

export const restrictedModel = await readModel('test/models/restricted.xml')

/** What the annotations make of a request: `GET Picky?$filter=...`. */
export function judge(request: string, model: Model = restrictedModel, canExpand?: () => boolean): Verdict {
  const [method = '', ...rest] = request.split(' ')
  const url = parseRequestUrl(`/${rest.join(' ')}`, { version: '4.01', limits: defaultUrlLimits })
  const { path, values } = bindPath(model, url.segments, url.options, { keyAsSegment: true })
  const { query } = bindQuery(model, path, url.options, values.length)
  return checkRequest({
    model,
    method: checkMethod(path, method),
    path,
    query,
    ...(canExpand === undefined ? {} : { canExpand }),
  })
}

/** `option: term` of the refusal, or `allowed`. */
export function refusal(request: string, model: Model = restrictedModel): string {
  try {
    judge(request, model)
    return 'allowed'
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    const term = /\(((?:Capabilities|Core)\.[\w/]+)\)\.$/.exec(error.message)?.[1]
    return `${error.status} ${error.target ?? error.headers.Allow ?? ''} ${term ?? error.message}`
  }
}
