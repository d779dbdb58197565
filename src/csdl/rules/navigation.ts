import type {
  EntityType,
  NavigationProperty,
  Property,
  ReferentialConstraint,
  StructuredType,
} from '../../edm/model.ts'
import { isSubtypeOf, primitiveOf } from '../../edm/types.ts'
import { followPath } from './paths.ts'
import type { Rule, RuleContext } from './rule.ts'

const nullableCollection: Rule<NavigationProperty> = {
  name: 'navigation-collection-not-nullable',
  section: 'NullableNavigationProperty',
  severity: 'warning',
  check(property, { report, written }) {
    if (property.collection && written(property, 'Nullable') !== undefined)
      report(property, `'Nullable' must not be specified for the collection '${property.name}'.`)
  },
}

const partnerOnComplex: Rule<NavigationProperty> = {
  name: 'partner-on-entity-type-only',
  section: 'PartnerNavigationProperty',
  severity: 'error',
  check(property, { report }) {
    if (property.partner !== undefined && property.declaringType.kind === 'complex')
      report(property, `'${property.name}' is declared by a complex type and must not have a partner.`)
  },
}

const partnerResolved: Rule<NavigationProperty> = {
  name: 'partner-resolved',
  section: 'PartnerNavigationProperty',
  severity: 'error',
  check(property, context) {
    if (property.partner === undefined || property.type.kind !== 'entity') return
    if (!partnerOf(property, context))
      context.report(
        property,
        `the partner '${property.partner}' is no navigation property of '${property.type.name}'.`,
      )
  },
}

function partnerOf(property: NavigationProperty, { model }: RuleContext): NavigationProperty | undefined {
  if (property.partner === undefined || property.type.kind !== 'entity') return undefined
  const { steps, fault } = followPath(model, property.type, property.partner)
  const last = steps[steps.length - 1]
  const through = steps.slice(0, -1).some(({ kind }) => kind === 'navigation')
  return fault === undefined && !through && last?.kind === 'navigation' ? last.property : undefined
}

const partnerType: Rule<NavigationProperty> = {
  name: 'partner-leads-back',
  section: 'PartnerNavigationProperty',
  severity: 'error',
  check(property, context) {
    const partner = partnerOf(property, context)
    if (partner?.type.kind !== 'entity' || property.declaringType.kind !== 'entity') return
    if (!isSubtypeOf(property.declaringType, partner.type))
      context.report(
        property,
        `the partner '${property.partner}' leads to '${partner.type.name}', not to '${property.declaringType.name}'.`,
      )
  },
}

const partnerMutual: Rule<NavigationProperty> = {
  name: 'partner-is-mutual',
  section: 'PartnerNavigationProperty',
  severity: 'error',
  check(property, context) {
    const partner = partnerOf(property, context)
    if (partner?.partner === undefined) return
    const back = partnerOf(partner, context)
    if (back && back !== property)
      context.report(property, `the partner '${property.partner}' has another partner: '${partner.partner}'.`)
  },
}

const containmentPartner: Rule<NavigationProperty> = {
  name: 'containment-partner',
  section: 'ContainmentNavigationProperty',
  severity: 'warning',
  check(property, context) {
    const partner = property.containsTarget ? partnerOf(property, context) : undefined
    if (!partner || property.type.kind !== 'entity') return
    const recursive =
      property.declaringType.kind === 'entity' &&
      (isSubtypeOf(property.declaringType, property.type) || isSubtypeOf(property.type, property.declaringType))
    if (partner.collection)
      context.report(property, `the partner '${property.partner}' of a containment must be single-valued.`)
    else if (recursive && !partner.nullable)
      context.report(property, `the partner '${property.partner}' of a recursive containment must be nullable.`)
    else if (!recursive && partner.nullable)
      context.report(property, `the partner '${property.partner}' of a containment must not be nullable.`)
  },
}

const containedKey: Rule<NavigationProperty> = {
  name: 'contained-collection-has-key',
  section: 'ContainmentNavigationProperty',
  severity: 'error',
  check(property, { report }) {
    const { type } = property
    if (property.containsTarget && property.collection && type.kind === 'entity' && type.key.length === 0)
      report(property, `'${property.name}' contains a collection of '${type.name}', which has no key.`)
  },
}

const constraintSingle: Rule<NavigationProperty> = {
  name: 'referential-constraint-single-valued',
  section: 'ReferentialConstraint',
  severity: 'error',
  check(property, { report }) {
    if (property.collection && property.referentialConstraints.length > 0)
      report(property, `'${property.name}' is a collection and must not have a referential constraint.`)
  },
}

const constraintResolved: Rule<NavigationProperty> = {
  name: 'referential-constraint-resolved',
  section: 'ReferentialConstraint',
  severity: 'error',
  check(property, context) {
    for (const constraint of property.referentialConstraints) {
      if (!structuralAt(property.declaringType, constraint.property, context))
        context.report(
          constraint,
          `'${constraint.property}' is no structural property of '${property.declaringType.name}'.`,
        )
      if (property.type.kind === 'entity' && !structuralAt(property.type, constraint.referencedProperty, context))
        context.report(
          constraint,
          `'${constraint.referencedProperty}' is no structural property of '${property.type.name}'.`,
        )
    }
  },
}

