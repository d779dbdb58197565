import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import {
  jsonContentType,
  negotiateJson,
  negotiateMetadata,
  requestVersion,
  requireAcceptable,
  requireJsonBody,
  responseVersion,
} from '../../../src/protocol/negotiate.ts'

const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof ODataError) return error.code
    throw error
  }
  return 'nothing thrown'
}

describe('versions', () => {
  it.each([
    [undefined, '4.0', '4.0'],
    [undefined, '4.01', '4.01'],
    ['4.0', '4.01', '4.0'],
    [' 4.01 ', '4.0', '4.01'],
    ['4.2', '4.0', '4.01'],
    ['5.0', '4.0', '4.01'],
    ['9999.9999', '4.0', '4.01'],
  ] as const)('OData-MaxVersion %s where %s is the default gives %s', (max, fallback, expected) => {
    expect(responseVersion({ 'odata-maxversion': max }, fallback)).toBe(expected)
  })

  it.each(['3.0', '0.0', '4', '4.', 'x', '', '4.0;', '-4.0', '99999.0'])('refuses OData-MaxVersion %j', (max) => {
    expect(codeOf(() => responseVersion({ 'odata-maxversion': max }, '4.0'))).toBe('versionNotSupported')
  })

  it('takes bodies in 4.0 and 4.01, and in the latest that the client understands where nothing is said', () => {
    expect(requestVersion({})).toBe('4.01')
    expect(requestVersion({ 'odata-maxversion': '4.0' })).toBe('4.0')
    expect(requestVersion({ 'odata-version': ' 4.0' })).toBe('4.0')
    for (const version of ['3.0', '4.02', '5.0', '4.0;', ''])
      expect(codeOf(() => requestVersion({ 'odata-version': version }))).toBe('versionNotSupported')
  })
})

describe('JSON', () => {
  const plain = { metadata: 'minimal', ieee754Compatible: false, exponentialDecimals: false, streaming: false }

  it.each([
    [undefined, {}],
    ['', {}],
    ['*/*', {}],
    ['application/*', {}],
    ['application/json', {}],
    ['application/json;odata.metadata=full', { metadata: 'full' }],
    ['application/json;metadata=none', { metadata: 'none' }],
    [
      'application/json; IEEE754Compatible=TRUE; ExponentialDecimals=true',
      { ieee754Compatible: true, exponentialDecimals: true },
    ],
    ['application/json;odata.streaming=true', { streaming: true }],
    ['application/json;charset=UTF-8;odata=verbose', {}],
    ['application/json;foo=bar, */*;q=0.1', {}],
    ['application/json;odata.metadata=full;q=0.1, application/json;odata.metadata=none', { metadata: 'none' }],
    ['application/json;q=0, */*', {}],
  ])('Accept: %s', (accept, expected) => {
    expect(negotiateJson({ accept }, undefined)).toEqual({ ...plain, ...expected })
    // remembered answers are the same
    expect(negotiateJson({ accept }, undefined)).toEqual({ ...plain, ...expected })
  })

  it.each([
    'application/xml',
    'text/*',
    'application/json;q=0',
    'application/json;foo=bar',
    'application/json;charset=latin1',
    'application/json;odata.metadata=',
    'x',
  ])('refuses Accept: %s', (accept) => {
    expect(codeOf(() => negotiateJson({ accept }, undefined))).toBe('notAcceptable')
    expect(codeOf(() => negotiateJson({ accept }, undefined))).toBe('notAcceptable')
  })

  it('lets $format win over Accept', () => {
    expect(negotiateJson({ accept: 'application/xml' }, 'json')).toEqual(plain)
    expect(negotiateJson({}, 'application/json;odata.metadata=full').metadata).toBe('full')
    expect(codeOf(() => negotiateJson({ accept: '*/*' }, 'atom'))).toBe('notAcceptable')
    expect(codeOf(() => negotiateJson({ accept: '*/*' }, 'xml'))).toBe('notAcceptable')
  })

  it('is written in UTF-8 only', () => {
    for (const charset of ['utf-8', 'latin1, UTF-8;q=0.1', '*'])
      expect(negotiateJson({ 'accept-charset': charset }, undefined)).toEqual(plain)
    for (const charset of ['latin1', 'utf-8;q=0', '*;q=0.0', ''])
      expect(codeOf(() => negotiateJson({ 'accept-charset': charset }, undefined))).toBe('notAcceptable')
  })

  it('says in Content-Type what it is, in the names of the version', () => {
    const full = { metadata: 'full', ieee754Compatible: true, exponentialDecimals: true, streaming: true } as const
    expect(jsonContentType(full, '4.0')).toBe(
      'application/json;odata.metadata=full;odata.streaming=true;IEEE754Compatible=true;ExponentialDecimals=true;charset=utf-8',
    )
    expect(jsonContentType({ ...full, streaming: false }, '4.01')).toBe(
      'application/json;metadata=full;IEEE754Compatible=true;ExponentialDecimals=true;charset=utf-8',
    )
  })
})

