import type { Flag } from './flags.ts'
import { outFlag } from './output.ts'

export const openapiFlags = {
  root: { type: 'string', argument: 'URL', help: 'URL of the service root (default: http://localhost:3000)' },
  graph: { type: 'boolean', help: "Microsoft Graph's manners: its error type, PATCH answers with the entity" },
  'default-version': {
    type: 'string',
    argument: 'V',
    help: 'OData version of answers where the client names none: 4.0 (default) or 4.01',
  },
  ...outFlag,
} as const satisfies Readonly<Record<string, Flag>>
