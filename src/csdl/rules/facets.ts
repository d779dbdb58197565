import type { Facets, PrimitiveTypeName, Type, TypeDefinition } from '../../edm/model.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { Rule, RuleContext, TypeUse } from './rule.ts'

const lengthTypes: ReadonlySet<string> = new Set(['Edm.Binary', 'Edm.Stream', 'Edm.String'])
const temporalTypes: ReadonlySet<string> = new Set(['Edm.DateTimeOffset', 'Edm.Duration', 'Edm.TimeOfDay'])
const isGeo = (name: string): boolean => /^Edm\.Geo(graphy|metry)/.test(name)

/** Which facets a type knows (CSDL XML 3.4). */
function applies(facet: keyof Facets, type: PrimitiveTypeName): boolean {
  switch (facet) {
    case 'maxLength':
      return lengthTypes.has(type)
    case 'precision':
      return type === 'Edm.Decimal' || temporalTypes.has(type)
    case 'scale':
      return type === 'Edm.Decimal'
    case 'srid':
      return isGeo(type)
    case 'unicode':
      return type === 'Edm.String'
  }
}

const names: Readonly<Record<keyof Facets, string>> = {
  maxLength: 'MaxLength',
  precision: 'Precision',
  scale: 'Scale',
  srid: 'SRID',
  unicode: 'Unicode',
}

/** A rule that looks at facets wherever they are: on a use of a type and on a type definition. */
function facetRule(
  name: string,
  section: string,
  severity: 'error' | 'warning',
  check: (
    use: { readonly facets: Facets; readonly type: Type; readonly name: string; readonly element: object },
    context: RuleContext,
  ) => void,
): { readonly use: Rule<TypeUse>; readonly definition: Rule<TypeDefinition> } {
  return {
    use: {
      name,
      section,
      severity,
      check({ reference, element, name: user }, context) {
        check({ facets: reference.facets, type: reference.type, name: user, element }, context)
      },
    },
    definition: {
      name,
      section,
      severity,
      check(definition, context) {
        const { facets, underlying } = definition
        check({ facets, type: underlying, name: definition.name, element: definition }, context)
      },
    },
  }
}

const applicable = facetRule(
  'facet-applies',
  'TypeFacets',
  'warning',
  ({ facets, type, name, element }, { report }) => {
    const primitive = primitiveOf(type)?.name
    // For an abstract type the concrete type of the value decides.
    if (type.kind === 'abstract') return
    for (const facet of Object.keys(facets) as (keyof Facets)[])
      if (primitive === undefined || !applies(facet, primitive))
        report(element, `'${names[facet]}' says nothing about '${name}' of ${type.name}.`)
  },
)

const maxLength = facetRule('max-length-positive', 'MaxLength', 'error', ({ facets, name, element }, { report }) => {
  if (facets.maxLength === 0) report(element, `'MaxLength' of '${name}' must be positive.`)
})

const maxLengthMax = facetRule('max-length-max-is-4.0', 'MaxLength', 'warning', (use, { report, version }) => {
  if (use.facets.maxLength === 'max' && version(use.element) === '4.01')
    report(use.element, `'MaxLength' of '${use.name}' must not be 'max' in OData 4.01.`)
})

const precision = facetRule('precision-range', 'Precision', 'error', ({ facets, type, name, element }, { report }) => {
  const primitive = primitiveOf(type)?.name
  if (facets.precision === undefined || primitive === undefined) return
  if (primitive === 'Edm.Decimal' && facets.precision === 0)
    report(element, `'Precision' of the decimal '${name}' must be positive.`)
  if (temporalTypes.has(primitive) && facets.precision > 12)
    report(element, `'Precision' of '${name}' must be 12 at the most.`)
})

const scale = facetRule('scale-within-precision', 'Scale', 'error', ({ facets, name, element }, { report }) => {
  if (typeof facets.scale === 'number' && facets.precision !== undefined && facets.scale > facets.precision)
    report(element, `'Scale' of '${name}' (${facets.scale}) must not exceed 'Precision' (${facets.precision}).`)
})

const floating = facetRule('scale-floating-is-4.01', 'Scale', 'warning', (use, { report, version }) => {
  if (use.facets.scale === 'floating' && version(use.element) === '4.0')
    report(use.element, `'Scale' of '${use.name}' must not be 'floating' in OData 4.0.`)
})

const definitionOfAnything: Rule<TypeDefinition> = {
  name: 'type-definition-of-primitive-type-is-4.01',
  section: 'BuiltInAbstractTypes',
  severity: 'error',
  check(definition, { report, version }) {
    if (definition.underlying.kind === 'abstract' && version(definition) === '4.0')
      report(definition, `${definition.underlying.name} cannot underlie '${definition.name}' in OData 4.0.`)
  },
}

const noneOfAnything: Rule<TypeDefinition> = {
  name: 'type-definition-of-primitive-type-has-no-facets',
  section: 'UnderlyingPrimitiveType',
  severity: 'warning',
  check(definition, { report }) {
    const [facet] = Object.keys(definition.facets) as (keyof Facets)[]
    if (definition.underlying.kind === 'abstract' && facet !== undefined)
      report(definition, `'${names[facet]}' says nothing about '${definition.name}' of ${definition.underlying.name}.`)
  },
}

const notRespecified: Rule<TypeUse> = {
  name: 'type-definition-facet-not-respecified',
  section: 'UnderlyingPrimitiveType',
  severity: 'error',
  check({ reference: { type, facets }, element, name }, { report }) {
    if (type.kind !== 'typeDefinition') return
    for (const facet of Object.keys(facets) as (keyof Facets)[])
      if (type.facets[facet] !== undefined)
        report(element, `'${name}' must not specify '${names[facet]}' again: '${type.name}' does.`)
  },
}

const all = [applicable, maxLength, maxLengthMax, precision, scale, floating]

export const facetRules = {
  facets: [...all.map(({ use }) => use), notRespecified],
  typeDefinition: [...all.map(({ definition }) => definition), definitionOfAnything, noneOfAnything],
} as const
