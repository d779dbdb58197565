import type {
  ContainerChild,
  EntityContainer,
  EntitySet,
  EntityType,
  Model,
  NavigationPropertyBinding,
  OperationImport,
  Singleton,
} from '../../edm/model.ts'
import { isSubtypeOf } from '../../edm/types.ts'
import { isSimpleIdentifier } from '../names.ts'
import { followPath, type Step } from './paths.ts'
import type { Rule, RuleContext } from './rule.ts'

const childNames: Rule<EntityContainer> = {
  name: 'container-child-name-form',
  section: 'EntityContainer',
  severity: 'error',
  check({ children }, { report }) {
    for (const child of children.values())
      if (!isSimpleIdentifier(child.name)) report(child, `'${child.name}' must be a simple identifier.`)
  },
}

const redefinition: Rule<EntityContainer> = {
  name: 'redefined-container-child-narrows-type',
  section: 'ExtendinganEntityContainer',
  severity: 'error',
  check(container, { model, report }) {
    const base = container.extends === undefined ? undefined : containerNamed(model, container.extends)
    for (const [name, inherited] of base?.children ?? []) {
      const own = container.children.get(name)
      if (!own || own === inherited) continue
      if (own.kind !== inherited.kind || 'operations' in own || 'operations' in inherited)
        report(own, `'${name}' exists already in the container that this one extends.`)
      else if (!isSubtypeOf(own.type, inherited.type))
        report(own, `'${name}' must have a type derived from '${inherited.type.name}'.`)
    }
  },
}

function containerNamed({ schemas, includedSchemas }: Model, name: string): EntityContainer | undefined {
  return [...schemas, ...includedSchemas].find(({ container }) => container?.name === name)?.container
}

const extendsCycle: Rule<EntityContainer> = {
  name: 'container-extends-no-cycle',
  section: 'ExtendinganEntityContainer',
  severity: 'warning',
  check(container, { model, report }) {
    const seen = new Set<string>()
    for (let name = container.extends; name !== undefined; name = containerNamed(model, name)?.extends) {
      if (name === container.name) report(container, `'${container.name}' extends itself.`)
      if (seen.has(name)) return
      seen.add(name)
    }
  },
}

const setKey: Rule<EntitySet | Singleton> = {
  name: 'entity-set-type-has-key',
  section: 'EntitySet',
  severity: 'error',
  check(source, { report }) {
    if (source.kind === 'entitySet' && source.type.key.length === 0)
      report(source, `the entity set '${source.name}' is of '${source.type.name}', which has no key.`)
  },
}

const singletonKey: Rule<EntitySet | Singleton> = {
  name: 'singleton-type-has-key-in-4.0',
  section: 'Key',
  severity: 'warning',
  check(source, { report, version }) {
    if (source.kind === 'singleton' && source.type.key.length === 0 && version(source) === '4.0')
      report(source, `the singleton '${source.name}' is of '${source.type.name}', which must have a key in OData 4.0.`)
  },
}

const singletonNullable: Rule<EntitySet | Singleton> = {
  name: 'singleton-nullable-is-4.01',
  section: 'Singleton',
  severity: 'warning',
  check(source, { report, version, written }) {
    if (source.kind === 'singleton' && version(source) === '4.0' && written(source, 'Nullable') !== undefined)
      report(source, `'Nullable' of the singleton '${source.name}' must not be specified in OData 4.0.`)
  },
}

/** The steps of a binding's path; what is wrong with it is reported by `binding-path-resolved` alone. */
function bindingSteps(
  { model }: RuleContext,
  source: EntitySet | Singleton,
  { path }: NavigationPropertyBinding,
): readonly Step[] | undefined {
  const { steps, fault } = followPath(model, source.type, path)
  return fault === undefined ? steps : undefined
}

