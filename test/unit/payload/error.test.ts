import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../../src/errors/codes.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { writeError } from '../../../src/payload/error.ts'

const manners = { requestId: 'r-1', clientRequestId: 'c-1', date: new Date('2025-02-13T10:17:05.789Z') }
const written = (error: ODataError, graph: boolean) =>
  JSON.parse(Buffer.from(writeError(error, { ...manners, graph })).toString())

const invalid = new ODataError('bodyInvalid', 'The body has 2 faults.', {
  target: 'status',
  details: [
    { code: 'valueInvalid', message: 'é', target: 'status' },
    { code: 'propertyRequired', message: 'b' },
  ],
  cause: new Error('secret of the store'),
})

describe('writeError', () => {
  it('writes the error body of JSON Format 21.1', () => {
    expect(written(invalid, false)).toEqual({
      error: {
        code: 'bodyInvalid',
        message: 'The body has 2 faults.',
        target: 'status',
        details: [
          { code: 'valueInvalid', message: 'é', target: 'status' },
          { code: 'propertyRequired', message: 'b' },
        ],
      },
    })
    expect(written(new ODataError('internal', 'm'), false)).toEqual({ error: { code: 'internal', message: 'm' } })
  })

  it("writes Graph's innerError", () => {
    const { error } = written(invalid, true)
    expect(error.code).toBe('badRequest')
    expect(error.innerError).toEqual({
      code: 'bodyInvalid',
      date: '2025-02-13T10:17:05',
      'request-id': 'r-1',
      'client-request-id': 'c-1',
    })
    const { clientRequestId: _, ...without } = manners
    const plain = Buffer.from(writeError(new ODataError('gone', 'm'), { ...without, graph: true })).toString()
    expect(plain).not.toContain('client-request-id')
  })

  it.each([
    ['entityExists', 'nameAlreadyExists'],
    ['conflict', 'conflict'],
    ['entityNotFound', 'itemNotFound'],
    ['accessDenied', 'accessDenied'],
    ['unauthenticated', 'unauthenticated'],
    ['preconditionFailed', 'resourceModified'],
    ['notImplemented', 'notSupported'],
    ['tooManyRequests', 'activityLimitReached'],
    ['storeUnavailable', 'serviceNotAvailable'],
  ] as const)('maps %s to %s', (code, graph) => {
    expect(written(new ODataError(code, 'm'), true).error.code).toBe(graph)
  })

  it('knows a Graph code for every status', () => {
    for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) {
      const graph = written(new ODataError(code, 'm'), true).error.code
      expect([code, graph === 'generalException']).toEqual([code, errorCodes[code].status === 500])
    }
  })

  it('tells nothing of the cause', () => {
    for (const graph of [true, false]) expect(JSON.stringify(written(invalid, graph))).not.toContain('secret')
  })
})
