import type { Annotatable, Annotation, AnnotationExpression, TypeReference } from '../edm/model.ts'
import { typeName } from '../edm/types.ts'
import type { WrittenModel } from './written.ts'
import type { XmlAttributes, XmlWriter } from './xml-writer.ts'

type Inline = Extract<AnnotationExpression, { readonly value: unknown }>

/** Element or attribute name of each kind of constant and path. */
export const elementNames = {
  binary: 'Binary',
  bool: 'Bool',
  date: 'Date',
  dateTimeOffset: 'DateTimeOffset',
  decimal: 'Decimal',
  duration: 'Duration',
  enumMember: 'EnumMember',
  float: 'Float',
  guid: 'Guid',
  int: 'Int',
  string: 'String',
  timeOfDay: 'TimeOfDay',
  path: 'Path',
  annotationPath: 'AnnotationPath',
  anyPropertyPath: 'AnyPropertyPath',
  modelElementPath: 'ModelElementPath',
  navigationPropertyPath: 'NavigationPropertyPath',
  propertyPath: 'PropertyPath',
} as const satisfies Record<Inline['kind'], string>

/** Writes annotations and their values as CSDL XML (CSDL XML 14.2 to 14.4). */
export class ExpressionWriter {
  readonly #xml: XmlWriter
  readonly #document: WrittenModel

  constructor(xml: XmlWriter, document: WrittenModel) {
    this.#xml = xml
    this.#document = document
  }

  /** The annotations inside an element. */
  annotations(target: Annotatable, more?: XmlAttributes): void {
    for (const annotation of this.#document.annotations(target)) this.annotation(annotation, more)
  }

  annotation(annotation: Annotation, more?: XmlAttributes): void {
    const attributes = { Term: annotation.term, Qualifier: annotation.qualifier, ...more }
    this.#valued('Annotation', attributes, annotation.value, annotation)
  }

  /** An element whose value stands as an attribute where that is possible, else as its child. */
  #valued(name: string, attributes: XmlAttributes, value: AnnotationExpression, annotated: Annotatable): void {
    const inline = inlineAttribute(value)
    this.#xml.element(name, { ...attributes, ...inline }, () => {
      if (!inline && value.kind !== 'default') this.#expression(value)
      this.annotations(annotated)
    })
  }

  #expression(expression: AnnotationExpression): void {
    switch (expression.kind) {
      case 'default':
        return
      case 'null':
        this.#xml.element('Null', {}, () => this.annotations(expression))
        return
      case 'apply':
        this.#operator('Apply', { Function: expression.function }, expression.operands, expression)
        return
      case 'if':
        this.#operator('If', {}, expression.operands, expression)
        return
      case 'cast':
        this.#valued('Cast', this.#typed(expression.type), expression.operand, expression)
        return
      case 'isOf':
        this.#valued('IsOf', this.#typed(expression.type), expression.operand, expression)
        return
      case 'collection':
        this.#operator('Collection', {}, expression.items, undefined)
        return
      case 'labeledElement':
        this.#valued('LabeledElement', { Name: expression.name }, expression.operand, expression)
        return
      case 'labeledElementReference':
        this.#xml.textElement('LabeledElementReference', expression.name)
        return
      case 'record':
        this.#xml.element('Record', { Type: expression.type }, () => {
          for (const member of expression.values)
            this.#valued('PropertyValue', { Property: member.property }, member.value, member)
          this.annotations(expression)
        })
        return
      case 'urlRef':
        this.#valued('UrlRef', {}, expression.operand, expression)
        return
      default:
        if ('operands' in expression) {
          const name = `${expression.kind.charAt(0).toUpperCase()}${expression.kind.slice(1)}`
          this.#operator(name, {}, expression.operands, expression)
        } else this.#xml.textElement(elementNames[expression.kind], String(expression.value))
    }
  }

  #operator(
    name: string,
    attributes: XmlAttributes,
    operands: readonly AnnotationExpression[],
    annotated: Annotatable | undefined,
  ): void {
    this.#xml.element(name, attributes, () => {
      for (const operand of operands) this.#expression(operand)
      if (annotated) this.annotations(annotated)
    })
  }

  #typed(reference: TypeReference): XmlAttributes {
    const { maxLength, unicode, precision, scale, srid } = this.#document.facets(reference.facets)
    return {
      Type: typeName(reference),
      MaxLength: maxLength,
      Unicode: unicode?.toString(),
      Precision: precision,
      Scale: scale,
      SRID: srid,
    }
  }
}

/** The attribute that holds a constant or a path; undefined for all other values. */
function inlineAttribute(value: AnnotationExpression): XmlAttributes | undefined {
  if (!('value' in value)) return undefined
  return { [elementNames[value.kind]]: String(value.value) }
}
