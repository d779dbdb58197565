import { pathText } from '../../csdl/core.ts'
import { annotationOf, items, member } from '../../edm/annotations.ts'
import type { Annotatable, EntityType, NavigationProperty, StructuredType } from '../../edm/model.ts'
import { hasCountRules } from './property-checks.ts'

/** What the model says of the entities that another one relates: Validation.MinItems, MaxItems and ItemsOf. */

/** Validation.ItemsOf: what `path` leads to, `target` leads to, too. */
export interface ItemsOfRule {
  readonly path: NavigationProperty
  readonly target: NavigationProperty
}

const itemsOfTerm = 'Org.OData.Validation.V1.ItemsOf'

/** The rules of ItemsOf of a type and its base types. */
export function itemsOfRules(type: StructuredType): readonly ItemsOfRule[] {
  let rules = known.get(type)
  if (rules === undefined) {
    rules = []
    for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType)
      for (const rule of readItemsOf(current, type)) if (rule !== undefined) rules.push(rule)
    known.set(type, rules)
  }
  return rules
}

const known = new WeakMap<StructuredType, ItemsOfRule[]>()

/** Whether all that ItemsOf says of a type can be held: paths of one navigation property, of entity types. */
export function isItemsOfEnforced(type: Annotatable & { readonly kind?: string }): boolean {
  if (type.kind !== 'entity') return annotationOf(type, itemsOfTerm) === undefined
  return readItemsOf(type, type as EntityType).every((rule) => rule !== undefined)
}

function readItemsOf(at: Annotatable, type: StructuredType): readonly (ItemsOfRule | undefined)[] {
  return items(annotationOf(at, itemsOfTerm)?.value).map((record) => {
    const path = type.allNavigationProperties.get(pathText(member(record, 'path')) ?? '')
    const target = type.allNavigationProperties.get(pathText(member(record, 'target')) ?? '')
    return path === undefined || target === undefined ? undefined : { path, target }
  })
}

const ruled = new WeakMap<NavigationProperty, boolean>()

/** Whether a rule looks at what a navigation property leads to. */
export function isRuled(property: NavigationProperty): boolean {
  let found = ruled.get(property)
  if (found === undefined) {
    const { declaringType } = property
    found =
      (property.collection && hasCountRules(property)) ||
      [declaringType, ...declaringType.derivedTypes]
        .flatMap(itemsOfRules)
        .some(({ path, target }) => path === property || target === property)
    ruled.set(property, found)
  }
  return found
}
