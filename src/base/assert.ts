/**
 * Marks the branch that no member of a union can reach; a new member makes the call a compile error.
 * @throws Error always: reaching it is a defect of odatum, never a client's fault.
 */
export function assertNever(value: never, what = 'value'): never {
  throw new Error(`unexpected ${what}: ${JSON.stringify(value)}`)
}

/**
 * States what must hold whatever a client sends.
 * @throws Error when it does not hold (a defect of odatum, answered as 500 and logged).
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${message}`)
}
