import { isDelta, optionalParameter } from '../../csdl/core.ts'
import type { Model, Operation, Parameter } from '../../edm/model.ts'
import { signatureOf } from '../../edm/signature.ts'
import { typeName } from '../../edm/types.ts'
import { capitalized, localName, memberName, quoted, type TypeNames } from './names.ts'
import type { ShapeWriter } from './shapes.ts'

/**
 * Parameter and result types of every overload, and the map of all of them by signature: `ns.Price(ns.Tool)`, the key that
 * handlers are registered by.
 */
export function writeOperations(model: Model, names: TypeNames, shapes: ShapeWriter): string {
  const types: string[] = []
  const entries: string[] = []
  for (const overloads of model.operations.values()) {
    for (const operation of overloads) {
      const base = names.take(nameOf(operation, overloads))
      const parameters = operation.bound ? operation.parameters.slice(1) : operation.parameters
      const members = parameters.map((parameter) => {
        const mark = optionalParameter(parameter) ? '?' : ''
        return `  readonly ${memberName(parameter.name)}${mark}: ${parameterType(parameter, shapes)}\n`
      })
      const body = members.length === 0 ? 'Record<never, never>' : `{\n${members.join('')}}`
      const parametersName = names.take(`${base}Parameters`)
      const resultName = names.take(`${base}Result`)
      const result = operation.returnType ? resultType(operation.returnType, shapes) : 'void'
      const signature = signatureOf(operation)
      types.push(`/** Parameters of ${operation.kind} ${signature} */\nexport type ${parametersName} = ${body}\n`)
      types.push(`/** Result of ${operation.kind} ${signature} */\nexport type ${resultName} = ${result}\n`)
      const binding = operation.bound ? operation.parameters[0] : undefined
      entries.push(
        `  readonly ${quoted(signature)}: {\n    readonly kind: ${quoted(operation.kind)}\n` +
          (binding ? `    readonly binding: ${shapes.reference(binding.type, 'read')}\n` : '') +
          `    readonly parameters: ${parametersName}\n    readonly result: ${resultName}\n  }\n`,
      )
    }
  }
  if (entries.length === 0) return ''
  const name = names.take(`${capitalized(localName(model.container?.name ?? 'Model'))}Operations`)
  return `${types.join('\n')}\n/** Every action and function by its signature. */\nexport type ${name} = {\n${entries.join('')}}\n`
}

/** Deltas (Core.IsDelta) come as typed changes, and are given as entities and removed ones. */
function parameterType(parameter: Parameter, shapes: ShapeWriter): string {
  const { type } = parameter
  if (type.type.kind !== 'entity' || !isDelta(parameter, type)) return shapes.reference(type, 'create')
  return `readonly DeltaChange<${shapes.shapeName(type.type, 'read')}>[]`
}

function resultType(type: NonNullable<Operation['returnType']>, shapes: ShapeWriter): string {
  if (type.type.kind !== 'entity' || !isDelta(type, type)) return shapes.reference(type, 'read')
  return `readonly DeltaEntity<${shapes.shapeName(type.type, 'read')}>[]`
}

/** `Reset`, `ResetOfThing`, `ResetOfThings`, and of further functions `NearestByToCount`. */
function nameOf(operation: Operation, overloads: readonly Operation[]): string {
  const { bound, parameters, name } = operation
  const binding = bound ? parameters[0]?.type : undefined
  const of = binding ? `Of${capitalized(localName(binding.type.name))}${binding.collection ? 's' : ''}` : ''
  const base = capitalized(localName(name)) + of
  const same = overloads.filter(
    (other) => other.bound === bound && (!binding || typeNameOf(other) === typeNameOf(operation)),
  )
  if (same[0] === operation) return base
  return `${base}By${parameters
    .slice(bound ? 1 : 0)
    .map((parameter) => capitalized(parameter.name))
    .join('')}`
}

function typeNameOf({ parameters }: Operation): string {
  return parameters[0] ? typeName(parameters[0].type) : ''
}
