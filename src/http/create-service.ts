import type { OperationMap } from '../service/operations/handlers.ts'
import type { ControllerMap, ServiceOptions } from '../service/options.ts'
import { openService, type Service } from '../service/service.ts'
import { checkCors } from './cors.ts'
import { type Listener, type ListenerOptions, listenerOf } from './listener.ts'

/** A service with its listener. */
export interface ListeningService extends Service {
  /** for `http.createServer(service.listener)` and `express().use('/beta', service.listener)` */
  readonly listener: Listener
}

/**
 * Makes the whole OData service of a model and a store.
 * @param options `root` is the public URL every absolute link is made from; without it `basePath` says below which path the
 * service is asked, and only loopback hosts are served
 * @typeParam Controllers the map of controllers that `odatum types` writes: names and types of `controllers` are checked
 * @typeParam Operations the map of operations that `odatum types` writes: signatures and types of `operations` are checked
 * @throws Error where the options make no sense; ODataError storeUnavailable
 */
export function createService<Controllers extends object = ControllerMap, Operations extends object = OperationMap>(
  options: ServiceOptions<Controllers, Operations> & ListenerOptions & { readonly basePath?: string },
): Promise<ListeningService>
export async function createService(
  options: ServiceOptions & ListenerOptions & { readonly basePath?: string },
): Promise<ListeningService> {
  if (options.cors) checkCors(options.cors)
  const service = await openService(options, options.basePath)
  return { ...service, listener: listenerOf(service, options) }
}
