import { readFile } from 'node:fs/promises'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { LruMap } from '../base/lru.ts'
import { ODataError } from '../errors/odata-error.ts'
import { unauthenticated } from './permit.ts'
import type { Authenticate, Principal } from './principal.ts'

/** How bearer tokens are checked. */
export interface BearerOptions {
  /** accepted `iss`, letter for letter */
  readonly issuer: string | readonly string[]
  /** accepted `aud` */
  readonly audience: string | readonly string[]
  /** the issuer's keys: an https URL, a file, or the set itself */
  readonly jwks: string | JSONWebKeySet
  /** accepted `alg`; never `none`, never an HMAC */
  readonly algorithms?: readonly string[]
  /** seconds that clocks may differ; 60 where not said */
  readonly clockTolerance?: number
  /** take tokens only from connections over loopback (the local development key) */
  readonly loopbackOnly?: boolean
}

/** Asymmetric signatures in use; a shared secret is no way to check somebody else's tokens. */
const defaultAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** The tenant of personal Microsoft accounts; the seed's permission table says that they are not supported. */
const personalTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** A checked token is believed for this long without checking its signature again, in milliseconds. */
const believed = 300_000

/**
 * Checks bearer tokens (RFC 6750, RFC 7519) with jose.
 * @throws Error at once where the options make no sense or the key file cannot be read
 */
export async function bearerAuthentication(options: BearerOptions): Promise<Authenticate> {
  const algorithms = [...(options.algorithms ?? defaultAlgorithms)]
  const weak = algorithms.filter((name) => !defaultAlgorithms.includes(name))
  if (weak.length > 0) throw new Error(`bearer algorithms not allowed: ${weak.join(', ')}`)
  const keys = await keySource(options.jwks)
  const tolerance = options.clockTolerance ?? 60
  const known = new LruMap<string, { readonly principal: Principal; readonly until: number }>(5_000)

  const check = async (token: string): Promise<Principal> => {
    const principal = await verify(token, keys, {
      issuer: [options.issuer].flat(),
      audience: [options.audience].flat(),
      algorithms,
      clockTolerance: tolerance,
      requiredClaims: ['exp', 'iss', 'aud'],
    })
    const now = Date.now()
    known.set(token, { principal, until: Math.min(now + believed, (principal.expires + tolerance) * 1000) })
    return principal
  }

  return ({ authorization, loopback }) => {
    if (authorization === undefined) return undefined
    const match = /^Bearer +([A-Za-z0-9._~+/-]{1,12000}=*) *$/i.exec(authorization)
    if (!match) throw unauthenticated('The Authorization header holds no bearer token.', 'invalid_request')
    if (options.loopbackOnly && !loopback)
      throw unauthenticated('Local development tokens are taken over loopback only.', 'invalid_token')
    const token = match[1] ?? ''
    const hit = known.get(token)
    if (hit && hit.until > Date.now()) return hit.principal
    return check(token)
  }
}

type VerifyOptions = Required<
  Pick<
    NonNullable<Parameters<typeof jwtVerify>[2]>,
    'issuer' | 'audience' | 'algorithms' | 'clockTolerance' | 'requiredClaims'
  >
>

async function verify(token: string, keys: JWTVerifyGetKey, options: VerifyOptions): Promise<Principal> {
  let payload: JWTPayload
  try {
    payload = (await jwtVerify(token, keys, options)).payload
  } catch (cause) {
    // The reasons stay in the log: a client learns only that its token is no good, an operator why.
    if (cause instanceof errors.JWTExpired) throw unauthenticated('The bearer token has expired.', 'invalid_token')
    if (cause instanceof errors.JOSEError && !(cause instanceof errors.JWKSTimeout))
      throw unauthenticated('The bearer token is not valid.', 'invalid_token')
    throw new ODataError('storeUnavailable', "The issuer's keys cannot be read.", {
      cause,
      headers: { 'Retry-After': '5' },
    })
  }
  if (payload.tid === personalTenant)
    throw unauthenticated('Personal Microsoft accounts are not supported.', 'invalid_token')
  return principalOf(payload)
}

function principalOf(payload: JWTPayload): Principal {
  const { scp, roles, sub, appid, azp, tid, exp } = payload
  const delegated = typeof scp === 'string'
  const scopes = delegated
    ? scp.split(' ').filter((scope) => scope !== '')
    : Array.isArray(roles)
      ? roles.filter((role) => typeof role === 'string')
      : []
  const subject = [sub, appid, azp].find((claim): claim is string => typeof claim === 'string') ?? ''
  return {
    subject,
    tenant: typeof tid === 'string' ? tid : undefined,
    scheme: delegated ? 'Delegated' : 'Application',
    scopes: new Set(scopes),
    expires: exp ?? 0,
  }
}

async function keySource(jwks: string | JSONWebKeySet): Promise<JWTVerifyGetKey> {
  if (typeof jwks !== 'string') return createLocalJWKSet(jwks)
  if (/^https?:\/\//.test(jwks)) {
    const url = new URL(jwks)
    if (url.protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
      throw new Error(`JWKS URL must be https: ${jwks}`)
    return createRemoteJWKSet(url)
  }
  return createLocalJWKSet(JSON.parse(await readFile(jwks, 'utf8')) as JSONWebKeySet)
}
