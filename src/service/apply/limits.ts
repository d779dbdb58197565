/** Rows held in memory for one $apply, and groups of one groupby (docs/limits.md). */
export const applyLimits = { applyRows: 100_000, applyGroups: 20_000 } as const
