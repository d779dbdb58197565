import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorDetail, type FaultPosition, ODataError } from '../errors/odata-error.ts'

/** Faults of one body that are told; with the last of them reading ends. */
const maxFaults = 100

/** Collects all faults of a request body, so that a client learns of them at once. */
export class Faults {
  readonly #details: ErrorDetail[] = []
  #position: FaultPosition | undefined

  /**
   * @param target path of the property, steps joined by `/`; undefined: the body as a whole
   * @throws ODataError where there are too many faults to go on
   */
  add(
    code: ErrorCode,
    message: string,
    target: string | undefined,
    place?: { readonly offset: number; readonly end: number },
  ): void {
    if (this.#details.length === 0 && place) this.#position = { offset: place.offset, length: place.end - place.offset }
    this.#details.push({ code, message, ...(target === undefined || target === '' ? {} : { target }) })
    if (this.#details.length === maxFaults) this.throwIfAny()
  }

  /**
   * @throws ODataError the only fault as it is; of several `bodyInvalid` with the first one's target and all in `details`
   */
  throwIfAny(): void {
    const [first, second] = this.#details
    if (first === undefined) return
    const options = {
      ...(first.target === undefined ? {} : { target: first.target }),
      ...(this.#position === undefined ? {} : { position: this.#position }),
    }
    if (second === undefined) throw new ODataError(first.code, first.message, options)
    const count = this.#details.length === maxFaults ? `at least ${maxFaults}` : this.#details.length
    throw new ODataError('bodyInvalid', `The body has ${count} faults. The first: ${first.message}`, {
      ...options,
      details: this.#details,
    })
  }
}
