import type { Model, NamedType } from '../../edm/model.ts'

/** Names that the written file uses otherwise. */
const reserved = [
  'DeltaChange',
  'DeltaEntity',
  'Flags',
  'GeoJson',
  'ODataController',
  'Uint8Array',
  'Record',
  'Readonly',
]

/**
 * The TypeScript names of a model's types: the local name with a capital, the namespace before it where two would be
 * equal. Every name is given once.
 */
export class TypeNames {
  readonly #byType = new Map<NamedType, string>()
  readonly #taken = new Set(reserved)

  constructor(model: Model) {
    const wanted = new Map<string, number>()
    for (const type of model.types.values()) {
      const name = capitalized(localName(type.name))
      wanted.set(name, (wanted.get(name) ?? 0) + 1)
    }
    for (const type of model.types.values()) {
      const short = capitalized(localName(type.name))
      const alone = wanted.get(short) === 1 && !this.#taken.has(short)
      this.#byType.set(type, this.take(alone ? short : type.name.split('.').map(capitalized).join('')))
    }
  }

  /** The name of a type of the model. */
  of(type: NamedType): string {
    const name = this.#byType.get(type)
    if (name === undefined) throw new Error(`${type.name} is no type of the model`)
    return name
  }

  /** A name like the wanted one that nothing else has. */
  take(wanted: string): string {
    let name = wanted
    for (let i = 2; this.#taken.has(name); i++) name = `${wanted}${i}`
    this.#taken.add(name)
    return name
  }
}

/** The part of a qualified name behind its namespace. */
export function localName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** A name of the model as the name of a type: a capital in front, nothing that TypeScript does not take. */
export function capitalized(name: string): string {
  const plain = name.replace(/[^\p{ID_Continue}]/gu, '_')
  return plain.charAt(0).toUpperCase() + plain.slice(1)
}

/** A member's name, quoted where it needs to be. */
export function memberName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name)
}

/** A string literal. */
export function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
