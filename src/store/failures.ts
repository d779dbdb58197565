import { ODataError } from '../errors/odata-error.ts'

/** The table of a store's failures: what each means for the client (docs/architecture.md, "Rules of evaluation"). */
export const storeFailure = {
  /** nothing was written; trying again makes sense */
  unavailable: (cause: unknown) =>
    new ODataError('storeUnavailable', 'The store cannot be reached. Nothing was written.', {
      cause,
      headers: { 'Retry-After': '3' },
    }),
  /** a read, or a write that is known not to have happened, took too long */
  timeout: (cause: unknown) =>
    new ODataError('storeTimeout', 'The store did not answer in time. Nothing was written.', {
      cause,
      headers: { 'Retry-After': '3' },
    }),
  /** a snapshot that the store does not keep any more (Protocol 8.2.6) */
  snapshotGone: (cause: unknown) =>
    new ODataError('gone', 'The snapshot that the link refers to is no longer there. Begin again.', { cause }),
  /** a write that may or may not have happened, and reading it back did not settle it: no Retry-After */
  outcomeUnknown: (cause: unknown) =>
    new ODataError(
      'outcomeUnknown',
      'It is not known whether the change was stored. Read the entity before trying again.',
      { cause },
    ),
  /** a document over the store's limit (16 MB) */
  tooLarge: (cause: unknown) =>
    new ODataError('payloadTooLarge', 'The entity is larger than the store can hold.', { cause }),
  /** a filter that needs code read more rows than `scanLimit` */
  scanLimit: (limit: number) =>
    new ODataError(
      'urlLimitExceeded',
      `The filter cannot be answered from an index and reads more than ${limit} rows (limit scanRows).`,
      {
        target: '$filter',
      },
    ),
  /** the construct that this store cannot evaluate */
  notImplemented: (construct: string) =>
    new ODataError('notImplemented', `${construct} is not implemented by this service's store.`),
} as const
