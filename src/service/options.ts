import type { Authenticate } from '../auth/principal.ts'
import type { Model } from '../edm/model.ts'
import type { ODataVersion } from '../protocol/negotiate.ts'
import type { Store } from '../store/port.ts'
import { defaultUrlLimits, type UrlLimits } from '../url/ast.ts'
import type { CustomAggregateHandler } from './apply/custom-aggregates.ts'
import type { ODataController } from './controller.ts'
import type { OperationHandler, OperationMap, OperationTypes } from './operations/handlers.ts'

/** Controllers by entity set or singleton name; `odatum types` writes the map of a model. */
export type ControllerMap = Readonly<Record<string, ODataController>>

/** What a service is made from. */
export interface ServiceOptions<Controllers extends object = ControllerMap, Operations extends object = OperationMap> {
  readonly model: Model
  readonly store: Store
  /**
   * The public URL of the service root; every absolute link is made from it. Without it only loopback hosts are served and
   * links are made from the Host header.
   */
  readonly root?: string
  /** who asks; without it nobody is signed in, and what the model protects by permissions answers 401 */
  readonly authenticate?: Authenticate
  /** false: the model's permissions are not asked for (a closed network, a test); true where not said */
  readonly enforcePermissions?: boolean
  /** whose keys the service makes; 'when-missing' where not said */
  readonly keyGeneration?: KeyGeneration
  /**
   * whether foreign keys that bodies say as data are looked up, so that what they lead to must be there (Protocol 11.4.3); true where not
   * said. One read by key for each; false where foreign keys may lead to what is stored later, or nowhere
   */
  readonly lookUpForeignKeys?: boolean
  /** classes instead of the generic controller, by entity set or singleton name */
  readonly controllers?: { readonly [Name in keyof Controllers]?: new () => Controllers[Name] }
  /** what actions and functions do, by signature, or by name where there is one overload; without a handler: 501 */
  readonly operations?: {
    readonly [Name in keyof Operations]?: Operations[Name] extends OperationTypes
      ? OperationHandler<Operations[Name]>
      : never
  }
  /**
   * what custom aggregates of `$apply` are (Aggregation.CustomAggregate): by `Target/Name`, the target being the name of the annotated entity
   * set, type or container, or by name where only one element has it; without a calculation, the method that the model recommends, or 501
   */
  readonly customAggregates?: Readonly<Record<string, CustomAggregateHandler>>
  /**
   * whether `$metadata` says by Capabilities annotations what the service supports, where the model says nothing of it; true where
   * not said
   */
  readonly publishCapabilities?: boolean
  readonly protocol?: Partial<ProtocolOptions>
  readonly limits?: Partial<ServiceLimits>
  /** `host` or `host:port` that clients may have told when an asynchronous request is done (Prefer: callback); none where not said */
  readonly callbackHosts?: readonly string[]
  readonly log?: ServiceLog
  /** adds the time of each stage to answers (`Server-Timing`); for developers */
  readonly serverTiming?: boolean
  /** gives the service `explain`, which tells how a request is carried out; for developers: it shows values of row filters and of the data */
  readonly explain?: boolean
}

/**
 * Which keys of new entities the service makes (Protocol 11.4.2): those the model calls computed, or also a single String,
 * Guid or Int64 key that a client leaves out, as Microsoft Graph's clients do whatever the model says.
 */
export type KeyGeneration = 'computed' | 'when-missing'

/** How the service speaks (docs/architecture.md, "Dialects"). */
export interface ProtocolOptions {
  /** the version of answers where the client says no OData-MaxVersion */
  readonly defaultVersion: ODataVersion
  /** whether `/set/key` is read as a key; undefined: as the model says (Capabilities.KeyAsSegmentSupported), else yes */
  readonly keyAsSegment: boolean | undefined
  /** Microsoft Graph's manners */
  readonly graph: boolean
  /** the id of every entity is written at minimal metadata too (`@odata.id`) */
  readonly alwaysId: boolean
  /** an answer that only the client's `$top` has cut has a nextLink, to as many again: `$top` becomes the size of pages */
  readonly nextLinkAfterTop: boolean
  /** PATCH and PUT to an entity that is not there create it (Protocol 11.4.4); false: they answer 404 */
  readonly upsert: boolean
  /** Binary is written without `=` at its end */
  readonly unpaddedBinary: boolean
}

/** Limits of a request beyond its URL's; all in one table of docs/limits.md. */
export interface ServiceLimits extends UrlLimits {
  /** bytes of a request's body */
  readonly bodyBytes: number
  /** bytes of a stream that is uploaded */
  readonly streamBytes: number
  /** milliseconds in which nothing of an upload comes, after which it is given up */
  readonly streamIdle: number
  /** milliseconds for which a file that nobody points to is kept, for whoever is still reading it */
  readonly streamGrace: number
  /** rows of a page where the client asks for no size; Infinity: no server-driven paging */
  readonly pageSize: number
  /** rows of a page at the most, whatever `Prefer: maxpagesize` says */
  readonly maxPageSize: number
  /** milliseconds the store may take for one request */
  readonly storeTime: number
  /** requests of a batch, those in change sets included; 20 with Graph's manners where not said */
  readonly batchParts: number
  /** bytes of a batch; each request in it keeps to `bodyBytes` */
  readonly batchBytes: number
  /** milliseconds after which no further request of a batch is started */
  readonly batchTime: number
  /** milliseconds for which a delta token is answered, as far as the store still knows what happened since */
  readonly deltaAge: number
  /** milliseconds that an asynchronous request may take */
  readonly asyncTime: number
}

/** The part of a logger that the service uses; pino's fits. Never given a token or a payload. */
export interface ServiceLog {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export const defaultLimits: ServiceLimits = {
  ...defaultUrlLimits,
  bodyBytes: 1_048_576,
  streamBytes: 1_073_741_824,
  streamIdle: 30_000,
  streamGrace: 3_600_000,
  pageSize: 100,
  maxPageSize: 1_000,
  storeTime: 10_000,
  batchParts: 100,
  batchBytes: 4_194_304,
  batchTime: 30_000,
  deltaAge: 2_592_000_000,
  asyncTime: 600_000,
}
