import type { Severity } from '../problems.ts'
import { type ReaderRule, readerRules } from '../reader-rules.ts'
import { annotationRules } from './annotations.ts'
import { containerRules } from './container.ts'
import { enumRules } from './enums.ts'
import { expressionRules } from './expressions.ts'
import { facetRules } from './facets.ts'
import { jsonSchemaRules } from './json-schema.ts'
import { nameRules } from './names.ts'
import { navigationRules } from './navigation.ts'
import { operationRules } from './operations.ts'
import type { Rule, RuleTable } from './rule.ts'
import { typeRules } from './types.ts'
import { valueRules } from './values.ts'
import { vocabularyRules } from './vocabularies.ts'

/** All rules on the linked model, by the kind of element they are checked on. */
export const modelRules: RuleTable = {
  model: [...nameRules.model, ...annotationRules.model],
  schema: nameRules.schema,
  structured: [...nameRules.structured, ...typeRules.structured],
  entity: [...typeRules.entity, ...navigationRules.entity],
  enum: [...nameRules.enum, ...enumRules.enum],
  typeDefinition: facetRules.typeDefinition,
  property: typeRules.property,
  navigation: navigationRules.navigation,
  typeUse: typeRules.typeUse,
  facets: facetRules.facets,
  operation: [...nameRules.operation, ...operationRules.operation, ...vocabularyRules.operation],
  overloads: operationRules.overloads,
  term: annotationRules.term,
  container: [...nameRules.container, ...containerRules.container],
  source: containerRules.source,
  import: containerRules.import,
  annotations: [
    ...annotationRules.annotations,
    ...expressionRules.annotations,
    ...valueRules.annotations,
    ...vocabularyRules.annotations,
    ...jsonSchemaRules.annotations,
  ],
  expressions: [...annotationRules.expressions, ...expressionRules.expressions],
}

/** One line of the table of rules, for documentation. */
export interface RuleEntry {
  readonly name: string
  /** anchor of the section in OData CSDL XML 4.01 */
  readonly section: string
  readonly severity: Severity
}

/** Every rule a document is held to, those of the reader first; each name occurs once. */
export const ruleTable: readonly RuleEntry[] = makeTable()

function makeTable(): readonly RuleEntry[] {
  const entries = new Map<string, RuleEntry>()
  for (const name of Object.keys(readerRules) as ReaderRule[]) entries.set(name, { name, ...readerRules[name] })
  for (const rules of Object.values(modelRules) as (readonly Rule<never>[])[])
    for (const { name, section, severity } of rules) entries.set(name, { name, section, severity })
  return [...entries.values()]
}
