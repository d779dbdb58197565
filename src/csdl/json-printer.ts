/** What CSDL JSON is built of; members that are undefined are left out, a bigint is written with all its digits. */
export type Json = string | number | bigint | boolean | null | RawNumber | readonly Json[] | JsonObject
export interface JsonObject {
  [name: string]: Json | Json[] | undefined
}

/** An object for members that the model names: nothing is inherited, so that `constructor` and `__proto__` are names like any other. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject
}

/** A number written as it is, letter for letter. */
export class RawNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** JSON text without white space. */
export function printJson(value: Json): string {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return JSON.stringify(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof RawNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(printJson).join(',')}]`
  const members: string[] = []
  for (const [name, member] of Object.entries(value as JsonObject))
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${printJson(member)}`)
  return `{${members.join(',')}}`
}

/** As `printJson`, the members of the members of an object one at a time. */
export function* printPieces(root: JsonObject, depth = 2): Generator<string> {
  let before = '{'
  for (const [name, member] of Object.entries(root)) {
    if (member === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    before = ','
    if (depth > 1 && isObject(member)) yield* printPieces(member, depth - 1)
    else yield printJson(member)
  }
  yield before === '{' ? '{}' : '}'
}

function isObject(value: Json | Json[]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RawNumber)
}
