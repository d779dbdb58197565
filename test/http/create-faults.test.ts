import { expect, it } from 'vitest'
import { payload } from '../support/payloads.ts'
import { graphModel, graphSettings, onEveryService } from '../support/running-service.ts'

const set = '/onPremEncryptedPayloads'
interface ErrorBody {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly target?: string
    readonly details?: readonly { readonly code: string; readonly target?: string; readonly message: string }[]
    readonly innerError?: Record<string, string>
  }
}

onEveryService('create semantics', graphModel, graphSettings, (running) => {
  const count = async (): Promise<number> => Number(await (await running().get(`${set}/$count`)).text())
  const refused = async (
    body: unknown,
    status = 400,
    headers: Record<string, string> = {},
  ): Promise<ErrorBody['error']> => {
    const before = await count()
    const answer = await running().send('POST', set, body, headers)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('OData-Version')).toBe('4.0')
    expect(await count()).toBe(before)
    return ((await answer.json()) as ErrorBody).error
  }

  it.each([
    ['a missing required property', payload({ status: undefined }), 'status'],
    ['null for a required property', payload({ status: null }), 'status'],
    ['a string for an Int32', payload({ status: '6' }), 'status'],
    ['a fraction for an Int32', payload({ status: 6.5 }), 'status'],
    ['a number out of range', payload({ payloadVersion: 2_147_483_648 }), 'payloadVersion'],
    ['a bad Guid', payload({ tenantId: 'f9882bcd-2bcd-f988-cd2b' }), 'tenantId'],
    ['bad base64', payload({ encryptedBlob: '***' }), 'encryptedBlob'],
    ['a bad date', payload({ createdTime: '2017-02-30T00:00:00Z' }), 'createdTime'],
    ['a date without offset', payload({ createdTime: '2017-01-01T00:00:00' }), 'createdTime'],
    ['a number for a Boolean', payload({ isDeleted: 1 }), 'isDeleted'],
    ['an object for a string', payload({ plistTemplate: {} }), 'plistTemplate'],
    ['an unknown property', payload({ plistTemplat: 'x' }), 'plistTemplat'],
    ['__proto__', `${JSON.stringify(payload()).slice(0, -1)},"__proto__":{"x":1}}`, '__proto__'],
    ['a duplicate member', `${JSON.stringify(payload()).slice(0, -1)},"status":7}`, 'status'],
  ])('refuses %s and names the property', async (_name, body, target) => {
    const error = await refused(body)
    expect(error.target).toBe(target)
    expect(error.message).toContain(target)
  })

  it('lists all faults of a body', async () => {
    const error = await refused(payload({ status: 'x', tenantId: 'y', createdTime: 'z', nonsense: 1 }))
    expect(error.details?.map(({ target }) => target).sort()).toEqual(['createdTime', 'nonsense', 'status', 'tenantId'])
  })

  it.each([
    ['no JSON', '{"a":'],
    ['an array', '[]'],
    ['nothing', ''],
    ['bad UTF-8 escapes', `{"plistTemplate":"\\ud800"}`],
  ])('refuses %s', async (_name, body) => {
    await refused(body)
  })

  it('refuses other media types with 415, other versions with 400, a body over the limit with 413', async () => {
    await refused(JSON.stringify(payload()), 415, { 'Content-Type': 'text/plain' })
    await refused(JSON.stringify(payload()), 415, { 'Content-Type': 'application/json;foo=bar' })
    await refused(payload(), 400, { 'OData-Version': '3.0' })
    await refused(payload({ plistTemplate: 'x'.repeat(1_100_000) }), 413)
  })

  it('takes @odata.type when it is right or absent', async () => {
    for (const changes of [
      { '@odata.type': undefined },
      {},
      { '@odata.type': 'microsoft.graph.onPremEncryptedPayload' },
    ]) {
      const answer = await running().send('POST', set, payload(changes))
      expect(answer.status).toBe(201)
      expect(((await answer.json()) as Record<string, unknown>)['@odata.type']).toBe(
        '#microsoft.graph.onPremEncryptedPayload',
      )
    }
  })

  it.each([
    ['unknown', '#microsoft.graph.nothing'],
    ['abstract', '#microsoft.graph.entity'],
    ['no text', 5],
  ])('refuses an @odata.type that is %s and names it', async (_name, type) => {
    const error = await refused(payload({ '@odata.type': type }))
    if (typeof type === 'string') expect(error.message).toContain(type.slice(1))
    else expect(error.target).toBe('@odata.type')
  })

  it('ignores a computed key that the client sends', async () => {
    const answer = await running().send('POST', set, payload({ id: 'mine' }))
    expect(answer.status).toBe(201)
    expect(((await answer.json()) as { id: string }).id).not.toBe('mine')
    expect((await running().get(`${set}('mine')`)).status).toBe(404)
  })

  it("has Graph's error body: innerError with date and ids, request-id on every answer, client-request-id echoed", async () => {
    const answer = await running().send('POST', set, payload({ status: 'x' }), { 'client-request-id': 'abc-123' })
    const { error } = (await answer.json()) as ErrorBody
    expect(error.innerError?.['request-id']).toBe(answer.headers.get('request-id'))
    expect(error.innerError?.['client-request-id']).toBe('abc-123')
    expect(error.innerError?.date).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
    expect(answer.headers.get('client-request-id')).toBe('abc-123')
    expect((await running().get('/$metadata')).headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})
