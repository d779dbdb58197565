import type { RequestHeaders } from './message.ts'

/** Bytes of a resource. */
export interface ByteRange {
  readonly start: number
  /** the byte behind the last one */
  readonly end: number
}

/**
 * The part that a GET asks for (RFC 9110 14.2). Several ranges, other units and what cannot be read are no reason to refuse: the whole
 * is answered.
 * @param length bytes of the whole
 * @param etag its entity tag: If-Range with another one asks for the whole
 * @returns undefined: the whole
 */
export function rangeOf(
  headers: RequestHeaders,
  length: number,
  etag: string,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(headers.range ?? '')
  if (!match) return undefined
  const condition = headers['if-range']
  if (condition !== undefined && condition.trim() !== etag) return undefined
  const [, first = '', last = ''] = match
  if (first === '') {
    if (last === '') return undefined
    const suffix = Number(last)
    if (suffix === 0) return 'unsatisfiable'
    // the end of what is empty is all of it, and no Content-Range can say so
    return length === 0 ? undefined : { start: Math.max(0, length - suffix), end: length }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= length) return 'unsatisfiable'
  return { start, end: last === '' ? length : Math.min(length, Number(last) + 1) }
}
