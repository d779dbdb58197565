import type { Flag } from './flags.ts'

export const validateFlags = {
  mongodb: { type: 'string', argument: 'URI', explicit: true, help: 'also check what this MongoDB holds' },
  data: {
    type: 'string',
    argument: 'DIR',
    explicit: true,
    help: 'also check what the embedded store in this data folder holds',
  },
  json: { type: 'boolean', help: 'write one JSON document, for machines' },
} as const satisfies Readonly<Record<string, Flag>>
