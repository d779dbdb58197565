import type { ODataError } from '../../errors/odata-error.ts'
import { limitExceeded } from '../../eval/apply/run.ts'

/** Rows looked at for one $apply, and groups of one groupby (docs/limits.md). */
export const applyLimits = { applyRows: 100_000, applyGroups: 20_000 } as const

export function tooManyRows(): ODataError {
  return limitExceeded(`$apply looks at more than ${applyLimits.applyRows} rows (limit applyRows).`)
}
