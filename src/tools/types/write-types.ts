import type { Model, Type } from '../../edm/model.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import { capitalized, localName, memberName, TypeNames } from './names.ts'
import { writeOperations } from './operations.ts'
import { ShapeWriter } from './shapes.ts'

/**
 * TypeScript types of a model: of each structured type what is read, what creates one and what changes one; enumerations
 * as unions of their names; parameters and results of operations; and the map of controllers that makes `createService`
 * check them.
 * @param source name of the CSDL document, for the heading
 * @returns a module that needs nothing but the types of `odatum`
 */
export function writeTypes(model: Model, source: string): string {
  const names = new TypeNames(model)
  const controllers = model.container && names.take(`${capitalized(localName(model.container.name))}Controllers`)
  const shapes = new ShapeWriter(names, model.types.values())
  const parts: string[] = []
  const use = { flags: false, geo: false }
  for (const type of model.types.values()) {
    if (type.kind === 'enum') {
      use.flags ||= type.flags
      parts.push(shapes.enumeration(type))
    } else if (isStructured(type)) {
      use.geo ||= [...type.properties].some((property) => isGeo(property.type.type))
      parts.push(shapes.structured(type))
    } else {
      use.geo ||= isGeo(type)
      parts.push(shapes.definition(type))
    }
  }
  for (const operation of [...model.operations.values()].flat())
    use.geo ||= [...operation.parameters, { type: operation.returnType }].some(({ type }) => type && isGeo(type.type))
  const operations = writeOperations(model, names, shapes)
  const imports = [
    ...(['DeltaChange', 'DeltaEntity'] as const).filter((name) => operations.includes(`readonly ${name}<`)),
    ...(controllers ? ['ODataController'] : []),
  ]
  parts.push(operations, controllers ? writeControllers(model, controllers, shapes) : '')
  return [
    `/** Types of ${source}, written by \`odatum types\`: write them again rather than change them. */`,
    imports.length > 0 ? `import type { ${imports.join(', ')} } from 'odatum'\n` : '',
    use.flags ? flags : '',
    use.geo ? geoJson : '',
    ...parts,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function writeControllers(model: Model, name: string, shapes: ShapeWriter): string {
  const lines: string[] = []
  for (const child of model.container?.children.values() ?? []) {
    if (child.kind !== 'entitySet' && child.kind !== 'singleton') continue
    const parameters = (['read', 'create', 'update'] as const).map((shape) => shapes.shapeName(child.type, shape))
    lines.push(`  readonly ${memberName(child.name)}: ODataController<${parameters.join(', ')}>\n`)
  }
  return `/** The controllers of ${model.container?.name}: \`createService<${name}>({ ..., controllers })\`. */
export type ${name} = {
${lines.join('')}}
`
}

function isGeo(type: Type): boolean {
  return primitiveOf(type)?.name.startsWith('Edm.Geo') ?? false
}

const flags = `/** Names of an enumeration, joined by commas. */
export type Flags<Name extends string> = Name | \`\${Name},\${string}\`
`

const geoJson = `/** A geometry as GeoJSON (RFC 7946). */
export type GeoJson =
  | { readonly type: 'Point'; readonly coordinates: readonly number[] }
  | { readonly type: 'LineString' | 'MultiPoint'; readonly coordinates: readonly (readonly number[])[] }
  | { readonly type: 'Polygon' | 'MultiLineString'; readonly coordinates: readonly (readonly (readonly number[])[])[] }
  | {
      readonly type: 'MultiPolygon'
      readonly coordinates: readonly (readonly (readonly (readonly number[])[])[])[]
    }
  | { readonly type: 'GeometryCollection'; readonly geometries: readonly GeoJson[] }
`