/** The last navigation property of a path; a cast may follow it in 4.01 (CSDL XML 13.4.1). */
function lastNavigation(steps: readonly Step[]): Extract<Step, { kind: 'navigation' }> | undefined {
  const last = steps[steps.length - 1]
  const step = last?.kind === 'cast' ? steps[steps.length - 2] : last
  return step?.kind === 'navigation' ? step : undefined
}

const bindingPath: Rule<EntitySet | Singleton> = {
  name: 'binding-path-resolved',
  section: 'NavigationPropertyPathBinding',
  severity: 'error',
  check(source, context) {
    for (const binding of source.navigationPropertyBindings) {
      const { steps, fault } = followPath(context.model, source.type, binding.path)
      if (fault !== undefined) context.report(binding, `'${fault}' in the path '${binding.path}' cannot be followed.`)
      else if (!lastNavigation(steps))
        context.report(binding, `the path '${binding.path}' must end at a navigation property.`)
    }
  },
}

const bindingContainment: Rule<EntitySet | Singleton> = {
  name: 'binding-path-ends-outside-containment',
  section: 'NavigationPropertyPathBinding',
  severity: 'warning',
  check(source, context) {
    for (const binding of source.navigationPropertyBindings) {
      const steps = bindingSteps(context, source, binding)
      if (steps && lastNavigation(steps)?.property.containsTarget)
        context.report(binding, `'${binding.path}' ends at a containment, which needs no binding.`)
    }
  },
}

const bindingThrough: Rule<EntitySet | Singleton> = {
  name: 'binding-path-through-containment-only',
  section: 'NavigationPropertyPathBinding',
  severity: 'warning',
  check(source, context) {
    for (const binding of source.navigationPropertyBindings) {
      const steps = bindingSteps(context, source, binding)
      const last = steps && lastNavigation(steps)
      for (const step of steps ?? [])
        if (step.kind === 'navigation' && step !== last && !step.property.containsTarget)
          context.report(binding, `'${step.property.name}' in '${binding.path}' is no containment.`)
    }
  },
}

const bindingCastIn40: Rule<EntitySet | Singleton> = {
  name: 'binding-path-cast-last-is-4.01',
  section: 'NavigationPropertyPathBinding',
  severity: 'warning',
  check(source, context) {
    for (const binding of source.navigationPropertyBindings)
      if (context.version(binding) === '4.0' && bindingSteps(context, source, binding)?.at(-1)?.kind === 'cast')
        context.report(binding, `'${binding.path}' ends at a cast, which OData 4.0 does not know.`)
  },
}

const bindingOnce: Rule<EntitySet | Singleton> = {
  name: 'binding-path-once',
  section: 'NavigationPropertyPathBinding',
  severity: 'error',
  check(source, { report }) {
    const seen = new Set<string>()
    for (const binding of source.navigationPropertyBindings) {
      if (seen.has(binding.path)) report(binding, `'${binding.path}' is bound twice.`)
      seen.add(binding.path)
    }
  },
}

/** What a binding's target or an import's entity set leads to. */
type Target =
  | { readonly kind: 'child'; readonly child: ContainerChild }
  | { readonly kind: 'containment'; readonly type: EntityType }

function targetOf(model: Model, container: EntityContainer, target: string): Target | undefined {
  const [first = '', ...rest] = target.split('/')
  const named = containerNamed(model, first)
  const child = named ? named.children.get(rest[0] ?? '') : container.children.get(first)
  const path = named ? rest.slice(1) : rest
  if (!child || path.length === 0) return child && { kind: 'child', child }
  if (child.kind !== 'singleton') return undefined
  const { steps, fault } = followPath(model, child.type, path.join('/'))
  const last = steps[steps.length - 1]
  if (fault !== undefined || last?.kind !== 'navigation' || !last.property.containsTarget) return undefined
  return last.property.type.kind === 'entity' ? { kind: 'containment', type: last.property.type } : undefined
}

