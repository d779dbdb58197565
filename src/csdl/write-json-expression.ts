import { items } from '../edm/annotations.ts'
import type { Annotatable, Annotation, AnnotationExpression } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { emptyObject, type Json, type JsonObject, RawNumber } from './json-printer.ts'
import type { WrittenModel } from './written.ts'

const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/

/** Annotations and their values as CSDL JSON (CSDL JSON 14.2 to 14.4). */
export class JsonExpressions {
  readonly #document: WrittenModel

  constructor(document: WrittenModel) {
    this.#document = document
  }

  /**
   * The annotations of an element as members to be added to its object.
   * @param prefix name of the member that is annotated, where the element is no object of its own
   */
  annotations(target: Annotatable, prefix = ''): JsonObject {
    return this.list(this.#document.annotations(target), prefix)
  }

  list(annotations: readonly Annotation[], prefix = ''): JsonObject {
    const members: JsonObject = {}
    for (const annotation of annotations) {
      const qualifier = annotation.qualifier === undefined ? '' : `#${annotation.qualifier}`
      const name = `${prefix}@${this.#document.aliasName(annotation.term)}${qualifier}`
      members[name] =
        annotation.value.kind === 'default' ? this.#default(annotation.term) : this.expression(annotation.value)
      Object.assign(members, this.annotations(annotation, name))
    }
    return members
  }

  /** JSON must say a value: the term's default where the term is at hand, else true, which fits tagging terms. */
  #default(name: string): Json {
    const term = this.#document.model.terms.get(name)
    if (!term) return true
    if (term.type.collection) return []
    if (term.type.type.kind === 'complex') return {}
    if (term.defaultValue === undefined) return null
    const primitive = primitiveOf(term.type.type)?.name
    if (primitive === 'Edm.Boolean') return term.defaultValue === 'true'
    const numeric = primitive !== undefined && /^Edm\.(S?Byte|Int\d\d|Decimal|Double|Single)$/.test(primitive)
    return numeric && jsonNumber.test(term.defaultValue) ? new RawNumber(term.defaultValue) : term.defaultValue
  }

  expression(expression: AnnotationExpression): Json {
    switch (expression.kind) {
      case 'default':
        return true
      case 'null': {
        const annotations = this.annotations(expression)
        return expression.annotations.length === 0 ? null : { $Null: null, ...annotations }
      }
      case 'bool':
        return expression.value
      case 'int':
        return expression.value
      case 'decimal':
      case 'float':
        return jsonNumber.test(expression.value) ? new RawNumber(expression.value) : expression.value
      case 'enumMember':
        return enumMembers(expression.value)
      case 'path':
        return { $Path: this.#document.aliasPath(expression.value) }
      case 'annotationPath':
      case 'anyPropertyPath':
      case 'modelElementPath':
      case 'navigationPropertyPath':
      case 'propertyPath':
        return this.#document.aliasPath(expression.value)
      case 'binary':
      case 'date':
      case 'dateTimeOffset':
      case 'duration':
      case 'guid':
      case 'string':
      case 'timeOfDay':
        return expression.value
      case 'collection':
        return items(expression).map((item) => this.expression(item))
      case 'record':
        return this.#record(expression)
      case 'apply':
        return {
          $Apply: expression.operands.map((operand) => this.expression(operand)),
          $Function: this.#document.aliasName(expression.function),
          ...this.annotations(expression),
        }
      case 'cast':
      case 'isOf': {
        const { type, collection, facets } = expression.type
        const { maxLength, unicode, precision, scale, srid } = this.#document.facets(facets)
        return {
          [expression.kind === 'cast' ? '$Cast' : '$IsOf']: this.expression(expression.operand),
          $Type: this.#document.aliasName(type.name),
          $Collection: collection || undefined,
          $MaxLength: maxLength,
          $Unicode: unicode,
          $Precision: precision,
          $Scale: scale,
          $SRID: srid === undefined ? undefined : String(srid),
          ...this.annotations(expression),
        }
      }
      case 'labeledElement':
        return {
          $LabeledElement: this.expression(expression.operand),
          $Name: expression.name,
          ...this.annotations(expression),
        }
      case 'labeledElementReference':
        return { $LabeledElementReference: this.#document.aliasName(expression.name) }
      case 'urlRef':
        return { $UrlRef: this.expression(expression.operand), ...this.annotations(expression) }
      case 'not':
      case 'neg': {
        const [operand] = expression.operands
        return {
          [expression.kind === 'not' ? '$Not' : '$Neg']: operand ? this.expression(operand) : null,
          ...this.annotations(expression),
        }
      }
      default:
        return {
          [`$${expression.kind.charAt(0).toUpperCase()}${expression.kind.slice(1)}`]: expression.operands.map(
            (operand) => this.expression(operand),
          ),
          ...this.annotations(expression),
        }
    }
  }

  #record(record: Extract<AnnotationExpression, { readonly kind: 'record' }>): JsonObject {
    const written = emptyObject()
    if (record.type !== undefined) written['@type'] = `#${this.#document.aliasName(record.type)}`
    for (const member of record.values) {
      written[member.property] = this.expression(member.value)
      Object.assign(written, this.annotations(member, member.property))
    }
    return { ...written, ...this.annotations(record) }
  }
}

/** `NS.Type/A NS.Type/B` as `A,B` (CSDL JSON 14.3.7). */
function enumMembers(value: string): string {
  return value
    .split(/\s+/)
    .map((member) => member.slice(member.lastIndexOf('/') + 1))
    .join(',')
}
