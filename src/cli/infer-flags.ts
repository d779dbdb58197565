import type { Flag } from './flags.ts'
import { outFlag } from './output.ts'

export const inferFlags = {
  sample: { type: 'string', argument: 'N', help: 'documents looked at in each collection (default: 1000)' },
  ...outFlag,
} as const satisfies Readonly<Record<string, Flag>>
