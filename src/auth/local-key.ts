import { chmod, mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { BearerOptions } from './bearer.ts'

/** The local development key: it counts as no sign-in, and is good over loopback only. */

const issuer = 'odatum:local'
const audience = 'odatum:local'
const algorithm = 'ES256'

/**
 * Reads the key of a data folder, or makes it (mode 600) where there is none. Safe when several processes start at once.
 * @param folder the data folder, made where it is missing
 */
export async function localKey(folder: string): Promise<JWK> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'local-development-key.json')
  for (let attempt = 0; attempt < 50; attempt++) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined && text !== '') return JSON.parse(text) as JWK
    if (text === '') {
      await delay(20)
      continue
    }
    const file = await open(path, 'wx', 0o600).catch(() => undefined)
    if (!file) continue
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const key = { ...(await exportJWK(privateKey)), alg: algorithm, kid: 'local' }
    await file.writeFile(JSON.stringify(key))
    await file.sync()
    await file.close()
    await chmod(path, 0o600)
    return key
  }
  throw new Error(`the local development key in ${path} cannot be read: remove the file`)
}

/** The options that accept tokens signed with the local key, and nothing else. */
export function localKeyOptions(key: JWK): BearerOptions {
  const { d: _private, ...publicKey } = key
  return { issuer, audience, jwks: { keys: [publicKey] }, algorithms: [algorithm], loopbackOnly: true }
}

/**
 * Signs a token with the local key.
 * @param claims scopes: delegated permissions (`scp`); roles: application permissions; lifetime in seconds
 */
export async function signLocalToken(
  key: JWK,
  claims: {
    readonly scopes: readonly string[]
    readonly roles: readonly string[]
    readonly subject: string
    readonly lifetime: number
  },
): Promise<string> {
  const payload = claims.roles.length > 0 ? { roles: [...claims.roles] } : { scp: claims.scopes.join(' ') }
  return new SignJWT(payload)
    .setProtectedHeader({ alg: algorithm, kid: 'local' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(claims.subject)
    .setIssuedAt()
    .setExpirationTime(`${claims.lifetime}s`)
    .sign(await importJWK(key, algorithm))
}
