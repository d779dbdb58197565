import type { Principal } from '../../auth/principal.ts'
import { nearestName } from '../../base/text.ts'
import type { Model, Operation } from '../../edm/model.ts'
import { signatureOf } from '../../edm/signature.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { Session, Store } from '../../store/port.ts'
import type { AskedRequest } from '../controller.ts'

/** Handlers: what the service's code does for the actions and functions of a model. */

/** Types of an operation, as `odatum types` writes them. */
export interface OperationTypes {
  readonly kind: 'action' | 'function'
  /** of a bound one: the entity, the value, or all the entities of the collection */
  readonly binding?: unknown
  /** by name, the binding parameter left out */
  readonly parameters: unknown
  readonly result: unknown
}

/** Operations by signature; `odatum types` writes the map of a model. */
export type OperationMap = Readonly<Record<string, UntypedOperation>>

/** Where no types were written: parameters are `any` kind of plain value. */
export interface UntypedOperation {
  readonly kind: 'action' | 'function'
  readonly binding: unknown
  readonly parameters: { readonly [name: string]: unknown }
  readonly result: unknown
}

/**
 * Does the work of one overload.
 * @param parameters plain values as in hooks (docs/controllers.md); an optional parameter that was left out has its default, or is missing
 * @returns the result as a plain value; entities as plain objects or as rows; nothing (`undefined`, `null`): there is no result
 */
export type OperationHandler<Types extends OperationTypes = UntypedOperation> = (
  parameters: Types['parameters'],
  context: OperationContext<'binding' extends keyof Types ? Types['binding'] : undefined>,
) => Given<Types['result']> | Promise<Given<Types['result']>>

/** A result where it is nullable may be absent. */
type Given<Result> = Result extends null ? null | undefined : Result extends object ? Result | Stored<Result> : Result
/** Entities as the store has them. */
type Stored<Result> = Result extends readonly object[]
  ? readonly Uint8Array[]
  : Result extends object
    ? Uint8Array
    : never

/** What a handler is told of its call. */
export interface OperationContext<Binding = unknown> {
  /** by its signature: `Namespace.Price(Namespace.Tool,Edm.DateTimeOffset)` */
  readonly operation: string
  readonly principal: Principal | undefined
  readonly request: AskedRequest
  readonly model: Model
  readonly store: Store
  /** of an action: in its transaction, where the store has them */
  readonly session: Session
  /** the URL below the root of the entity that the operation is bound to: `Books(1)`; undefined where it is bound to no entity */
  readonly path: string | undefined
  /**
   * What the operation is bound to: the entity as a plain object, a value, all the entities of a collection (10,000 at the most).
   * @throws ODataError urlLimitExceeded
   */
  binding(): Promise<Binding>
  /**
   * Of an action that gives one entity of a set: says that the call has created it. The answer is 201 with its Location (Protocol 11.5.5.1).
   */
  created(): void
  /**
   * Asks the service itself, for the same caller and in the same transaction: with its hooks, checks and permissions.
   * @param path below the root, with options: `Books?$filter=Pages gt 100`, percent-encoded
   * @param body as in JSON
   * @returns what the JSON of the answer says; undefined where there is none
   * @throws ODataError what the request fails with
   */
  send(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown>
}

/** The handlers of a service, by overload. */
export class OperationHandlers {
  readonly #handlers = new Map<Operation, OperationHandler>()

  /**
   * @param handlers by signature, or by name where an operation has one overload
   * @throws Error for a name that the model does not have, or that may mean several overloads
   */
  constructor(model: Model, handlers: Readonly<Record<string, OperationHandler | undefined>>) {
    const all = new Map([...model.operations.values()].flat().map((operation) => [signatureOf(operation), operation]))
    for (const [name, handler] of Object.entries(handlers)) {
      if (handler === undefined) continue
      const [only, another] = model.operations.get(name) ?? []
      const operation = all.get(name) ?? (another === undefined ? only : undefined)
      if (operation === undefined) {
        const near = another ? undefined : nearestName(name, [...all.keys(), ...model.operations.keys()])
        const overloads = [...all].filter(([, { name: own }]) => own === name).map(([signature]) => signature)
        throw new Error(
          another
            ? `operations: ${name} has several overloads: ${overloads.join(', ')}`
            : `operations: the model has no operation ${name}${near === undefined ? '' : `; did you mean ${near}?`}`,
        )
      }
      this.#handlers.set(operation, handler)
    }
  }

  /** The operations that are bound to something and have handlers. */
  get bound(): readonly Operation[] {
    return [...this.#handlers.keys()].filter((operation) => operation.bound)
  }

  has(operation: Operation): boolean {
    return this.#handlers.has(operation)
  }

  /** @throws ODataError notImplemented that names the operation */
  of(operation: Operation): OperationHandler {
    const handler = this.#handlers.get(operation)
    if (handler) return handler
    throw new ODataError('notImplemented', `No handler is registered for ${signatureOf(operation)}.`, {
      target: operation.name,
    })
  }
}