/** The structural property at the end of a path through complex properties. */
function structuralAt(type: StructuredType, path: string, { model }: RuleContext): Property | undefined {
  const { steps, fault } = followPath(model, type, path)
  const last = steps[steps.length - 1]
  return fault === undefined && last?.kind === 'property' ? last.property : undefined
}

/** Both ends of a constraint, where both can be found. */
function ends(
  property: NavigationProperty,
  constraint: ReferentialConstraint,
  context: RuleContext,
): { dependent: Property; principal: Property } | undefined {
  const dependent = structuralAt(property.declaringType, constraint.property, context)
  const principal =
    property.type.kind === 'entity' ? structuralAt(property.type, constraint.referencedProperty, context) : undefined
  return dependent && principal && { dependent, principal }
}

const constraintTypes: Rule<NavigationProperty> = {
  name: 'referential-constraint-types-match',
  section: 'ReferentialConstraint',
  severity: 'error',
  check(property, context) {
    for (const constraint of property.referentialConstraints) {
      const both = ends(property, constraint, context)
      if (!both) continue
      const left = both.dependent.type.type
      const right = both.principal.type.type
      const same = left === right || (left.kind === 'complex' && right.kind === 'complex')
      const primitive = primitiveOf(left)
      if (!same && (primitive === undefined || primitive !== primitiveOf(right)))
        context.report(
          constraint,
          `'${constraint.property}' is of ${left.name}, '${constraint.referencedProperty}' of ${right.name}.`,
        )
    }
  },
}

const constraintNullable: Rule<NavigationProperty> = {
  name: 'referential-constraint-nullable',
  section: 'ReferentialConstraint',
  severity: 'warning',
  check(property, context) {
    for (const constraint of property.referentialConstraints) {
      const both = ends(property, constraint, context)
      if (!both) continue
      const wanted = property.nullable || both.principal.type.nullable
      if (wanted === both.dependent.type.nullable) continue
      const message = wanted ? 'must be nullable, as' : 'must not be nullable, as neither'
      context.report(
        constraint,
        `'${constraint.property}' ${message} '${property.name}' ${wanted ? 'or' : 'nor'} '${constraint.referencedProperty}' is.`,
      )
    }
  },
}

const setNullPossible: Rule<NavigationProperty> = {
  name: 'on-delete-set-null-possible',
  section: 'OnDeleteAction',
  severity: 'warning',
  check(property, context) {
    if (property.onDelete !== 'SetNull') return
    const partner = partnerOf(property, context)
    for (const constraint of partner?.referentialConstraints ?? []) {
      const dependent = partner && structuralAt(partner.declaringType, constraint.property, context)
      if (dependent && !dependent.type.nullable)
        context.report(property, `'SetNull' cannot set '${constraint.property}' to null: it is not nullable.`)
    }
  },
}

const oneContainer: Rule<EntityType> = {
  name: 'one-partner-to-a-container',
  section: 'ContainmentNavigationProperty',
  severity: 'warning',
  check(type, context) {
    const leading = [...type.allNavigationProperties.values()].filter(
      (property) => partnerOf(property, context)?.containsTarget === true,
    )
    const [first, second] = leading
    if (first && second && (first.declaringType === type || second.declaringType === type))
      context.report(type, `both '${first.name}' and '${second.name}' lead to an entity that contains this one.`)
  },
}

const constraintOnce: Rule<NavigationProperty> = {
  name: 'referential-constraint-once',
  section: 'ReferentialConstraint',
  severity: 'warning',
  check({ referentialConstraints }, { report }) {
    const seen = new Set<string>()
    for (const constraint of referentialConstraints) {
      const { property } = constraint
      if (seen.has(property)) report(constraint, `'${property}' has two referential constraints.`)
      seen.add(property)
    }
  },
}

const relatedKeyIn40: Rule<NavigationProperty> = {
  name: 'related-type-has-key-in-4.0',
  section: 'Key',
  severity: 'warning',
  check(property, { report, version }) {
    const { type, collection } = property
    if (collection || type.kind !== 'entity' || type.key.length > 0 || version(property) !== '4.0') return
    report(property, `'${property.name}' leads to '${type.name}', which must have a key in OData 4.0.`)
  },
}

export const navigationRules = {
  entity: [oneContainer],
  navigation: [
    nullableCollection,
    constraintOnce,
    relatedKeyIn40,
    partnerOnComplex,
    partnerResolved,
    partnerType,
    partnerMutual,
    containmentPartner,
    containedKey,
    constraintSingle,
    constraintResolved,
    constraintTypes,
    constraintNullable,
    setNullPossible,
  ],
} as const
