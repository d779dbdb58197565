import type { Flag } from './flags.ts'

export const tokenFlags = {
  scope: { type: 'string', argument: 'SCOPE', multiple: true, help: 'delegated permission (repeatable)' },
  role: {
    type: 'string',
    argument: 'ROLE',
    multiple: true,
    help: 'application permission (repeatable), instead of --scope',
  },
  all: { type: 'string', argument: 'FILE', help: 'every delegated permission that this CSDL file names' },
  data: { type: 'string', argument: 'DIR', help: 'data folder of the service (default: data)' },
  subject: { type: 'string', argument: 'NAME', help: 'who signs in (default: developer)' },
  lifetime: { type: 'string', argument: 'SECONDS', help: 'how long it is good (default: 3600)' },
} as const satisfies Readonly<Record<string, Flag>>
