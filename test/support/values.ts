import { computedDefaultValue, isComputed } from '../../src/csdl/core.ts'
import { annotationOf } from '../../src/edm/annotations.ts'
import { facetsOf } from '../../src/edm/facets.ts'
import type { EnumType, Facets, PrimitiveTypeName, StructuredType, TypeReference } from '../../src/edm/model.ts'
import { instantiableTypes, isStructured, primitiveOf } from '../../src/edm/types.ts'

/** What `JSON.stringify` takes. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Makes random values that the model allows; the same seed gives the same values. */
export interface Values {
  /** @returns a valid JSON value of the type, never null; undefined where no body can hold one (streams) */
  value(reference: TypeReference): Json | undefined
  /**
   * The body that creates a value of a structured type: all its properties, those the service computes left out.
   * @param type not abstract
   * @param declared what its place asks for; where that is another type, `@odata.type` says which one this is
   * @param without names of properties to leave out
   */
  body(type: StructuredType, declared?: StructuredType, without?: ReadonlySet<string>): { [name: string]: Json }
}

/** How deep complex values go before nullable ones are null and collections empty. */
const maxDepth = 3

export function randomValues(seed: number): Values {
  const random = generator(seed)
  const int = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const pick = <T>(items: readonly T[]): T => items[int(0, items.length - 1)] as T
  const digits = (count: number): string => Array.from({ length: count }, () => int(0, 9)).join('')
  const hex = (count: number): string => Array.from({ length: count }, () => int(0, 15).toString(16)).join('')

  const text = (facets: Facets): string => {
    const ascii = ['a', 'B', '7', ' ', '-', '_', "'", '"', '/', '%', '&', '+', '\\', '.', '$', '#', '?', '<']
    const letters = facets.unicode === false ? ascii : [...ascii, 'é', 'ß', '日', '😀', '\u2028']
    const most = typeof facets.maxLength === 'number' ? facets.maxLength : 30
    // the first three are plain: no two strings of a run are likely to be equal
    return `${hex(Math.min(most, 6))}${Array.from({ length: int(0, Math.max(0, Math.min(most, 20) - 6)) }, () => pick(letters)).join('')}`
  }

  const seconds = (facets: Facets): string => {
    const precision = Math.min(facets.precision ?? 3, 12)
    return `${String(int(0, 59)).padStart(2, '0')}${precision === 0 ? '' : `.${digits(int(1, precision))}`}`
  }
  const two = (least: number, most: number): string => String(int(least, most)).padStart(2, '0')
  const date = (): string => `${int(1000, 9000)}-${two(1, 12)}-${two(1, 28)}`

  const decimal = (facets: Facets): string => {
    const precision = Math.min(facets.precision ?? 20, 30)
    const scale = facets.scale === undefined ? 0 : typeof facets.scale === 'number' ? facets.scale : 3
    const fraction = Math.min(scale, precision)
    const whole = int(0, precision - fraction)
    const sign = int(0, 1) === 0 ? '' : '-'
    return `${sign}${whole === 0 ? '0' : int(1, 9) + digits(whole - 1)}${fraction === 0 ? '' : `.${digits(fraction)}`}`
  }

  const point = (): Json => [int(-1790, 1790) / 10, int(-890, 890) / 10]
  const line = (): Json[] => [point(), point(), point()]
  const ring = (): Json[] => {
    const [x, y] = [int(-170, 160), int(-80, 70)]
    return [
      [x, y],
      [x + 2, y],
      [x + 2, y + 2],
      [x, y + 2],
      [x, y],
    ]
  }
  const geo = (name: PrimitiveTypeName): Json => {
    const shape = name.replace(/^Edm\.Geo(graphy|metry)/, '')
    switch (shape) {
      case 'LineString':
        return { type: 'LineString', coordinates: line() }
      case 'Polygon':
        return { type: 'Polygon', coordinates: [ring()] }
      case 'MultiPoint':
        return { type: 'MultiPoint', coordinates: [point(), point()] }
      case 'MultiLineString':
        return { type: 'MultiLineString', coordinates: [line(), line()] }
      case 'MultiPolygon':
        return { type: 'MultiPolygon', coordinates: [[ring()], [ring()]] }
      case 'Collection':
        return { type: 'GeometryCollection', geometries: [{ type: 'Point', coordinates: point() }] }
      default:
        return { type: 'Point', coordinates: point() }
    }
  }

  const primitive = (name: PrimitiveTypeName, facets: Facets): Json | undefined => {
    switch (name) {
      case 'Edm.String':
        return text(facets)
      case 'Edm.Boolean':
        return int(0, 1) === 1
      case 'Edm.Byte':
        return int(0, 255)
      case 'Edm.SByte':
        return int(-128, 127)
      case 'Edm.Int16':
        return int(-32_768, 32_767)
      case 'Edm.Int32':
        return int(-2_147_483_648, 2_147_483_647)
      case 'Edm.Int64':
        return `${pick(['', '-'])}${int(1, 8)}${digits(18)}`
      case 'Edm.Decimal':
        return decimal(facets)
      case 'Edm.Double':
        return int(-1e6, 1e6) * 10 ** int(-20, 20) * random()
      case 'Edm.Single':
        return Math.fround((random() - 0.5) * 10 ** int(-10, 10))
      case 'Edm.Binary':
        return Buffer.from(
          hex(2 * int(1, Math.min(typeof facets.maxLength === 'number' ? facets.maxLength : 20, 20))),
          'hex',
        ).toString('base64url')
      case 'Edm.Guid':
        return `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`
      case 'Edm.Date':
        return date()
      case 'Edm.TimeOfDay':
        return `${two(0, 23)}:${two(0, 59)}:${seconds(facets)}`
      case 'Edm.DateTimeOffset':
        return `${date()}T${two(0, 23)}:${two(0, 59)}:${seconds(facets)}${pick(['Z', '+02:00', '-08:30'])}`
      case 'Edm.Duration':
        return `${pick(['', '-'])}P${int(0, 99)}DT${int(0, 23)}H${int(0, 59)}M${seconds(facets)}S`
      case 'Edm.Stream':
        return undefined
      default:
        return geo(name)
    }
  }

  const enumeration = (type: EnumType): Json => {
    const member = pick(type.members)
    if (!type.flags) return member.name
    const other = pick(type.members)
    return other === member ? member.name : `${member.name},${other.name}`
  }

  const single = (reference: TypeReference, depth: number): Json | undefined => {
    const { type } = reference
    if (isStructured(type)) {
      const candidates = instantiableTypes<StructuredType>(type)
      const deep = depth >= (reference.nullable || reference.collection ? maxDepth : 4 * maxDepth)
      return candidates.length === 0 || deep ? undefined : body(pick(candidates), type, none, depth + 1)
    }
    if (type.kind === 'enum') return enumeration(type)
    const name = primitiveOf(type)?.name
    if (name !== undefined) return primitive(name, facetsOf(reference))
    if (type.name === 'Edm.Untyped') return pick<Json>([text({}), true, 0.5, { a: null, b: { 'c.$d': text({}) } }])
    return type.name === 'Edm.PrimitiveType' || type.kind === 'typeDefinition'
      ? pick<Json>([text({}), true, 0.5])
      : undefined
  }

  const value = (reference: TypeReference, depth: number): Json | undefined => {
    if (!reference.collection) return single(reference, depth)
    const items = Array.from({ length: int(0, 3) }, () => single(reference, depth))
    if (reference.nullable) items.push(null)
    return items.filter((item): item is Json => item !== undefined)
  }

  const body = (
    type: StructuredType,
    declared: StructuredType,
    without: ReadonlySet<string>,
    depth: number,
  ): { [name: string]: Json } => {
    const members: { [name: string]: Json } = {}
    if (type !== declared) members['@odata.type'] = `#${type.name}`
    for (const [name, property] of type.allProperties) {
      if (isComputed(property) || computedDefaultValue(property) || without.has(name)) continue
      const made = annotationOf(property, 'Org.OData.Core.V1.IsURL')
        ? `https://example.org/${hex(6)}`
        : value(property.type, depth)
      if (made !== undefined) members[name] = made
    }
    return members
  }

  return {
    value: (reference) => value(reference, 0),
    body: (type, declared = type, without = none) => body(type, declared, without, 0),
  }
}

const none: ReadonlySet<string> = new Set()

/** Mulberry32: small, seeded, good enough. @returns numbers from 0 to below 1 */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
