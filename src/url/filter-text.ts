/** A value that `odataFilter` places; lists stand on the right of `in`. */
export type FilterValue = string | number | bigint | boolean | Date | null | readonly FilterValue[]

/**
 * Text of a $filter (URL Conventions 5.1.1) with values placed as literals, so that no value can be read as anything else:
 * `` odataFilter`TenantId eq ${tenant} and Region in ${regions}` ``.
 * Strings also meet Guid, Duration and enumeration properties; a Date is an instant.
 * @throws TypeError for a value that has no literal (undefined, an empty list, an object)
 */
export function odataFilter(strings: TemplateStringsArray, ...values: readonly FilterValue[]): string {
  let text = strings[0] ?? ''
  for (const [i, value] of values.entries()) text += literalOf(value) + (strings[i + 1] ?? '')
  return text
}

function literalOf(value: FilterValue | undefined): string {
  switch (typeof value) {
    case 'string':
      return `'${value.replaceAll("'", "''")}'`
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'number':
      if (Number.isNaN(value)) return 'NaN'
      if (!Number.isFinite(value)) return value > 0 ? 'INF' : '-INF'
      return Object.is(value, -0) ? '-0.0' : String(value)
    default:
      if (value === null) return 'null'
      if (value instanceof Date) return value.toISOString()
      if (Array.isArray(value) && value.length > 0) return `(${value.map(literalOf).join(',')})`
      throw new TypeError('odataFilter: a value has no literal')
  }
}
