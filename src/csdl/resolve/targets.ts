import type {
  Annotatable,
  Annotation,
  ContainerChild,
  EnumType,
  NamedType,
  Operation,
  StructuredType,
  Type,
  TypeReference,
} from '../../edm/model.ts'
import { typeName } from '../../edm/types.ts'
import { namespaceOf } from '../names.ts'
import { annotationOf } from './expressions.ts'
import { childrenOf, type Document, type Draft, type Linker, none } from './linker.ts'

/**
 * What a target expression leads to (CSDL XML 14.2.2): elements of the model (several for all overloads of an operation); `path`
 * where it resolves but names a use of an element (a property of one set, an inherited member), which is no element of its own;
 * undefined where it does not resolve.
 */
type Target = readonly Annotatable[] | 'path' | undefined

/**
 * Applies the `Annotations` elements of all documents to their targets. Those of referenced documents count for their own
 * schemas, and for others where a `Reference` includes them (CSDL XML 4.3, 5.2).
 */
export function linkExternalAnnotations(linker: Linker, documents: readonly Document[]): void {
  for (const document of documents) {
    const own = new Set(document.schemas.map(({ namespace }) => namespace))
    for (const { namespace, declaration: schema } of document.schemas) {
      const kept = linker.schemas.get(namespace)
      for (const declaration of childrenOf(schema, 'Annotations')) {
        const written = declaration.attributes.Target ?? ''
        const target = document.scope.resolvePath(/\s/.test(written) ? written.replace(/\s+/g, '') : written)
        const { Qualifier } = declaration.attributes
        const children = childrenOf(declaration, 'Annotation')
        if (children.length === 0)
          linker.problems.report(declaration, 'child-required', `'Annotations' must contain an annotation.`)
        let annotations = children.map((child) => annotationOf(linker, child, target, Qualifier))
        if (!document.isMain) {
          const targetNamespace = namespaceOf(target.split(/[/(]/, 1)[0] ?? '')
          if (!own.has(targetNamespace))
            annotations = annotations.filter((annotation) =>
              isIncluded(annotation, targetNamespace, document, documents),
            )
          for (const annotation of annotations) linker.includedAnnotations.add(annotation)
        }
        if (annotations.length === 0) continue
        const elements = targetOf(linker, target)
        if (elements === undefined || elements === 'path') {
          if (elements === undefined)
            linker.problems.report(declaration, 'annotation-target-resolved', `'${target}' does not lead to anything.`)
          kept?.unresolvedAnnotations.push(Object.freeze({ target, qualifier: undefined, annotations }))
        } else
          for (const element of elements) {
            const draft = element as Draft<Annotatable>
            draft.annotations = [...element.annotations, ...annotations]
          }
      }
    }
  }
}

function isIncluded(
  annotation: Annotation,
  targetNamespace: string,
  source: Document,
  documents: readonly Document[],
): boolean {
  const termNamespace = namespaceOf(annotation.term)
  return documents.some((document) =>
    document.references.some(
      (reference) =>
        reference.document === source &&
        childrenOf(reference.declaration, 'IncludeAnnotations').some(
          ({ attributes }) =>
            attributes.TermNamespace === termNamespace &&
            (attributes.Qualifier === undefined || attributes.Qualifier === annotation.qualifier) &&
            (attributes.TargetNamespace === undefined || attributes.TargetNamespace === targetNamespace),
        ),
    ),
  )
}

function targetOf(linker: Linker, target: string): Target {
  const { head, rest } = splitHead(target)
  const annotated = rest.length === 0 ? -1 : rest.findIndex((segment) => segment.startsWith('@'))
  if (annotated >= 0) return onAnnotation(elementsOf(linker, head, rest.slice(0, annotated)), rest.slice(annotated))
  return elementsOf(linker, head, rest)
}

/** The first segment may hold slashes only inside the parentheses of an overload, and there are none: split is safe. */
function splitHead(target: string): { head: string; rest: readonly string[] } {
  const slash = target.indexOf('/')
  if (slash < 0) return { head: target, rest: none }
  return { head: target.slice(0, slash), rest: target.slice(slash + 1).split('/') }
}

function onAnnotation(target: Target, path: readonly string[]): Target {
  if (target === 'path' || target === undefined) return target
  let found: readonly Annotatable[] = target
  for (const segment of path) {
    const [term, qualifier] = segment.slice(1).split('#')
    if (!segment.startsWith('@')) return 'path'
    found = found.flatMap((element) =>
      element.annotations.filter(
        (annotation) => annotation.term === term && (annotation.qualifier ?? '') === (qualifier ?? ''),
      ),
    )
  }
  return found.length > 0 ? found : undefined
}

function elementsOf(linker: Linker, head: string, rest: readonly string[]): Target {
  const paren = head.indexOf('(')
  const name = paren < 0 ? head : head.slice(0, paren)
  const overloads = linker.operations.get(name)
  if (overloads) {
    const chosen = paren < 0 ? overloads : overloads.filter((overload) => signature(overload) === head.slice(paren))
    return operationMember(chosen, rest)
  }
  if (paren >= 0) return undefined
  const type = linker.types.get(name)
  if (type) return typeMember(linker, type, rest)
  const container = linker.containers.get(name)
  if (container) {
    const [child, ...path] = rest
    if (child === undefined) return [container]
    const found = container.children.get(child)
    return found && containerMember(linker, found, path)
  }
  const term = linker.terms.get(name)
  return term && rest.length === 0 ? [term] : undefined
}

/** What stands in the parentheses of a target: all parameter types of a function, the binding one of an action. */
function signature(operation: Operation): string {
  const parameters =
    operation.kind === 'function' ? operation.parameters : operation.parameters.slice(0, operation.bound ? 1 : 0)
  return `(${parameters.map(({ type }) => typeName(type)).join(',')})`
}

function operationMember(overloads: readonly Operation[], path: readonly string[]): Target {
  const [member, ...rest] = path
  if (rest.length > 0) return undefined
  if (member === undefined) return overloads.length > 0 ? overloads : undefined
  const members = overloads.flatMap((overload): readonly Annotatable[] => {
    if (member === '$ReturnType') return overload.returnType ? [overload.returnType] : none
    return overload.parameters.filter((parameter) => parameter.name === member)
  })
  return members.length > 0 ? members : undefined
}

function containerMember(linker: Linker, child: ContainerChild, path: readonly string[]): Target {
  if (path.length === 0) return [child]
  if ('operations' in child) return operationMember(child.operations, path)
  return structuredPath(linker, child.type, path) ? 'path' : undefined
}

function typeMember(linker: Linker, type: NamedType, path: readonly string[]): Target {
  const [member, ...rest] = path
  if (member === undefined) return [type]
  if (type.kind === 'enum') return enumMember(type, member, rest)
  if (type.kind === 'typeDefinition') return undefined
  if (rest.length === 0) {
    const found = type.allProperties.get(member) ?? type.allNavigationProperties.get(member)
    if (found?.declaringType === type) return [found]
  }
  return structuredPath(linker, type, path) ? 'path' : undefined
}

function enumMember(type: EnumType, name: string, rest: readonly string[]): Target {
  const member = type.memberByName.get(name)
  return member && rest.length === 0 ? [member] : undefined
}

/** Whether a path of properties, navigation properties and casts leads somewhere. */
function structuredPath(linker: Linker, type: StructuredType, path: readonly string[]): boolean {
  let current: NamedType | undefined = type
  for (const segment of path) {
    if (current?.kind !== 'entity' && current?.kind !== 'complex') return false
    if (segment.includes('.')) {
      const cast: NamedType | undefined = linker.types.get(segment)
      if (cast?.kind !== current.kind) return false
      current = cast
      continue
    }
    const property: TypeReference | undefined = current.allProperties.get(segment)?.type
    const next: Type | undefined = property?.type ?? current.allNavigationProperties.get(segment)?.type
    if (!next) return false
    current = next.kind === 'primitive' || next.kind === 'abstract' ? undefined : next
  }
  return true
}
