/** The public face of odatum. `etc/api.md` lists it; a change of it is a diff there. */
export { type BearerOptions, bearerAuthentication } from './auth/bearer.ts'
export type { Authenticate, Credentials, Principal } from './auth/principal.ts'
export { CsdlError, type Problem } from './csdl/problems.ts'
export { readModel } from './csdl/read-model.ts'
export type { Model } from './edm/model.ts'
export { embeddedStore } from './embedded/store.ts'
export type { ErrorCode } from './errors/codes.ts'
export { ODataError } from './errors/odata-error.ts'
export type { CorsOptions } from './http/cors.ts'
export { createService, type ListeningService } from './http/create-service.ts'
export type { Listener, ListenerOptions } from './http/listener.ts'
export type { MongoStoreOptions } from './mongo/options.ts'
export { mongoStore } from './mongo/store.ts'
export type { CountPlan, CreatePlan, DeletePlan, ReadPlan, UpdatePlan } from './plan/plan.ts'
export type { CustomAggregateContext, CustomAggregateHandler } from './service/apply/custom-aggregates.ts'
export {
  type AskedRequest,
  type CallerContext,
  type ChangeContext,
  type CommittedChange,
  type Members,
  ODataController,
  type RequestContext,
  type Returned,
} from './service/controller.ts'
export type { ExplainRequest } from './service/explain.ts'
export type { DeltaChange, DeltaEntity } from './service/operations/delta-change.ts'
export type { OperationContext, OperationHandler, OperationMap, OperationTypes } from './service/operations/handlers.ts'
export type { ControllerMap, ProtocolOptions, ServiceLimits, ServiceLog, ServiceOptions } from './service/options.ts'
export type { PlainObject } from './service/plain.ts'
export type { Store } from './store/port.ts'
export { type FilterValue, odataFilter } from './url/filter-text.ts'
