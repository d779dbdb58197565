import type { BoundQuery } from './tree.ts'

/** A request without query options. */
export const noQuery: BoundQuery = Object.freeze({
  filter: undefined,
  orderby: [],
  select: undefined,
  expand: [],
  compute: [],
  search: undefined,
  top: undefined,
  skip: undefined,
  count: false,
})
