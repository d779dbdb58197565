import type {
  Annotation,
  AnnotationExpression,
  ConstantTextKind,
  LogicalKind,
  PathKind,
  RecordMember,
  TypeReference,
} from '../../edm/model.ts'
import { constantNames, type Declaration, expressionNames } from '../declaration.ts'
import { childrenOf, type Linker, none } from './linker.ts'

/** Expressions without content are one object each. */
const defaultExpression: AnnotationExpression = Object.freeze({ kind: 'default' })
const trueExpression: AnnotationExpression = Object.freeze({ kind: 'bool', value: true })
const falseExpression: AnnotationExpression = Object.freeze({ kind: 'bool', value: false })
const nullExpression: AnnotationExpression = Object.freeze({ kind: 'null', annotations: none })
const emptyCollection: AnnotationExpression = Object.freeze({ kind: 'collection', items: none })

/** The annotations declared inside an element (CSDL XML 14.2). */
export function annotationsOf(linker: Linker, declaration: Declaration): readonly Annotation[] {
  let annotations: Annotation[] | undefined
  for (const child of declaration.children) {
    if (child.name !== 'Annotation') continue
    annotations ??= []
    annotations.push(annotationOf(linker, child, undefined, undefined))
  }
  return annotations ?? none
}

/**
 * One annotation.
 * @param externalTarget the target of the `Annotations` element it stands in, aliases resolved, or undefined
 * @param qualifier that of the `Annotations` element
 */
export function annotationOf(
  linker: Linker,
  declaration: Declaration,
  externalTarget: string | undefined,
  qualifier: string | undefined,
): Annotation {
  const { attributes } = declaration
  if (qualifier !== undefined && attributes.Qualifier !== undefined)
    linker.problems.report(
      declaration,
      'annotation-qualifier-twice',
      `'Qualifier' must not be given here: 'Annotations' gives it already.`,
    )
  return linker.add(
    {
      term: linker.scopeOf(declaration).resolve(attributes.Term ?? ''),
      qualifier: qualifier ?? attributes.Qualifier,
      value: valueIn(linker, declaration),
      annotations: annotationsOf(linker, declaration),
      externalTarget,
    },
    declaration,
  )
}

/** The value of an annotation, a record's member and whatever else takes one expression as attribute or child. */
function valueIn(linker: Linker, declaration: Declaration): AnnotationExpression {
  let value: AnnotationExpression | undefined
  let count = 0
  for (const name in declaration.attributes) {
    if (inlineNames.has(name)) {
      value = constantOf(linker, name, declaration.attributes[name] ?? '', declaration)
      count++
    }
  }
  for (const child of declaration.children) {
    if (child.name === 'Annotation' || !expressionNames.has(child.name)) continue
    value = expressionOf(linker, child)
    count++
  }
  if (count > 1)
    linker.problems.report(declaration, 'annotation-value-once', `'${declaration.name}' has ${count} values.`)
  return value ?? defaultExpression
}

const inlineNames: ReadonlySet<string> = new Set([...constantNames, 'UrlRef'])

const textKinds: ReadonlyMap<string, ConstantTextKind> = new Map([
  ['Binary', 'binary'],
  ['Date', 'date'],
  ['DateTimeOffset', 'dateTimeOffset'],
  ['Decimal', 'decimal'],
  ['Duration', 'duration'],
  ['EnumMember', 'enumMember'],
  ['Float', 'float'],
  ['Guid', 'guid'],
  ['String', 'string'],
  ['TimeOfDay', 'timeOfDay'],
])

const pathKinds: ReadonlyMap<string, PathKind> = new Map([
  ['Path', 'path'],
  ['AnnotationPath', 'annotationPath'],
  ['AnyPropertyPath', 'anyPropertyPath'],
  ['ModelElementPath', 'modelElementPath'],
  ['NavigationPropertyPath', 'navigationPropertyPath'],
  ['PropertyPath', 'propertyPath'],
])

function constantOf(linker: Linker, name: string, written: string, declaration: Declaration): AnnotationExpression {
  if (name === 'String') return { kind: 'string', value: written }
  const trimmed = written.trim()
  if (name === 'Bool') {
    if (trimmed === 'true') return trueExpression
    if (trimmed === 'false') return falseExpression
    linker.problems.report(declaration, 'annotation-constant', `'${written}' is neither 'true' nor 'false'.`)
    return { kind: 'string', value: written }
  }
  if (name === 'Int') {
    if (/^[-+]?\d{1,20}$/.test(trimmed)) return { kind: 'int', value: BigInt(trimmed.replace('+', '')) }
    linker.problems.report(declaration, 'annotation-constant', `'${written}' is not an integer.`)
    return { kind: 'string', value: written }
  }
  if (name === 'UrlRef') return { kind: 'urlRef', operand: { kind: 'string', value: written }, annotations: none }
  const path = pathKinds.get(name)
  if (path) return { kind: path, value: linker.scopeOf(declaration).resolvePath(trimmed) }
  const kind = textKinds.get(name) ?? 'string'
  return {
    kind,
    value: kind === 'enumMember' ? linker.scopeOf(declaration).resolvePath(trimmed) : trimmed,
  }
}

