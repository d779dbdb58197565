import { resolve } from 'node:path'
import type { BearerOptions } from '../auth/bearer.ts'
import type { CorsOptions } from '../http/cors.ts'
import type { ServiceOptions } from '../service/options.ts'
import { type Arguments, type Flag, UsageError } from './flags.ts'
import { type LogLevel, logLevels } from './log.ts'

export const serveFlags = {
  mongodb: { type: 'string', argument: 'URI', help: 'serve from this MongoDB' },
  data: { type: 'string', argument: 'DIR', help: 'serve from the embedded store in this folder (default: data)' },
  port: { type: 'string', argument: 'N', help: 'TCP port (default: 3000; 0: any free one)' },
  host: {
    type: 'string',
    argument: 'ADDRESS',
    help: 'address to listen on (default: localhost; with --public-url all)',
  },
  'base-path': { type: 'string', argument: 'PATH', help: 'path of the service root (default: /)' },
  'public-url': { type: 'string', argument: 'URL', help: 'public URL of the service root; links are made from it' },
  workers: { type: 'string', argument: 'N', help: 'processes that share the port (default: 1)' },
  graph: {
    type: 'boolean',
    help: "Microsoft Graph's manners: errors, request-id, PATCH answers 200, @odata.type always",
  },
  'default-version': {
    type: 'string',
    argument: 'V',
    help: 'OData version where the client names none: 4.0 (default) or 4.01',
  },
  'always-id': { type: 'boolean', help: 'write the id of every entity, at minimal metadata too' },
  'next-link-after-top': { type: 'boolean', help: "a nextLink where only the client's $top cut the answer" },
  'no-upsert': { type: 'boolean', help: 'PATCH and PUT to an entity that is not there answer 404' },
  'no-foreign-key-lookup': { type: 'boolean', help: 'foreign keys in bodies may lead to nothing' },
  'unpadded-binary': { type: 'boolean', help: 'write Binary without = at its end' },
  auth: { type: 'string', argument: 'KIND', help: 'bearer, local (default without --issuer), none' },
  issuer: { type: 'string', argument: 'URL', multiple: true, help: 'issuer of accepted tokens (repeatable)' },
  audience: { type: 'string', argument: 'ID', multiple: true, help: 'audience of accepted tokens (repeatable)' },
  jwks: { type: 'string', argument: 'URL|FILE', help: "the issuer's keys" },
  algorithm: {
    type: 'string',
    argument: 'ALG',
    multiple: true,
    help: 'accepted signature algorithms (default: RS, PS, ES, EdDSA)',
  },
  'clock-tolerance': { type: 'string', argument: 'SECONDS', help: 'how far clocks may differ (default: 60)' },
  'page-size': { type: 'string', argument: 'N', help: 'rows of a page (default: 100; 0: no server-driven paging)' },
  'max-page-size': { type: 'string', argument: 'N', help: 'rows of a page at the most (default: 1000; 0: no limit)' },
  'body-limit': {
    type: 'string',
    argument: 'BYTES',
    help: 'bytes of a request body (default: 1 MiB; with --graph 4 MB)',
  },
  'stream-limit': {
    type: 'string',
    argument: 'BYTES',
    help: 'bytes of an uploaded stream (default: 1 GiB)',
  },
  'store-time': {
    type: 'string',
    argument: 'MS',
    help: 'milliseconds the store may take for a request (default: 10000)',
  },
  cors: {
    type: 'string',
    argument: 'ORIGIN',
    multiple: true,
    help: 'origin of web pages that may call (repeatable; * for any)',
  },
  compress: { type: 'boolean', help: 'compress data by gzip or brotli' },
  'server-timing': { type: 'boolean', help: 'tell the time of each stage in Server-Timing (for developers)' },
  explain: {
    type: 'boolean',
    help: '/explain?url=... tells how a request is carried out (for developers, on this machine only)',
  },
  'log-level': { type: 'string', argument: 'LEVEL', help: 'pino level (default: info; silent: none)' },
} as const satisfies Readonly<Record<string, Flag>>

/** What `odatum serve` was told, checked. */
export interface ServeOptions {
  readonly file: string
  readonly mongodb: string | undefined
  /** absolute */
  readonly data: string
  readonly port: number
  readonly host: string
  /** the service root that links are made from; the port of an unnamed one is known once it listens */
  readonly publicUrl: string | undefined
  readonly basePath: string
  readonly workers: number
  readonly auth: { readonly kind: 'bearer'; readonly options: BearerOptions } | { readonly kind: 'local' | 'none' }
  readonly lookUpForeignKeys: boolean
  readonly protocol: NonNullable<ServiceOptions['protocol']>
  readonly limits: NonNullable<ServiceOptions['limits']>
  readonly cors: CorsOptions | undefined
  readonly compress: boolean
  readonly serverTiming: boolean
  readonly explain: boolean
  readonly logLevel: LogLevel
}

