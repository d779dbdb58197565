import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { applyCors, type CorsOptions, checkCors } from '../../../src/http/cors.ts'

function ask(options: CorsOptions, method: string, headers: Record<string, string>) {
  const sent = new Map<string, string>()
  let status: number | undefined
  const response = {
    setHeader: (name: string, value: string) => sent.set(name, value),
    appendHeader: (name: string, value: string) =>
      sent.set(name, sent.has(name) ? `${sent.get(name)}, ${value}` : value),
    writeHead: (code: number) => {
      status = code
      return { end: () => undefined }
    },
  } as unknown as ServerResponse
  const answered = applyCors(options, { method, headers } as unknown as IncomingMessage, response)
  return { answered, status, headers: Object.fromEntries(sent) }
}

const app = 'https://app.example'
const named: CorsOptions = { origins: [app] }
const preflight = { origin: app, 'access-control-request-method': 'PATCH' }

describe('CORS', () => {
  it('leaves requests of no origin alone', () => {
    expect(ask(named, 'GET', {})).toEqual({ answered: false, status: undefined, headers: {} })
  })

  it('exposes to a named origin what clients must read, on the answer itself', () => {
    const { answered, headers } = ask(named, 'GET', { origin: app })
    expect(answered).toBe(false)
    expect(headers).toMatchObject({ 'Access-Control-Allow-Origin': app, Vary: 'Origin' })
    for (const name of [
      'OData-Version',
      'OData-EntityId',
      'Location',
      'ETag',
      'Retry-After',
      'Preference-Applied',
      'request-id',
    ])
      expect(headers['Access-Control-Expose-Headers']).toContain(name)
    expect(headers['Access-Control-Allow-Credentials']).toBeUndefined()
  })

  it.each([
    'https://evil.example',
    `${app}.evil.example`,
    'https://app.example:8443',
    'http://app.example',
    'null',
    '',
  ])('gives the origin %j nothing', (origin) => {
    expect(ask(named, 'GET', { origin }).headers).toEqual({ Vary: 'Origin' })
    const refused = ask(named, 'OPTIONS', { ...preflight, origin })
    expect(refused).toEqual({ answered: true, status: 204, headers: { Vary: 'Origin' } })
  })

  it('answers preflights', () => {
    const { answered, status, headers } = ask({ ...named, maxAge: 5 }, 'OPTIONS', preflight)
    expect([answered, status]).toEqual([true, 204])
    expect(headers['Access-Control-Allow-Methods']).toMatch(/PATCH.*DELETE/)
    for (const name of ['Authorization', 'Content-Type', 'OData-MaxVersion', 'Prefer', 'If-Match', 'client-request-id'])
      expect(headers['Access-Control-Allow-Headers']).toContain(name)
    expect(headers['Access-Control-Max-Age']).toBe('5')
    // an OPTIONS that is none is a request like others
    expect(ask(named, 'OPTIONS', { origin: app }).answered).toBe(false)
  })

  it('serves any origin by *, without credentials', () => {
    expect(ask({ origins: '*' }, 'GET', { origin: 'https://x.example' }).headers).toMatchObject({
      'Access-Control-Allow-Origin': '*',
    })
    expect(() => checkCors({ origins: '*', credentials: true })).toThrow('credentials')
    checkCors({ origins: [app], credentials: true })
    expect(ask({ origins: [app], credentials: true }, 'GET', { origin: app }).headers).toMatchObject({
      'Access-Control-Allow-Credentials': 'true',
    })
  })
})
