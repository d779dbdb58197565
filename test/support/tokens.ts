import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { BearerOptions } from '../../src/auth/bearer.ts'

/** Somebody who signs tokens, and the options under which a service believes them. */
export interface Issuer {
  readonly options: BearerOptions
  /** a token with these claims, good for five minutes */
  token(claims: Record<string, unknown>): Promise<string>
}

export async function issuerForTests(): Promise<Issuer> {
  const issuer = 'https://login.odatum.test/tenant'
  const audience = 'https://graph.odatum.test'
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'tests', alg: 'RS256' }
  return {
    options: { issuer, audience, jwks: { keys: [jwk] } },
    token: (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'tests' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject('tester')
        .setExpirationTime('5m')
        .sign(privateKey),
  }
}
