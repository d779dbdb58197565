import { Buffer } from 'node:buffer'
import { resourcePath } from '../csdl/core.ts'
import type { ContainerChild, Model } from '../edm/model.ts'
import type { JsonDialect } from './writer.ts'

/**
 * The service document (JSON Format 5): entity sets and function imports unless kept out of it, and all singletons, in the
 * order of the model; URLs are relative to the service root.
 */
export function writeServiceDocument(model: Model, dialect: JsonDialect): Uint8Array {
  const value = [...(model.container?.children.values() ?? [])].flatMap((child) => {
    const kind = kindOf(child)
    return kind === undefined ? [] : [{ name: child.name, kind, url: urlOf(child) }]
  })
  const context = dialect.version === '4.0' ? '@odata.context' : '@context'
  const head = dialect.metadata === 'none' ? {} : { [context]: `${dialect.root}$metadata` }
  return Buffer.from(JSON.stringify({ ...head, value }))
}

function urlOf(child: ContainerChild): string {
  return (resourcePath(child) ?? [child.name]).map(encodeURIComponent).join('/')
}

function kindOf(child: ContainerChild): 'EntitySet' | 'Singleton' | 'FunctionImport' | undefined {
  switch (child.kind) {
    case 'singleton':
      return 'Singleton'
    case 'entitySet':
      return child.includeInServiceDocument ? 'EntitySet' : undefined
    case 'functionImport':
      return child.includeInServiceDocument ? 'FunctionImport' : undefined
    default:
      return undefined
  }
}
