import type { ErrorCode } from '../../errors/codes.ts'
import { ODataError } from '../../errors/odata-error.ts'

/** Which option is looked at, for errors: inside $expand the client finds it there. */
export interface OptionName {
  /** `$filter` */
  readonly name: string
  /** what the error is about: the option, or the `$expand` that holds it */
  readonly target: string
}

export function optionName(name: string, expanded: boolean): OptionName {
  return { name, target: expanded ? '$expand' : name }
}

/**
 * Refuses an option that the model's annotations do not allow.
 * @param what `cannot look at 'Secret' of 'Books'`
 * @param term the annotation that says so: `Capabilities.FilterRestrictions`
 * @throws ODataError queryOptionNotAllowed
 */
export function refuse({ name, target }: OptionName, what: string, term: string): never {
  throw new ODataError('queryOptionNotAllowed', `${name} ${what} (${term}).`, { target })
}

/** Refuses what is asked for itself, not an option. @throws ODataError with the code */
export function refuseRequest(code: ErrorCode, message: string, term: string, target: string): never {
  throw new ODataError(code, `${message} (${term}).`, { target })
}
