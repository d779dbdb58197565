import type { ODataError } from '../../errors/odata-error.ts'
import type { JsonDialect } from '../../payload/writer.ts'
import { controlPrefix } from '../core.ts'

/** Answers of requests that change several entities: JSON objects put together from what each change answered. */

/** What failed of one change (Core.DataModificationException). */
export type FailedOperation = 'insert' | 'update' | 'delete' | 'link' | 'unlink' | 'invoke'

/**
 * A JSON object of an entity without its context, with further members before its own.
 * @param members JSON members, `"name":value`
 */
export function withMembers(body: Uint8Array, members: readonly string[]): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  const rest = text.replace(/^\{"@(?:odata\.)?context":"(?:[^"\\]|\\.)*",?/, '{')
  if (members.length === 0) return rest
  return `{${members.join(',')}${rest === '{}' ? '' : ','}${rest.slice(1)}`
}

export function object(members: readonly string[]): string {
  return `{${members.join(',')}}`
}

export function member(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}

/** Says of an entity or link what went wrong with it (Protocol 11.4.12). */
export function exception(error: ODataError, failedOperation: FailedOperation): string {
  return member('@Org.OData.Core.V1.DataModificationException', {
    failedOperation,
    responseCode: error.status,
    info: {
      code: error.code,
      message: error.message,
      severity: 'error',
      ...(error.target === undefined ? {} : { target: error.target }),
    },
  })
}

/**
 * The members that make an object a deleted entity (JSON Format 15.3).
 * @param id undefined: its key properties say which it is, which 4.0 does not know of
 */
export function removedMembers(
  { version, root }: JsonDialect,
  place: string,
  reason: 'deleted' | 'changed',
  id: string | undefined,
): readonly string[] {
  if (version === '4.0')
    return [
      member('@odata.context', `${root}$metadata#${place}/$deletedEntity`),
      member('id', id ?? ''),
      member('reason', reason),
    ]
  return [member('@removed', { reason }), ...(id === undefined ? [] : [member('@id', id)])]
}

/** The whole answer. @param kind `delta` of a changed collection, where its context is that of a delta */
export function collection(dialect: JsonDialect, context: string | undefined, items: readonly string[]): Buffer {
  const prefix = controlPrefix(dialect.version)
  const head = context === undefined ? '' : `${member(`${prefix}context`, context)},`
  return Buffer.from(`{${head}"value":[${items.join(',')}]}`)
}
