/** Who asks (Microsoft identity platform: delegated tokens carry `scp`, application tokens `roles`). */
export interface Principal {
  /** the token's `sub`; application tokens: the application */
  readonly subject: string
  readonly tenant: string | undefined
  /** which permissions count: those delegated by a user, or the application's own */
  readonly scheme: 'Delegated' | 'Application'
  readonly scopes: ReadonlySet<string>
  /** seconds since 1970 */
  readonly expires: number
}

/** What an authenticator is shown of a request. */
export interface Credentials {
  /** the Authorization header as it came */
  readonly authorization: string | undefined
  readonly loopback: boolean
}

/**
 * Tells who asks.
 * @returns undefined where no credentials were sent
 * @throws ODataError unauthenticated where they are no good
 */
export type Authenticate = (credentials: Credentials) => Principal | undefined | Promise<Principal | undefined>