const bindingTarget: Rule<EntityContainer> = {
  name: 'binding-target-resolved',
  section: 'BindingTarget',
  severity: 'warning',
  check(container, { model, report }) {
    for (const source of container.children.values()) {
      if ('operations' in source) continue
      for (const binding of source.navigationPropertyBindings) {
        const target = targetOf(model, container, binding.target)
        if (!target || (target.kind === 'child' && 'operations' in target.child))
          report(binding, `'${binding.target}' is no entity set, singleton or containment of a singleton.`)
      }
    }
  },
}

const bindingType: Rule<EntityContainer> = {
  name: 'binding-target-type',
  section: 'BindingTarget',
  severity: 'warning',
  check(container, context) {
    for (const source of container.children.values()) {
      if ('operations' in source) continue
      for (const binding of source.navigationPropertyBindings) {
        const target = targetOf(context.model, container, binding.target)
        const steps = bindingSteps(context, source, binding)
        const bound = steps && lastNavigation(steps)?.property.type
        const type =
          target?.kind === 'containment'
            ? target.type
            : target && !('operations' in target.child)
              ? target.child.type
              : undefined
        if (bound?.kind === 'entity' && type && !isSubtypeOf(type, bound) && !isSubtypeOf(bound, type))
          context.report(binding, `'${binding.path}' leads to '${bound.name}', but the target holds '${type.name}'.`)
      }
    }
  },
}

const importSet: Rule<EntityContainer> = {
  name: 'import-entity-set-resolved',
  section: 'FunctionImport',
  severity: 'error',
  check(container, { model, report }) {
    for (const child of container.children.values()) {
      if (!('operations' in child) || child.entitySet === undefined) continue
      const target = targetOf(model, container, child.entitySet)
      if (target?.kind !== 'child' || target.child.kind !== 'entitySet')
        report(child, `'${child.entitySet}' is no entity set.`)
    }
  },
}

const importSetType: Rule<EntityContainer> = {
  name: 'import-entity-set-type',
  section: 'FunctionImport',
  severity: 'warning',
  check(container, { model, report }) {
    for (const child of container.children.values()) {
      if (!('operations' in child) || child.entitySet === undefined) continue
      const target = targetOf(model, container, child.entitySet)
      const returned = child.operations[0]?.returnType?.type
      if (target?.kind !== 'child' || target.child.kind !== 'entitySet' || returned?.kind !== 'entity') continue
      const { type } = target.child
      if (!isSubtypeOf(type, returned) && !isSubtypeOf(returned, type))
        report(child, `'${child.operationName}' returns '${returned.name}', but the entity set holds '${type.name}'.`)
    }
  },
}

const importReturnsEntity: Rule<OperationImport> = {
  name: 'import-entity-set-returns-entity',
  section: 'FunctionImport',
  severity: 'warning',
  check(child, { report }) {
    if (child.entitySet === undefined) return
    const returned = child.operations[0]?.returnType?.type
    if (child.operations.length > 0 && returned?.kind !== 'entity' && returned?.name !== 'Edm.EntityType')
      report(child, `'${child.operationName}' returns no entity, so that 'EntitySet' says nothing.`)
  },
}

const importInServiceDocument: Rule<OperationImport> = {
  name: 'function-in-service-document-has-no-parameters',
  section: 'FunctionImport',
  severity: 'warning',
  check(child, { report }) {
    if (!child.includeInServiceDocument || child.operations.length === 0) return
    if (!child.operations.some(({ parameters }) => parameters.length === 0))
      report(child, `'${child.name}' cannot be in the service document: it needs parameters.`)
  },
}

export const containerRules = {
  container: [childNames, redefinition, extendsCycle, bindingTarget, bindingType, importSet, importSetType],
  source: [
    setKey,
    singletonKey,
    singletonNullable,
    bindingPath,
    bindingContainment,
    bindingThrough,
    bindingCastIn40,
    bindingOnce,
  ],
  import: [importReturnsEntity, importInServiceDocument],
} as const
