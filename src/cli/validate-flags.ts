import type { Flag } from './flags.ts'

export const validateFlags = {
  json: { type: 'boolean', help: 'write one JSON document, for machines' },
} as const satisfies Readonly<Record<string, Flag>>
