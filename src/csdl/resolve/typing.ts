import type { Annotatable, Annotation, AnnotationExpression, EnumType, Model, Schema, Type } from '../../edm/model.ts'
import { primitiveOf } from '../../edm/types.ts'
import { forEachElement } from '../walk.ts'
import type { Linker } from './linker.ts'
import { wellKnownMembers, wellKnownTerms } from './well-known.ts'

/** What a value should be: a type of the model, an entry of the well-known vocabularies, or not known. */
type Expected = Type | string | undefined

const wellKnownPrefix = 'Org.OData.'

/**
 * Gives the constants of CSDL JSON their kind: JSON writes dates, paths and enumeration members as strings alike, so the
 * type of the term or of the record's member decides (CSDL JSON 14.3). What no type is known for stays a string or number.
 */
export function typeConstants(linker: Linker, model: Model): void {
  if (linker.untyped.size === 0) return
  const typing = new Typing(linker)
  const schemas: readonly Schema[] = [...model.schemas, ...model.includedSchemas]
  for (const schema of schemas) {
    forEachElement(schema, (element) => typing.element(element))
    for (const type of schema.types)
      if (type.kind === 'entity' || type.kind === 'complex')
        for (const property of type.navigationProperties) typing.list(property.onDeleteAnnotations)
    for (const { annotations } of schema.unresolvedAnnotations) typing.list(annotations)
  }
  for (const reference of model.references) {
    typing.element(reference)
    for (const include of reference.includes) typing.element(include)
  }
}

class Typing {
  readonly #linker: Linker

  constructor(linker: Linker) {
    this.#linker = linker
  }

  element(element: Annotatable): void {
    this.list(element.annotations)
  }

  list(annotations: readonly Annotation[]): void {
    for (const annotation of annotations) {
      this.#expression(annotation.value, this.#ofTerm(annotation.term))
      this.list(annotation.annotations)
    }
  }

  #ofTerm(name: string): Expected {
    const term = this.#linker.terms.get(name)
    if (term) return term.type.type
    return name.startsWith(wellKnownPrefix) ? own(wellKnownTerms, name.slice(wellKnownPrefix.length)) : undefined
  }

  #ofMember(record: string | undefined, expected: Expected, member: string): Expected {
    const type = record === undefined ? expected : (this.#linker.types.get(record) ?? record)
    if (type === undefined) return undefined
    if (typeof type !== 'string')
      return type.kind === 'complex' || type.kind === 'entity' ? type.allProperties.get(member)?.type.type : undefined
    const name = type.startsWith(wellKnownPrefix) ? type.slice(wellKnownPrefix.length) : type
    const members = own(wellKnownMembers, name)
    return members && own(members, member)
  }

  #expression(expression: AnnotationExpression, expected: Expected): void {
    if (this.#linker.untyped.has(expression)) {
      this.#constant(expression as { kind: string; value: unknown }, expected)
      return
    }
    if ('annotations' in expression) this.list(expression.annotations)
    switch (expression.kind) {
      case 'collection':
        for (const item of expression.items) this.#expression(item, expected)
        return
      case 'record':
        for (const { property, value, annotations } of expression.values) {
          this.#expression(value, this.#ofMember(expression.type, expected, property))
          this.list(annotations)
        }
        return
      case 'if':
        for (const [index, operand] of expression.operands.entries())
          this.#expression(operand, index === 0 ? undefined : expected)
        return
      case 'labeledElement':
        this.#expression(expression.operand, expected)
        return
      default:
        if ('operands' in expression) for (const operand of expression.operands) this.#expression(operand, undefined)
        if ('operand' in expression) this.#expression(expression.operand, undefined)
    }
  }

  #constant(constant: { kind: string; value: unknown }, expected: Expected): void {
    if (typeof expected === 'object' && expected.kind === 'enum') {
      const members = enumMembers(expected, String(constant.value))
      if (members !== undefined) Object.assign(constant, { kind: 'enumMember', value: members })
      return
    }
    if (typeof expected === 'string' && expected.startsWith('enumMember ')) {
      const type = `${wellKnownPrefix}${expected.slice('enumMember '.length)}`
      if (/^[A-Za-z_]/.test(String(constant.value)))
        Object.assign(constant, { kind: 'enumMember', value: memberPaths(type, String(constant.value)) })
      return
    }
    const kind = typeof expected === 'string' ? expected : kindOf(expected)
    if (kind === undefined || kind.includes('.') || kind === constant.kind) return
    if (kind === 'int') {
      if (/^-?\d{1,20}$/.test(String(constant.value)))
        Object.assign(constant, { kind, value: BigInt(String(constant.value)) })
    } else {
      const isPath = kind.endsWith('Path')
      const value = String(constant.value)
      Object.assign(constant, { kind, value: isPath ? this.#resolved(value) : value })
    }
  }

  /** Aliases in paths: those of any document, as JSON constants no longer know theirs. */
  #resolved(path: string): string {
    return this.#linker.mainScope.resolvePath(path)
  }
}

/** A member of a table, never one that all objects inherit. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

const memberPaths = (type: string, value: string): string =>
  value
    .split(',')
    .map((member) => `${type}/${member.trim()}`)
    .join(' ')

/** Names, or the number of a member, as paths; undefined where it is neither. */
function enumMembers(type: EnumType, value: string): string | undefined {
  const names = value.split(',').map((name) => name.trim())
  if (names.every((name) => type.memberByName.has(name))) return memberPaths(type.name, value)
  const member = /^-?\d{1,20}$/.test(value) && type.members.find((candidate) => candidate.value === BigInt(value))
  return member ? memberPaths(type.name, member.name) : undefined
}

const kinds: Readonly<Record<string, string>> = {
  'Edm.AnnotationPath': 'annotationPath',
  'Edm.AnyPropertyPath': 'anyPropertyPath',
  'Edm.ModelElementPath': 'modelElementPath',
  'Edm.NavigationPropertyPath': 'navigationPropertyPath',
  'Edm.PropertyPath': 'propertyPath',
  'Edm.Binary': 'binary',
  'Edm.Byte': 'int',
  'Edm.Date': 'date',
  'Edm.DateTimeOffset': 'dateTimeOffset',
  'Edm.Decimal': 'decimal',
  'Edm.Double': 'float',
  'Edm.Duration': 'duration',
  'Edm.Guid': 'guid',
  'Edm.Int16': 'int',
  'Edm.Int32': 'int',
  'Edm.Int64': 'int',
  'Edm.SByte': 'int',
  'Edm.Single': 'float',
  'Edm.String': 'string',
  'Edm.TimeOfDay': 'timeOfDay',
}

/** The kind of constant for a type, through type definitions. */
function kindOf(type: Type | undefined): string | undefined {
  if (!type) return undefined
  return kinds[primitiveOf(type)?.name ?? type.name]
}
