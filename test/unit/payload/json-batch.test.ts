import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { readJsonBatch, writeJsonBatch } from '../../../src/payload/json-batch.ts'
import type { BatchUnit, UnitAnswer } from '../../../src/protocol/batch.ts'

const read = (body: unknown, limit = 100, caseless = false): readonly BatchUnit[] =>
  readJsonBatch(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), limit, caseless)
const fault = (body: unknown, limit = 100, caseless = false): string => {
  try {
    read(body, limit, caseless)
  } catch (error) {
    if (error instanceof ODataError) return `${error.code} ${error.target ?? ''}`
    throw error
  }
  throw new Error('was taken')
}
const get = (id: unknown, more: object = {}) => ({ id, method: 'get', url: 'T', ...more })

describe('readJsonBatch', () => {
  it('reads requests and atomicity groups', () => {
    const units = read({
      requests: [
        get('1'),
        get('2', { atomicityGroup: 'g', dependsOn: ['1'] }),
        {
          id: '3',
          atomicityGroup: 'g',
          dependsOn: ['2'],
          method: 'Post',
          url: 'T',
          headers: { Prefer: ' a ' },
          body: { a: 1 },
        },
        get('4', { dependsOn: ['g', '3'], if: '$1/$succeeded', headers: null, atomicityGroup: null, body: null }),
      ],
    })
    expect(units.map(({ group, parts }) => [group, parts.map(({ id }) => id)])).toEqual([
      [undefined, ['1']],
      ['g', ['2', '3']],
      [undefined, ['4']],
    ])
    expect(units[1]?.parts[1]).toMatchObject({ method: 'POST', dependsOn: ['2'], fault: undefined })
    expect([...(units[1]?.parts[1]?.headers ?? [])]).toEqual([
      ['prefer', 'a'],
      ['content-type', 'application/json'],
    ])
    // who depends on one request of a group depends on the group
    expect(units[2]?.parts[0]).toMatchObject({ dependsOn: ['g', 'g'], condition: '$1/$succeeded' })
  })

  it.each([
    ['application/json', '{"a" : 12345678901234567890.50}', '{"a" : 12345678901234567890.50}'],
    ['application/merge-patch+json;charset=utf-8', '[1]', '[1]'],
    ['text/plain', '"a\\u00fc"', 'aü'],
    ['image/png', '"_-8"', '\xff\xef'],
    ['application/octet-stream', '"/+8="', '\xff\xef'],
  ])('reads a body of %s', (type, text, expected) => {
    const [unit] = read(
      `{"requests":[{"id":"1","method":"put","url":"T","headers":{"content-type":"${type}"},"body":${text}}]}`,
    )
    const body = unit?.parts[0]?.body
    expect(unit?.parts[0]?.fault).toBeUndefined()
    expect(
      body && Buffer.from(body).toString(type.startsWith('image') || type.endsWith('stream') ? 'latin1' : 'utf8'),
    ).toBe(expected)
  })

  it.each([
    ['no object', [], 'bodyInvalid requests'],
    ['no requests', {}, 'bodyInvalid requests'],
    ['no JSON', '{', 'bodySyntax '],
    ['a request that is none', { requests: [null] }, 'bodyInvalid requests/0'],
    ['no id', { requests: [get(undefined)] }, 'bodyInvalid requests/0/id'],
    ['an id that is no string', { requests: [get(1)] }, 'bodyInvalid requests/0/id'],
    ['an id with a line break', { requests: [get('a\r\nb')] }, 'bodyInvalid requests/0/id'],
    ['an empty id', { requests: [get('')] }, 'bodyInvalid requests/0/id'],
    ['an id twice', { requests: [get('1'), get('1')] }, 'bodyInvalid requests/1/id'],
    ['an id that is a group', { requests: [get('1', { atomicityGroup: 'g' }), get('g')] }, 'bodyInvalid requests/1/id'],
    [
      'a group that is an id',
      { requests: [get('1'), get('2', { atomicityGroup: '1' })] },
      'bodyInvalid requests/1/atomicityGroup',
    ],
    [
      'a group with a strange name',
      { requests: [get('1', { atomicityGroup: 'a b' })] },
      'bodyInvalid requests/0/atomicityGroup',
    ],
    [
      'a group in two places',
      { requests: [get('1', { atomicityGroup: 'g' }), get('2'), get('3', { atomicityGroup: 'g' })] },
      'bodyInvalid requests/2/atomicityGroup',
    ],
    [
      'a dependency that comes later',
      { requests: [get('1', { dependsOn: ['2'] }), get('2')] },
      'bodyInvalid requests/0/dependsOn',
    ],
    ['a dependency on itself', { requests: [get('1', { dependsOn: ['1'] })] }, 'bodyInvalid requests/0/dependsOn'],
    [
      'a dependency on its own group',
      { requests: [get('1', { atomicityGroup: 'g', dependsOn: ['g'] })] },
      'bodyInvalid requests/0/dependsOn',
    ],
    [
      'dependencies that are no strings',
      { requests: [get('1', { dependsOn: [1] })] },
      'bodyInvalid requests/0/dependsOn',
    ],
  ])('refuses %s', (_, body, expected) => {
    expect(fault(body)).toBe(expected)
  })

  it('keeps to the number of requests, and to case where it counts', () => {
    expect(read({ requests: [get('1'), get('2')] }, 2)).toHaveLength(2)
    expect(fault({ requests: [get('1'), get('2'), get('3')] }, 2)).toBe('batchLimitExceeded requests')
    expect(read({ requests: [get('a'), get('A')] })).toHaveLength(2)
    expect(fault({ requests: [get('a'), get('A')] }, 100, true)).toBe('bodyInvalid requests/1/id')
    expect(read({ requests: [get('a'), get('b', { dependsOn: ['A'] })] }, 100, true)[1]?.parts[0]?.dependsOn).toEqual([
      'a',
    ])
  })

  it('finds a request with a member twice at fault, and reads the others', () => {
    const [first, second] = read(
      '{"requests":[{"id":"1","method":"get","url":"a","url":"b"},{"id":"2","method":"get","url":"a"}]}',
    )
    expect(first?.parts[0]?.fault?.code).toBe('propertyDuplicate')
    expect(second?.parts[0]?.fault).toBeUndefined()
  })

  it('reads any JSON, or refuses it with an ODataError', () => {
    const text = fc.oneof(fc.constantFrom('1', '2', 'g', 'get', 'T', 'application/json'), fc.string({ maxLength: 5 }))
    const value = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }), fc.array(text, { maxLength: 3 }))
    const request = fc.record(
      {
        id: fc.oneof({ weight: 5, arbitrary: text }, value),
        method: value,
        url: value,
        headers: fc.oneof(value, fc.dictionary(text, value)),
        body: value,
        dependsOn: value,
        if: value,
        atomicityGroup: value,
      },
      { requiredKeys: ['id'] },
    )
    fc.assert(
      fc.property(fc.array(request, { maxLength: 4 }), (requests) => {
        try {
          const units = read({ requests })
          expect(units.flatMap(({ parts }) => parts)).toHaveLength(requests.length)
        } catch (error) {
          expect(error).toBeInstanceOf(ODataError)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('writeJsonBatch', () => {
  const written = async (graph: boolean, ...all: readonly UnitAnswer[]): Promise<unknown> => {
    const bytes: Uint8Array[] = []
    const units = (async function* () {
      yield* all
    })()
    for await (const chunk of writeJsonBatch(units, { graph })) bytes.push(chunk)
    return JSON.parse(Buffer.concat(bytes).toString())
  }
  const answer = (
    id: string | undefined,
    status: number,
    type?: string,
    body?: string | AsyncIterable<Uint8Array>,
  ) => ({
    id,
    response: {
      status,
      headers: type === undefined ? ({} as Record<string, string>) : { 'Content-Type': type },
      body: typeof body === 'string' ? Buffer.from(body, 'latin1') : body,
    },
  })
  const single = (one: ReturnType<typeof answer>): UnitAnswer => ({
    group: undefined,
    answers: [one],
    failed: undefined,
  })

  it('writes bodies by their media type', async () => {
    async function* chunks() {
      yield Buffer.from('{"a":')
      yield Buffer.from('1}')
    }
    expect(
      await written(
        false,
        single(answer('1', 200, 'application/json;odata.metadata=minimal', chunks())),
        single(answer('2', 200, 'text/plain', 'a"b')),
        single(answer('3', 200, 'image/png', '\xff\xef')),
        single(answer(undefined, 204)),
        { group: 'g', answers: [answer('4', 424, 'application/json', '{}')], failed: undefined },
      ),
    ).toEqual({
      responses: [
        {
          id: '1',
          status: 200,
          headers: { 'content-type': 'application/json;odata.metadata=minimal' },
          body: { a: 1 },
        },
        { id: '2', status: 200, headers: { 'content-type': 'text/plain' }, body: 'a"b' },
        { id: '3', status: 200, headers: { 'content-type': 'image/png' }, body: '_-8' },
        { status: 204 },
        { id: '4', atomicityGroup: 'g', status: 424, headers: { 'content-type': 'application/json' }, body: {} },
      ],
    })
  })

  it("writes header names and base64 in Graph's way, and no answers", async () => {
    expect(await written(true, single(answer('1', 200, 'image/png', '\xff\xef')))).toEqual({
      responses: [{ id: '1', status: 200, headers: { 'Content-Type': 'image/png' }, body: '/+8=' }],
    })
    expect(await written(false)).toEqual({ responses: [] })
  })
})
