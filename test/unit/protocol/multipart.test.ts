import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import type { BatchUnit, UnitAnswer } from '../../../src/protocol/batch.ts'
import { parseMediaType } from '../../../src/protocol/media-type.ts'
import { readMultipartBatch, writeMultipartBatch } from '../../../src/protocol/multipart.ts'
import { changeSet, lines, multipart, readMultipart, requestPart } from '../../support/multipart.ts'

const typeWith = (boundary: string) => {
  const type = parseMediaType(`multipart/mixed; boundary="${boundary}"`)
  if (!type) throw new Error('no media type')
  return type
}
const read = (text: string | Uint8Array, boundary = 'b', limit = 100): readonly BatchUnit[] =>
  readMultipartBatch(typeof text === 'string' ? Buffer.from(text) : text, typeWith(boundary), limit)
const fault = (text: string | Uint8Array, boundary = 'b', limit = 100): ODataError => {
  try {
    read(text, boundary, limit)
  } catch (error) {
    if (error instanceof ODataError) return error
    throw error
  }
  throw new Error('was taken')
}
const bodyOf = (unit: BatchUnit | undefined): string | undefined => {
  const body = unit?.parts[0]?.body
  return body && Buffer.from(body).toString()
}
const single = (...text: readonly string[]): string =>
  multipart('b', lines('Content-Type: application/http', '', ...text))