/** The operands among the children of a dynamic expression. */
function operandsOf(linker: Linker, declaration: Declaration): AnnotationExpression[] {
  const operands: AnnotationExpression[] = []
  for (const child of declaration.children)
    if (child.name !== 'Annotation' && expressionNames.has(child.name)) operands.push(expressionOf(linker, child))
  return operands
}

const logicalKinds: ReadonlyMap<string, { readonly kind: LogicalKind; readonly operands: number }> = new Map(
  (
    [
      ['And', 'and', 2],
      ['Or', 'or', 2],
      ['Not', 'not', 1],
      ['Eq', 'eq', 2],
      ['Ne', 'ne', 2],
      ['Gt', 'gt', 2],
      ['Ge', 'ge', 2],
      ['Lt', 'lt', 2],
      ['Le', 'le', 2],
      ['Has', 'has', 2],
      ['In', 'in', 2],
      ['Add', 'add', 2],
      ['Sub', 'sub', 2],
      ['Neg', 'neg', 1],
      ['Mul', 'mul', 2],
      ['Div', 'div', 2],
      ['DivBy', 'divBy', 2],
      ['Mod', 'mod', 2],
    ] as const
  ).map(([name, kind, operands]) => [name, { kind, operands }]),
)

/** One expression element (CSDL XML 14.3, 14.4). */
function expressionOf(linker: Linker, declaration: Declaration): AnnotationExpression {
  const { name, attributes } = declaration
  const logical = logicalKinds.get(name)
  if (logical) {
    const operands = operandsOf(linker, declaration)
    expectOperands(linker, declaration, operands.length, logical.operands, logical.operands)
    return { kind: logical.kind, operands, annotations: annotationsOf(linker, declaration) }
  }
  switch (name) {
    case 'Apply':
      return {
        kind: 'apply',
        function: linker.scopeOf(declaration).resolve(attributes.Function ?? ''),
        operands: operandsOf(linker, declaration),
        annotations: annotationsOf(linker, declaration),
      }
    case 'Cast':
    case 'IsOf':
      return {
        kind: name === 'Cast' ? 'cast' : 'isOf',
        type: typeOf(linker, declaration),
        operand: operandOf(linker, declaration),
        annotations: annotationsOf(linker, declaration),
      }
    case 'Collection': {
      const items = operandsOf(linker, declaration)
      return items.length === 0 ? emptyCollection : { kind: 'collection', items }
    }
    case 'If': {
      const operands = operandsOf(linker, declaration)
      expectOperands(linker, declaration, operands.length, 2, 3)
      return { kind: 'if', operands, annotations: annotationsOf(linker, declaration) }
    }
    case 'LabeledElement':
      return {
        kind: 'labeledElement',
        name: attributes.Name ?? '',
        operand: operandOf(linker, declaration),
        annotations: annotationsOf(linker, declaration),
      }
    case 'LabeledElementReference':
      return {
        kind: 'labeledElementReference',
        name: linker.scopeOf(declaration).resolve((attributes.Name ?? declaration.text).trim()),
      }
    case 'Null': {
      const annotations = annotationsOf(linker, declaration)
      return annotations.length === 0 ? nullExpression : { kind: 'null', annotations }
    }
    case 'Record':
      return {
        kind: 'record',
        type: attributes.Type === undefined ? undefined : linker.scopeOf(declaration).resolve(attributes.Type),
        values: membersOf(linker, declaration),
        annotations: annotationsOf(linker, declaration),
      }
    case 'UrlRef':
      return {
        kind: 'urlRef',
        operand: operandOf(linker, declaration),
        annotations: annotationsOf(linker, declaration),
      }
    default: {
      const constant = constantOf(linker, name, declaration.text, declaration)
      if (declaration.untyped) linker.untyped.add(constant)
      return constant
    }
  }
}

function operandOf(linker: Linker, declaration: Declaration): AnnotationExpression {
  const operand = valueIn(linker, declaration)
  if (operand.kind === 'default') expectOperands(linker, declaration, 0, 1, 1)
  return operand
}

function membersOf(linker: Linker, declaration: Declaration): readonly RecordMember[] {
  const members = childrenOf(declaration, 'PropertyValue').map(
    (child): RecordMember => ({
      property: child.attributes.Property ?? '',
      value: valueIn(linker, child),
      annotations: annotationsOf(linker, child),
    }),
  )
  return members.length === 0 ? none : members
}

function typeOf(linker: Linker, declaration: Declaration): TypeReference {
  return linker.typeReference(declaration)
}

function expectOperands(linker: Linker, declaration: Declaration, count: number, least: number, most: number): void {
  if (count >= least && count <= most) return
  const wanted = least === most ? `${least}` : `${least} or ${most}`
  linker.problems.report(
    declaration,
    'annotation-operands',
    `'${declaration.name}' takes ${wanted} operand${most === 1 ? '' : 's'}, not ${count}.`,
  )
}