/** @throws UsageError for what does not go together */
export function serveOptions(given: Arguments): ServeOptions {
  const [file, ...more] = given.positionals
  if (file === undefined || more.length > 0) throw new UsageError('serve takes one CSDL file')
  const mongodb = given.text('mongodb')
  const data = given.text('data')
  const publicUrl = publicUrlOf(given)
  const explain = given.on('explain')
  if (explain && publicUrl !== undefined)
    throw new UsageError('--explain is for developers, not beside --public-url: it shows what the store is asked')
  const graph = given.on('graph')
  const version = given.text('default-version') ?? '4.0'
  if (version !== '4.0' && version !== '4.01')
    throw new UsageError(`--default-version is 4.0 or 4.01, not '${version}'`)
  const unlimited = (name: string, maximum: number): number | undefined => {
    const number = given.number(name, 0, maximum)
    return number === 0 ? Number.POSITIVE_INFINITY : number
  }
  const pageSize = unlimited('page-size', 1_000_000)
  const maxPageSize =
    unlimited('max-page-size', 1_000_000) ?? (pageSize === undefined ? undefined : Math.max(pageSize, 1_000))
  const bodyBytes = given.number('body-limit', 1, 1_000_000_000) ?? (graph ? 4_194_304 : undefined)
  const streamBytes = given.number('stream-limit', 1, Number.MAX_SAFE_INTEGER)
  const storeTime = given.number('store-time', 1, 3_600_000)
  const origins = given.texts('cors')
  return {
    file,
    mongodb,
    data: resolve(data ?? 'data'),
    port: given.number('port', 0, 65_535) ?? 3000,
    host: given.text('host') ?? (publicUrl === undefined ? 'localhost' : '::'),
    publicUrl,
    basePath: basePathOf(given, publicUrl),
    workers: given.number('workers', 1, 256) ?? 1,
    auth: authOf(given, publicUrl),
    protocol: {
      graph,
      defaultVersion: version,
      alwaysId: given.on('always-id'),
      nextLinkAfterTop: given.on('next-link-after-top'),
      upsert: !given.on('no-upsert'),
      unpaddedBinary: given.on('unpadded-binary'),
    },
    lookUpForeignKeys: !given.on('no-foreign-key-lookup'),
    limits: {
      ...(pageSize === undefined ? {} : { pageSize }),
      ...(maxPageSize === undefined ? {} : { maxPageSize }),
      ...(bodyBytes === undefined ? {} : { bodyBytes }),
      ...(streamBytes === undefined ? {} : { streamBytes }),
      ...(storeTime === undefined ? {} : { storeTime }),
    },
    cors: origins.length === 0 ? undefined : { origins: origins.includes('*') ? '*' : origins },
    compress: given.on('compress'),
    serverTiming: given.on('server-timing'),
    explain,
    logLevel: logLevelOf(given),
  }
}

function logLevelOf(given: Arguments): LogLevel {
  const text = given.text('log-level') ?? 'info'
  const level = logLevels.find((name) => name === text)
  if (level === undefined) throw new UsageError(`--log-level is one of ${logLevels.join(', ')}, not '${text}'`)
  return level
}

function publicUrlOf(given: Arguments): string | undefined {
  const text = given.text('public-url')
  if (text === undefined) return undefined
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new UsageError(`--public-url is no http or https URL: '${text}'`)
  return text.replace(/\/+$/, '')
}

function basePathOf(given: Arguments, publicUrl: string | undefined): string {
  const path = (given.text('base-path') ?? (publicUrl === undefined ? '' : new URL(publicUrl).pathname)).replace(
    /\/+$/,
    '',
  )
  if (path !== '' && !/^(?:\/[\w.~-]+)+$/.test(path)) throw new UsageError(`--base-path is no plain path: '${path}'`)
  if (publicUrl !== undefined && new URL(publicUrl).pathname.replace(/\/+$/, '') !== path)
    throw new UsageError('--base-path and the path of --public-url differ')
  return path
}

function authOf(given: Arguments, publicUrl: string | undefined): ServeOptions['auth'] {
  const issuer = given.texts('issuer')
  const kind = given.text('auth') ?? (issuer.length > 0 ? 'bearer' : 'local')
  if (kind === 'none') return { kind }
  if (kind === 'local') {
    if (publicUrl !== undefined)
      throw new UsageError(
        'the local development key is no sign-in for a public URL: name --issuer, --audience and --jwks (or --auth none)',
      )
    return { kind }
  }
  if (kind !== 'bearer') throw new UsageError(`--auth is bearer, local or none, not '${kind}'`)
  const audience = given.texts('audience')
  const jwks = given.text('jwks')
  if (issuer.length === 0 || audience.length === 0 || jwks === undefined)
    throw new UsageError('--auth bearer needs --issuer, --audience and --jwks')
  const algorithms = given.texts('algorithm')
  const clockTolerance = given.number('clock-tolerance', 0, 3_600)
  return {
    kind,
    options: {
      issuer,
      audience,
      jwks,
      ...(algorithms.length === 0 ? {} : { algorithms }),
      ...(clockTolerance === undefined ? {} : { clockTolerance }),
    },
  }
}
