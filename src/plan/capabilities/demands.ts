import { operationRestrictions } from '../../csdl/capabilities.ts'
import { forEachElement } from '../../csdl/walk.ts'
import { bool, items, member, text } from '../../edm/annotations.ts'
import type { AnnotationExpression, Model, Operation } from '../../edm/model.ts'
import { type Access, restrictionMember } from './access.ts'
import { containerCapability } from './capability.ts'
import type { Place } from './place.ts'
import type { Demands } from './verdict.ts'

/**
 * Headers and custom query options that a request must carry: Capabilities.CustomHeaders and CustomQueryOptions of the
 * container and of the access's restrictions, those with `Required`.
 * @returns undefined where there are none
 */
export function demandsOf(model: Model, place: Place, access: Access, byKey: boolean): Demands | undefined {
  const special = byKey && access === 'read' ? restrictionMember(place, 'read', 'ReadByKeyRestrictions') : undefined
  const listed = (name: string): readonly string[] => {
    const own = member(special, name) ?? restrictionMember(place, access, name)
    return [...new Set([...requiredNames(containerCapability(model, name)), ...requiredNames(own)])]
  }
  const headers = listed('CustomHeaders').map((name) => name.toLowerCase())
  const queryOptions = listed('CustomQueryOptions')
  return headers.length + queryOptions.length === 0 ? undefined : { headers, queryOptions }
}

const named = new WeakMap<Model, ReadonlySet<string>>()

/** Headers that a model names anywhere (Capabilities.CustomHeaders, required or not), in lower case. */
export function namedHeaders(model: Model): ReadonlySet<string> {
  let found = named.get(model)
  if (found === undefined) {
    const names = new Set<string>()
    for (const schema of [...model.schemas, ...model.includedSchemas])
      forEachElement(schema, ({ annotations }) => {
        for (const { term, value } of annotations)
          if (term === customHeaders) addNames(value, names)
          else if (term.startsWith(capabilities)) addNested(value, names)
      })
    found = names
    named.set(model, found)
  }
  return found
}

const capabilities = 'Org.OData.Capabilities.V1.'
const customHeaders = `${capabilities}CustomHeaders`

function addNames(parameters: AnnotationExpression, names: Set<string>): void {
  for (const parameter of items(parameters)) {
    const name = text(member(parameter, 'Name'))
    if (name !== undefined) names.add(name.toLowerCase())
  }
}

function addNested(value: AnnotationExpression, names: Set<string>): void {
  if (value.kind === 'collection') for (const item of value.items) addNested(item, names)
  if (value.kind !== 'record') return
  for (const each of value.values)
    if (each.property === 'CustomHeaders') addNames(each.value, names)
    else addNested(each.value, names)
}

/** All that several ask for. */
export function demandsOfAll(several: readonly (Demands | undefined)[]): Demands | undefined {
  const headers = [...new Set(several.flatMap((demands) => demands?.headers ?? []))]
  const queryOptions = [...new Set(several.flatMap((demands) => demands?.queryOptions ?? []))]
  return headers.length + queryOptions.length === 0 ? undefined : { headers, queryOptions }
}

/** What an operation's restrictions ask for. */
export function demandsOfOperation(operation: Operation): Demands | undefined {
  const restrictions = operationRestrictions(operation)
  if (restrictions === undefined) return undefined
  const headers = requiredNames(restrictions.customHeaders).map((name) => name.toLowerCase())
  return demandsOfAll([{ headers, queryOptions: requiredNames(restrictions.customQueryOptions) }])
}

/** The names that a collection of custom parameters requires. */
function requiredNames(parameters: AnnotationExpression | undefined): readonly string[] {
  return items(parameters).flatMap((parameter) => {
    const name = text(member(parameter, 'Name'))
    return name !== undefined && bool(member(parameter, 'Required')) === true ? [name] : []
  })
}
