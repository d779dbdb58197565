import {
  MongoClientClosedError,
  MongoError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb'
import { ODataError } from '../errors/odata-error.ts'
import { storeFailure } from '../store/failures.ts'

/** What the driver's errors mean (store/failures.ts). Nothing of their texts reaches a client. */

const codes = {
  /** MaxTimeMSExpired, ExceededTimeLimit */
  timeout: new Set([50, 262]),
  /** the server or its place in the replica set is going or gone, or it takes no one in */
  unavailable: new Set([6, 7, 13, 18, 89, 91, 134, 189, 9001, 10107, 11600, 11602, 13435, 13436]),
  /** Unauthorized, AuthenticationFailed */
  forbidden: new Set([13, 18]),
  /** not a primary: it refuses before it does anything */
  refused: new Set([10107, 13435, 13436]),
  /** BSONObjectTooLarge, and what updates that grow too far say */
  tooLarge: new Set([10334, 17419, 17420]),
  duplicate: 11_000,
  /** DocumentValidationFailure: a validator of the operator */
  invalid: 121,
  writeConflict: 112,
  /** SnapshotTooOld, SnapshotUnavailable: the second where a collection was made or dropped since */
  snapshotGone: new Set([239, 246]),
} as const

/** The failure of a read: a table failure, or the error itself where it is a defect. */
export function readFailure(error: unknown): unknown {
  if (error instanceof ODataError || !(error instanceof MongoError)) return error
  if (isTimeout(error)) return storeFailure.timeout(error)
  if (isUnavailable(error)) return storeFailure.unavailable(error)
  if (codes.snapshotGone.has(Number(error.code))) return storeFailure.snapshotGone(error)
  return error
}

/** Whether a read that failed may well succeed when it is sent once more: a server or a connection has gone. */
export function mayReadAgain(error: unknown): boolean {
  if (!(error instanceof MongoError) || error instanceof MongoServerSelectionError || isClosed(error)) return false
  return isUnavailable(error) && !codes.forbidden.has(Number(error.code))
}

/** What is known of a write that failed. */
export type WriteFailure =
  /** nothing was written; `again`: the same write may be sent once more */
  | { readonly kind: 'notWritten'; readonly error: unknown; readonly again: boolean }
  /** a unique index refused it: the key's, or another */
  | { readonly kind: 'duplicate'; readonly key: boolean; readonly error: unknown }
  /** it may have been written */
  | { readonly kind: 'unknown'; readonly error: unknown }

/** An error inside the answer to a write command. */
export interface ServerFault {
  readonly code: number
  readonly errmsg?: string
  readonly keyPattern?: unknown
}

/**
 * What a failed write has done. The driver's own retries are off: the error is that of the one attempt that was made.
 */
export function writeFailure(error: unknown): WriteFailure {
  if (error instanceof ODataError || !(error instanceof MongoError)) return notWritten(error)
  if (neverSent(error))
    return notWritten(storeFailure.unavailable(error), !(error instanceof MongoServerSelectionError))
  if (error instanceof MongoWriteConcernError) return { kind: 'unknown', error }
  if (error instanceof MongoServerError) return faultOf(error, error)
  if (isNetwork(error) || error instanceof MongoOperationTimeoutError) return { kind: 'unknown', error }
  return notWritten(error)
}

/** The same of an error code of the server, for a whole command or one document of it. */
export function faultOf(fault: ServerFault | MongoServerError, cause: unknown): WriteFailure {
  const code = Number(fault.code)
  if (code === codes.duplicate) return { kind: 'duplicate', key: isKeyIndex(fault), error: cause }
  if (codes.tooLarge.has(code)) return notWritten(storeFailure.tooLarge(cause))
  if (code === codes.invalid) return notWritten(refusedByValidator(cause))
  if (code === codes.writeConflict)
    return notWritten(new ODataError('conflict', 'Others are changing the entity. Try again.', { cause }))
  if (codes.refused.has(code)) return notWritten(storeFailure.unavailable(cause), true)
  if (codes.forbidden.has(code)) return notWritten(storeFailure.unavailable(cause))
  if (codes.timeout.has(code) || codes.unavailable.has(code)) return { kind: 'unknown', error: cause }
  return notWritten(cause instanceof Error ? cause : new Error(`MongoDB: ${code} ${fault.errmsg}`))
}

function notWritten(error: unknown, again = false): WriteFailure {
  return { kind: 'notWritten', error, again }
}

/** The failure of a unique index that is not the key's. */
export function duplicateValue(cause: unknown): ODataError {
  return new ODataError('conflict', 'Another entity has the same value where values must be unique.', { cause })
}

function refusedByValidator(cause: unknown): ODataError {
  return new ODataError('bodyInvalid', 'The store refuses the entity: it breaks a rule of the collection.', { cause })
}

function isKeyIndex(error: { readonly keyPattern?: unknown; readonly errmsg?: string }): boolean {
  const { keyPattern } = error
  if (typeof keyPattern === 'object' && keyPattern !== null) {
    const names = Object.keys(keyPattern)
    return names.length === 1 && names[0] === '_id'
  }
  return / index: _id_ dup key/.test(error.errmsg ?? '')
}

function isTimeout(error: MongoError): boolean {
  if (error instanceof MongoOperationTimeoutError || error instanceof MongoNetworkTimeoutError) return true
  return error instanceof MongoServerError && codes.timeout.has(Number(error.code))
}

function isUnavailable(error: MongoError): boolean {
  if (isNetwork(error) || error instanceof MongoServerSelectionError || isClosed(error)) return true
  return error instanceof MongoServerError && codes.unavailable.has(Number(error.code))
}

function isClosed(error: MongoError): boolean {
  return (
    error instanceof MongoNotConnectedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoClientClosedError
  )
}

/** Errors of a command that never left: no server, no connection, no place in the pool. */
function neverSent(error: MongoError): boolean {
  if (error instanceof MongoServerSelectionError || isClosed(error)) return true
  return poolErrors.has(error.name) || neverSentLabels.some((label) => error.hasErrorLabel(label))
}

/** The driver puts the last one on errors of making a connection, the server on requests it turns away. */
const neverSentLabels = ['HandshakeError', 'NoWritesPerformed', 'SystemOverloadedError']

const poolErrors = new Set(['MongoWaitQueueTimeoutError', 'MongoPoolClearedError', 'MongoPoolClosedError'])

function isNetwork(error: MongoError): boolean {
  return error instanceof MongoNetworkError
}

/** The transaction may run again: nothing of it is stored. */
export const transient = 'TransientTransactionError'
const unknownResult = 'UnknownTransactionCommitResult'

/** Whether a transaction that failed may be stored all the same. @param committing whether the commit had been sent */
export function mayBeCommitted(error: unknown, committing: boolean): boolean {
  if (!(error instanceof MongoError)) return false
  // a second attempt at a commit that finds no server says nothing of the first
  return error.hasErrorLabel(unknownResult) || (committing && !error.hasErrorLabel(transient))
}

/** What a transaction has failed with. @param committing whether the commit had been sent */
export function transactionFailure(error: unknown, committing: boolean): unknown {
  if (!(error instanceof MongoError)) return error
  if (mayBeCommitted(error, committing)) return storeFailure.outcomeUnknown(error)
  const failure = writeFailure(error)
  // before the commit nothing is stored, however a command ended
  if (failure.kind === 'duplicate') return duplicateValue(failure.error)
  return failure.kind === 'notWritten' ? failure.error : storeFailure.unavailable(error)
}