describe('$metadata', () => {
  it.each([
    [undefined, undefined, 'xml'],
    ['*/*', undefined, 'xml'],
    ['application/xml', undefined, 'xml'],
    ['text/xml', undefined, 'xml'],
    ['application/json', undefined, 'json'],
    ['application/json, application/xml', undefined, 'json'],
    ['application/json;q=0.5, application/xml', undefined, 'xml'],
    ['application/json, */*', undefined, 'json'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', undefined, 'xml'],
    ['text/html, */*;q=0.1', undefined, 'xml'],
    ['text/*', undefined, 'xml'],
    ['application/xml;charset=utf-8', undefined, 'xml'],
    ['application/json;foo=bar, application/xml;q=0.5', undefined, 'xml'],
    ['application/json;odata.metadata=minimal', undefined, 'xml'],
    ['application/json;odata=verbose, text/plain', undefined, 'xml'],
    ['application/json', 'xml', 'xml'],
    ['application/xml', 'json', 'json'],
    ['application/xml', 'application/json;odata.metadata=minimal', 'json'],
    [undefined, 'application/xml', 'xml'],
  ])('Accept: %s, $format: %s gives %s', (accept, format, expected) => {
    expect(negotiateMetadata({ accept }, format)).toBe(expected)
  })

  it.each([
    'image/png',
    'text/html',
    'application/json;q=0',
    'application/json;foo=bar',
    'application/xml;foo=bar',
    'text/json',
    'nonsense',
  ])('refuses Accept: %s, which names nothing that it is offered in', (accept) => {
    expect(codeOf(() => negotiateMetadata({ accept }, undefined))).toBe('notAcceptable')
  })

  it('refuses a $format that it is not offered in', () => {
    for (const format of ['atom', 'text/plain', 'yaml'])
      expect(codeOf(() => negotiateMetadata({ accept: '*/*' }, format))).toBe('notAcceptable')
  })
})

describe('other media types', () => {
  it('are acceptable where a range covers them', () => {
    for (const accept of [
      undefined,
      '',
      '*/*',
      'text/*',
      'text/plain',
      'a/b, text/plain;q=0.1',
      'text/plain;charset=utf-8',
    ])
      expect(codeOf(() => requireAcceptable({ accept }, undefined, 'text/plain;charset=utf-8'))).toBe('nothing thrown')
    for (const accept of ['application/json', 'text/html', 'text/plain;q=0'])
      expect(codeOf(() => requireAcceptable({ accept }, undefined, 'text/plain'))).toBe('notAcceptable')
    expect(codeOf(() => requireAcceptable({ accept: 'text/plain' }, 'a/b', 'text/plain'))).toBe('notAcceptable')
  })
})

describe('bodies', () => {
  it('are JSON, not packed', () => {
    for (const type of [
      'application/json',
      'Application/JSON;charset=utf-8',
      'application/json;IEEE754Compatible=true',
      'application/json;odata=verbose',
    ])
      expect(codeOf(() => requireJsonBody({ 'content-type': type }))).toBe('nothing thrown')
    for (const type of [
      undefined,
      '',
      'text/plain',
      'application/xml',
      'application/json;charset=utf-16',
      'application/*',
      '*/*',
      'application/json;foo=bar',
    ])
      expect(codeOf(() => requireJsonBody({ 'content-type': type }))).toBe('unsupportedMediaType')
    const json = { 'content-type': 'application/json' }
    expect(codeOf(() => requireJsonBody({ ...json, 'content-encoding': 'identity' }))).toBe('nothing thrown')
    for (const coding of ['gzip', 'br', 'x'])
      expect(codeOf(() => requireJsonBody({ ...json, 'content-encoding': coding }))).toBe('unsupportedMediaType')
  })
})
