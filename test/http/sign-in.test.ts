import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearerAuthentication } from '../../src/auth/bearer.ts'
import { payload } from '../support/payloads.ts'
import { embeddedForTests, graphModel, type RunningService, startService } from '../support/running-service.ts'

const set = '/onPremEncryptedPayloads'
const read = 'DeviceManagementConfiguration.Read.All'
const readWrite = 'DeviceManagementConfiguration.ReadWrite.All'
const issuer = 'https://login.example/tenant'
const audience = 'https://graph.example'

describe('sign-in', () => {
  let running: RunningService
  let key: CryptoKey
  let other: CryptoKey
  let jwk: JWK

  beforeAll(async () => {
    const pair = await generateKeyPair('RS256', { extractable: true })
    key = pair.privateKey
    other = (await generateKeyPair('RS256')).privateKey
    jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'RS256' }
    const authenticate = await bearerAuthentication({ issuer, audience, jwks: { keys: [jwk] }, clockTolerance: 5 })
    running = await startService(graphModel, embeddedForTests(), { protocol: { graph: true }, authenticate })
  })
  afterAll(() => running?.stop())

  const token = (
    claims: Record<string, unknown>,
    settings: { key?: CryptoKey; expires?: string | number; issuer?: string; audience?: string; alg?: string } = {},
  ) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: settings.alg ?? 'RS256', kid: 'k1' })
      .setIssuer(settings.issuer ?? issuer)
      .setAudience(settings.audience ?? audience)
      .setExpirationTime(settings.expires ?? '5m')
      .sign(settings.key ?? key)
  const bearer = async (...args: Parameters<typeof token>) => ({ Authorization: `Bearer ${await token(...args)}` })
  const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: string } }).error.code

  it('leaves $metadata and the service document open', async () => {
    for (const path of ['', '/', '/$metadata']) expect((await running.get(path)).status).toBe(200)
  })

  it('answers 401 with WWW-Authenticate without a token', async () => {
    for (const [method, path, body] of [
      ['GET', set],
      ['POST', set, payload()],
      ['GET', `${set}/$count`],
      ['DELETE', `${set}('x')`],
      ['GET', `${set}('x')/status`],
    ] as const) {
      const answer = await running.send(method, path, body)
      expect(answer.status, `${method} ${path}`).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer')
      expect(await codeOf(answer)).toBe('unauthenticated')
    }
  })

  it.each([
    ['garbage', () => 'x.y.z'],
    ['another key', () => token({ scp: readWrite }, { key: other })],
    ['another issuer', () => token({ scp: readWrite }, { issuer: 'https://evil.example' })],
    ['another audience', () => token({ scp: readWrite }, { audience: 'else' })],
    ['the past', () => token({ scp: readWrite }, { expires: Math.floor(Date.now() / 1000) - 60 })],
    ['a personal account', () => token({ scp: readWrite, tid: '9188040d-6c67-4c5b-b112-36a304b66dad' })],
    [
      'alg none',
      () =>
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ scp: readWrite, iss: issuer, aud: audience, exp: 9e9 })).toString('base64url')}.`,
    ],
    [
      'an HMAC with the public key',
      async () =>
        new SignJWT({ scp: readWrite })
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .setIssuer(issuer)
          .setAudience(audience)
          .setExpirationTime('5m')
          .sign(Buffer.from(String(jwk.n))),
    ],
  ])('refuses a token of %s', async (_name, make) => {
    const answer = await running.get(set, { Authorization: `Bearer ${await make()}` })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
  })

  it('takes a token whose clock is off within the tolerance', async () => {
    const answer = await running.get(set, await bearer({ scp: read }, { expires: Math.floor(Date.now() / 1000) - 2 }))
    expect(answer.status).toBe(200)
  })

  it.each([
    ['delegated read', { scp: `openid ${read}` }, true, false],
    ['delegated read and write', { scp: readWrite }, true, true],
    ['application read', { roles: [read] }, true, false],
    ['application read and write', { roles: [readWrite] }, true, true],
    ['other permissions', { scp: 'User.Read' }, false, false],
    ['no permissions', {}, false, false],
    ['roles in a delegated token', { scp: 'User.Read', roles: [readWrite] }, false, false],
  ])('lets %s do what the CSDL says', async (_name, claims, mayRead, mayWrite) => {
    const headers = await bearer(claims)
    expect((await running.get(set, headers)).status).toBe(mayRead ? 200 : 403)
    expect((await running.get(`${set}/$count`, headers)).status).toBe(mayRead ? 200 : 403)
    expect((await running.get(`${set}('x')`, headers)).status).toBe(mayRead ? 404 : 403)
    const created = await running.send('POST', set, payload(), headers)
    expect(created.status).toBe(mayWrite ? 201 : 403)
    if (!mayWrite) expect(await codeOf(created)).toBe('accessDenied')
    for (const method of ['PATCH', 'PUT', 'DELETE'])
      expect(
        (await running.send(method, `${set}('x')`, method === 'DELETE' ? undefined : payload(), headers)).status,
        method,
      ).toBe(mayWrite ? 404 : 403)
  })

  it('reads keys from a file and over HTTP', async () => {
    const { writeFileSync, mkdtempSync } = await import('node:fs')
    const { createServer } = await import('node:http')
    const file = `${mkdtempSync('/tmp/odatum-jwks-')}/keys.json`
    writeFileSync(file, JSON.stringify({ keys: [jwk] }))
    const server = createServer((_request, response) =>
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [jwk] })),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    for (const jwks of [file, `http://127.0.0.1:${port}/keys`]) {
      const authenticate = await bearerAuthentication({ issuer, audience, jwks })
      const principal = await authenticate({ authorization: `Bearer ${await token({ scp: read })}`, loopback: false })
      expect(principal?.scopes.has(read)).toBe(true)
    }
    server.close()
    await expect(bearerAuthentication({ issuer, audience, jwks: 'http://keys.example/keys' })).rejects.toThrow('https')
    await expect(bearerAuthentication({ issuer, audience, jwks: file, algorithms: ['HS256'] })).rejects.toThrow('HS256')
  })
})
