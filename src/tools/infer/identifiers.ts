import { isSimpleIdentifier } from '../../csdl/names.ts'

/** Makes OData identifiers of any names, each once. */
export class Identifiers {
  readonly #taken = new Set<string>()

  constructor(taken: readonly string[] = []) {
    for (const name of taken) this.#taken.add(name)
  }

  /** The name itself where it is an identifier, else one like it; with a number where that is taken. */
  take(name: string): string {
    const plain = identifierLike(name)
    let identifier = plain
    for (let i = 2; this.#taken.has(identifier); i++) identifier = `${plain.slice(0, 120)}_${i}`
    this.#taken.add(identifier)
    return identifier
  }
}

function identifierLike(name: string): string {
  if (isSimpleIdentifier(name)) return name
  const plain = [...name.replace(/[^\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}\p{Cf}]/gu, '_')].slice(0, 120).join('')
  return isSimpleIdentifier(plain) ? plain : `_${plain}`
}

/** A type's name for the members of a collection: `orders` has an `Order`. */
export function typeNameOf(collection: string): string {
  const last = collection.slice(collection.lastIndexOf('.') + 1) || collection
  return capitalized(singular(last))
}

function singular(name: string): string {
  if (/(?:ss|us|is|news|series)$/i.test(name)) return name
  if (/[^aeiou]ies$/i.test(name)) return `${name.slice(0, -3)}y`
  if (/(?:sses|xes|zes|ches|shes)$/i.test(name)) return name.slice(0, -2)
  return /s$/i.test(name) && name.length > 2 ? name.slice(0, -1) : name
}

/** With a capital in front; what no identifier has falls away, and what follows it gets a capital. */
export function capitalized(name: string): string {
  return name.replace(/(?:^|[^\p{L}\p{Nd}]+)(\p{L}|\p{Nd})/gu, (_, letter: string) => letter.toUpperCase())
}