describe('readMultipartBatch', () => {
  it('reads requests and change sets', () => {
    const units = read(
      multipart(
        'b',
        requestPart('get', "Things('a b')?$top=1", { id: 'g.1~-_', headers: { Accept: 'application/json' } }),
        changeSet(
          requestPart('POST', 'Things', { id: '1', body: { a: 'ü' } }),
          requestPart('DELETE', 'Things(1)', { id: '2' }),
        ),
        changeSet(requestPart('DELETE', 'Things(2)')),
      ),
    )
    expect(units.map(({ group, parts }) => [group, parts.length])).toEqual([
      [undefined, 1],
      ['changeset-1', 2],
      ['changeset-2', 1],
    ])
    expect(units[0]?.parts[0]).toMatchObject({
      id: 'g.1~-_',
      method: 'GET',
      url: "Things('a b')?$top=1",
      body: undefined,
    })
    expect(units[0]?.parts[0]?.headers.get('accept')).toBe('application/json')
    expect(bodyOf(units[1])).toBe('{"a":"ü"}\r\n'.trim())
    expect(
      units.every((unit) => unit.fault === undefined && unit.parts.every((part) => part.fault === undefined)),
    ).toBe(true)
  })

  it('leaves out preamble and epilogue, takes blanks behind boundaries, and lines that end in LF alone', () => {
    const part = 'Content-Type: application/http\n\nGET Things HTTP/1.1\n\n'
    const text = `preamble --b\r\n--b \t\n${part}\n--bb\n--b--\nepilogue\r\n--b\r\n`
    const [unit, ...others] = read(text)
    expect(others).toEqual([])
    expect(unit?.parts[0]).toMatchObject({ method: 'GET', url: 'Things' })
    expect(read('--b--')).toEqual([])
  })

  it.each([
    ['with Content-Length', ['POST T HTTP/1.1', 'Content-Length: 2', '', '{}', '', ''], '{}'],
    ['without', ['POST T HTTP/1.1', '', '{}'], '{}'],
    ['that holds the boundary inside a line', ['POST T HTTP/1.1', '', '{"a":"--b"}'], '{"a":"--b"}'],
    ['of line ends only', ['GET T HTTP/1.1', '', '', ''], undefined],
    ['of length 0', ['POST T HTTP/1.1', 'Content-Length: 0', '', 'x'], undefined],
    ['behind no HTTP version', ['POST T', '', '{}'], '{}'],
    ['behind an empty first line', ['', 'POST T HTTP/1.1', '', '{}'], '{}'],
    ['of a request without headers or end of line', ['GET T'], undefined],
  ])('reads a body %s', (_, text, body) => {
    const [unit] = read(single(...text))
    expect(unit?.parts[0]?.fault).toBeUndefined()
    expect(unit?.parts[0]?.url).toBe('T')
    expect(bodyOf(unit)).toBe(body)
  })

  it.each([
    ['another type', lines('Content-Type: text/plain', '', 'GET T HTTP/1.1'), 'bodyInvalid'],
    ['no type', lines('', 'GET T HTTP/1.1'), 'bodyInvalid'],
    ['no request line', lines('Content-Type: application/http', '', ''), 'bodySyntax'],
    ['no URL', lines('Content-Type: application/http', '', 'GET  HTTP/1.1'), 'bodySyntax'],
    ['no method', lines('Content-Type: application/http', '', 'G@T T HTTP/1.1'), 'bodySyntax'],
    [
      'a folded header',
      lines('Content-Type: application/http', '', 'GET T HTTP/1.1', 'A: b', ' c', ''),
      'headerInvalid',
    ],
    ['a header without colon', lines('Content-Type: application/http', '', 'GET T HTTP/1.1', 'A', ''), 'headerInvalid'],
    [
      'a control character',
      lines('Content-Type: application/http', '', 'GET T HTTP/1.1', 'A: \u0001', ''),
      'headerInvalid',
    ],
    [
      'two lengths',
      lines(
        'Content-Type: application/http',
        '',
        'POST T HTTP/1.1',
        'Content-Length: 1',
        'Content-Length: 2',
        '',
        'ab',
      ),
      'headerInvalid',
    ],
    [
      'a length beyond its end',
      lines('Content-Type: application/http', '', 'POST T HTTP/1.1', 'Content-Length: 9', '', 'ab'),
      'bodySyntax',
    ],
    [
      'a length that is none',
      lines('Content-Type: application/http', '', 'POST T HTTP/1.1', 'Content-Length: -1', '', 'ab'),
      'bodySyntax',
    ],
    [
      'chunks',
      lines('Content-Type: application/http', '', 'POST T HTTP/1.1', 'Transfer-Encoding: chunked', '', '0'),
      'unsupportedMediaType',
    ],
    [
      'an id with a line break',
      lines('Content-Type: application/http', 'Content-ID: a"b', '', 'GET T HTTP/1.1'),
      'headerInvalid',
    ],
    [
      'many headers',
      lines(
        'Content-Type: application/http',
        '',
        'GET T HTTP/1.1',
        ...Array.from({ length: 65 }, (_, i) => `h${i}: x`),
        '',
      ),
      'headerInvalid',
    ],
    [
      'long headers',
      lines('Content-Type: application/http', '', 'GET T HTTP/1.1', `h: ${'x'.repeat(20_000)}`, ''),
      'headerInvalid',
    ],
  ])('finds a part with %s at fault, and reads the others', (_, part, code) => {
    const units = read(multipart('b', part, requestPart('GET', 'T')))
    expect(units[0]?.parts[0]?.fault?.code).toBe(code)
    expect(units[1]?.parts[0]?.fault).toBeUndefined()
  })

  it('finds a change set at fault as a whole', () => {
    const twice = changeSet(requestPart('DELETE', 'T', { id: '1' }), requestPart('DELETE', 'T', { id: '1' }))
    const open = lines(
      'Content-Type: multipart/mixed; boundary=x',
      '',
      '--x',
      'Content-Type: application/http',
      '',
      'DELETE T',
    )
    const nameless = lines('Content-Type: multipart/mixed', '', '--x--')
    const units = read(multipart('b', twice, open, nameless))
    expect(units.map(({ fault }) => fault?.code)).toEqual(['bodyInvalid', 'bodySyntax', 'headerInvalid'])
    const [set] = read(multipart('b', changeSet(requestPart('GET', 'T'), changeSet(requestPart('DELETE', 'T')))))
    expect(set?.parts.map((part) => part.fault?.code)).toEqual(['bodyInvalid', 'bodyInvalid'])
  })

  it.each([
    ['no delimiter', 'hello', 'b', 'bodySyntax'],
    ['another delimiter', multipart('c', requestPart('GET', 'T')), 'b', 'bodySyntax'],
    ['no closing delimiter', multipart('b', requestPart('GET', 'T')).slice(0, -4), 'b', 'bodySyntax'],
    ['an empty body', '', 'b', 'bodySyntax'],
    ['a boundary that ends in a blank', multipart('b ', requestPart('GET', 'T')), 'b ', 'headerInvalid'],
    ['a boundary that is too long', 'x', 'b'.repeat(71), 'headerInvalid'],
  ])('refuses %s', (_, text, boundary, code) => {
    expect(fault(text, boundary).code).toBe(code)
  })

  it('counts the requests in change sets too', () => {
    const set = changeSet(requestPart('DELETE', 'T', { id: '1' }), requestPart('DELETE', 'T', { id: '2' }))
    expect(read(multipart('b', set, set), 'b', 4)).toHaveLength(2)
    for (const limit of [1, 2, 3]) expect(fault(multipart('b', set, set), 'b', limit).code).toBe('batchLimitExceeded')
  })

  it('reads any bytes, or refuses them with an ODataError', () => {
    const piece = fc.oneof(
      fc.constantFrom('--b', '--b--', '\r\n', '\n', '--c', 'Content-Type: application/http', 'GET T HTTP/1.1', '{}'),
      fc.constantFrom(
        'Content-Type: multipart/mixed; boundary=c',
        'Content-Length: 3',
        'Content-ID: 1',
        ' ',
        ':',
        '\0',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        try {
          for (const unit of read(`--b\r\n${pieces.join('')}\r\n--b--`))
            for (const part of unit.parts) if (!part.fault) expect(part.method).toMatch(/^[A-Z]+$/)
        } catch (error) {
          expect(error).toBeInstanceOf(ODataError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('refuses every truncation of a batch', () => {
    const whole = multipart('b', requestPart('GET', 'T'), changeSet(requestPart('POST', 'T', { id: '1', body: {} })))
    for (let end = 0; end < whole.length - 2; end++) expect(fault(whole.slice(0, end)).status).toBe(400)
  })

  it.each([
    ['delimiters without line ends', '--b'.repeat(1_400_000)],
    ['lines that begin like delimiters', '\r\n--bx'.repeat(700_000)],
    ['blanks behind a delimiter', `--b${' '.repeat(4_000_000)}`],
    ['line ends', `--b\r\n${'\r\n'.repeat(2_000_000)}`],
    ['one header', `--b\r\n${'a'.repeat(4_000_000)}\r\n--b--`],
  ])('takes little time over 4 MB of %s', (_, text) => {
    const started = performance.now()
    try {
      read(text)
    } catch (error) {
      expect(error).toBeInstanceOf(ODataError)
    }
    expect(performance.now() - started).toBeLessThan(8_000)
  })
})

describe('writeMultipartBatch', () => {
  const response = (status: number, body?: Uint8Array | AsyncIterable<Uint8Array>, headers = {}) => ({
    status,
    headers,
    body,
  })
  async function* chunks(...texts: readonly string[]) {
    for (const text of texts) yield Buffer.from(text)
  }
  async function* units(...all: readonly UnitAnswer[]) {
    yield* all
  }
  const written = async (...all: readonly UnitAnswer[]): Promise<string> => {
    const bytes: Uint8Array[] = []
    for await (const chunk of writeMultipartBatch(units(...all), 'batch_1')) bytes.push(chunk)
    return Buffer.concat(bytes).toString()
  }
  const parse = (text: string) => readMultipart('multipart/mixed;boundary=batch_1', text)

  it('writes single answers, change sets, and the one answer of a change set that failed', async () => {
    const failed = {
      id: '3',
      response: response(409, Buffer.from('{"error":1}'), { 'Content-Type': 'application/json' }),
    }
    const text = await written(
      {
        group: undefined,
        failed: undefined,
        answers: [{ id: undefined, response: response(200, chunks('{"a":', '1}')) }],
      },
      {
        group: 'g',
        failed: undefined,
        answers: [
          { id: '1', response: response(201, Buffer.from('ü'), { Location: 'http://x/T(1)' }) },
          { id: '2', response: response(204) },
        ],
      },
      { group: 'h', failed, answers: [{ id: '4', response: response(424) }, failed] },
    )
    const [first, second, third, ...rest] = parse(text)
    expect(rest).toEqual([])
    expect(first).toMatchObject({ id: undefined, status: 200, text: '{"a":1}' })
    expect(second).toMatchObject([
      { id: '1', status: 201, text: 'ü' },
      { id: '2', status: 204, text: '' },
    ])
    expect(third).toMatchObject({ id: '3', status: 409, text: '{"error":1}' })
  })

  it('writes nothing but the end for no answers', async () => {
    expect(await written()).toBe('--batch_1--\r\n')
  })
})
