import { ODataError } from '../errors/odata-error.ts'

/** Deeper, or longer, than anybody writes by hand. */
const limits = { length: 2_000, depth: 32 } as const

const token = /\s*(?:(\(|\)|\$[\w.~-]+\/\$succeeded|[a-z]+)|(\S))/y

/**
 * Evaluates the `if` of a request in a JSON batch (JSON Format 19.1): `$id/$succeeded`, `true`, `false`, `not`, `and`, `or`, `eq`,
 * `ne`, parentheses.
 * @param succeeded whether the request with this id did; undefined: there was none
 * @throws ODataError notImplemented for what else the expression holds, bodyInvalid
 */
export function evaluateCondition(text: string, succeeded: (id: string) => boolean | undefined): boolean {
  if (text.length > limits.length)
    throw new ODataError('bodyInvalid', `"if" is longer than ${limits.length} characters.`)
  return new Condition(tokens(text), succeeded).value()
}

function tokens(text: string): readonly string[] {
  const found: string[] = []
  token.lastIndex = 0
  for (let match = token.exec(text); match; match = token.exec(text)) {
    if (match[1] === undefined) throw unsupported()
    found.push(match[1])
  }
  return found
}

function unsupported(): ODataError {
  return new ODataError(
    'notImplemented',
    'In "if" this service reads $id/$succeeded, true, false, not, and, or, eq, ne and parentheses.',
    { target: 'if' },
  )
}

class Condition {
  readonly #tokens: readonly string[]
  readonly #succeeded: (id: string) => boolean | undefined
  #at = 0
  #depth = 0

  constructor(tokens: readonly string[], succeeded: (id: string) => boolean | undefined) {
    this.#tokens = tokens
    this.#succeeded = succeeded
  }

  value(): boolean {
    const value = this.#or()
    if (this.#at < this.#tokens.length) throw unsupported()
    return value
  }

  #or(): boolean {
    let value = this.#and()
    while (this.#takes('or')) value = this.#and() || value
    return value
  }

  #and(): boolean {
    let value = this.#equality()
    while (this.#takes('and')) value = this.#equality() && value
    return value
  }

  #equality(): boolean {
    let value = this.#not()
    for (;;) {
      if (this.#takes('eq')) value = this.#not() === value
      else if (this.#takes('ne')) value = this.#not() !== value
      else return value
    }
  }

  #not(): boolean {
    if (!this.#takes('not')) return this.#primary()
    this.#deeper()
    const value = !this.#not()
    this.#depth--
    return value
  }

  #primary(): boolean {
    if (this.#takes('true')) return true
    if (this.#takes('false')) return false
    if (this.#takes('(')) {
      this.#deeper()
      const value = this.#or()
      this.#depth--
      if (!this.#takes(')')) throw unsupported()
      return value
    }
    const reference = this.#tokens[this.#at]
    if (!reference?.startsWith('$')) throw unsupported()
    this.#at++
    const id = reference.slice(1, reference.indexOf('/'))
    const value = this.#succeeded(id)
    if (value === undefined)
      throw new ODataError('bodyInvalid', `"if" asks for '${id}', which no request before it has.`, { target: 'if' })
    return value
  }

  #takes(text: string): boolean {
    if (this.#tokens[this.#at] !== text) return false
    this.#at++
    return true
  }

  #deeper(): void {
    if (++this.#depth > limits.depth) throw new ODataError('bodyInvalid', '"if" is nested too deep.', { target: 'if' })
  }
}
