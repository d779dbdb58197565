import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { type BatchPlace, inheritedHeaders, partHeaders, resolvePartUrl } from '../../../src/protocol/batch-url.ts'

const place: BatchPlace = {
  root: new URL('https://host.example:8443/odata/v1/'),
  host: 'internal:8080',
  slashFromRoot: false,
  reference: (id) => (id === '1' ? "/Things('a%2Fb')" : undefined),
}
const bare: BatchPlace = { ...place, root: new URL('https://host.example/') }
const codeOf = (url: string, at: BatchPlace = place): string => {
  try {
    return `taken: ${resolvePartUrl(url, at)}`
  } catch (error) {
    if (error instanceof ODataError) return error.code
    throw error
  }
}

describe('resolvePartUrl', () => {
  it.each([
    ['Things', '/Things'],
    ['Things?$top=1', '/Things?$top=1'],
    ['/odata/v1/Things', '/Things'],
    ['/odata/v1', '/'],
    ['/odata/v1?$format=json', '/?$format=json'],
    ['https://host.example:8443/odata/v1/Things', '/Things'],
    ['http://HOST.example:8443/odata/v1/Things(1)', '/Things(1)'],
    ['http://internal:8080/odata/v1/Things', '/Things'],
    ['$1', "/Things('a%2Fb')"],
    ['$1/Parts?$top=1', "/Things('a%2Fb')/Parts?$top=1"],
    ['$1?$select=a', "/Things('a%2Fb')?$select=a"],
    ['/odata/v1/$1/Parts', "/Things('a%2Fb')/Parts"],
    ['https://host.example:8443/odata/v1/$1', "/Things('a%2Fb')"],
    ['$2/Parts', '/$2/Parts'],
    ['$metadata', '/$metadata'],
    ["Things?$filter=Name eq 'ü'", "/Things?$filter=Name%20eq%20'%C3%BC'"],
    ["Things('a:b')", "/Things('a:b')"],
    ["Things('..')", "/Things('..')"],
    ['Things?$filter=a/../b', '/Things?$filter=a/../b'],
  ])('%s leads to %s', (url, target) => {
    expect(resolvePartUrl(url, place)).toBe(target)
  })

  it.each([
    'https://evil.example/odata/v1/Things',
    'https://host.example/odata/v1/Things',
    'https://host.example:8443@evil.example/odata/v1/Things',
    'https://host.example:8443/odata/v10/Things',
    'https://host.example:8443/',
    '//host.example:8443/odata/v1/Things',
    'ftp://host.example:8443/odata/v1/Things',
    '/odata/v1//host/Things',
    '/odata/v1x',
    '/Things',
    '/',
    '/odata/v1/../admin',
    '$1/../../admin',
    '$1/%2e./admin',
    '..',
    '.',
    'Things#x',
    'Things\\x',
    'Things\r\nHost: x',
    'Things\ud800',
  ])('%s is refused', (url) => {
    expect(codeOf(url)).toBe('urlSyntax')
  })

  it('counts a path from the root where Graph does, or where the service is at the root of its host', () => {
    const graph = { ...place, slashFromRoot: true }
    expect(resolvePartUrl('/Things', graph)).toBe('/Things')
    expect(resolvePartUrl('/odata/v1/Things', graph)).toBe('/Things')
    expect(resolvePartUrl('/Things', bare)).toBe('/Things')
    expect(codeOf('//evil.example/Things', bare)).toBe('urlSyntax')
    expect(codeOf('/odata/../Things', graph)).toBe('urlSyntax')
  })

  it('takes ids that are names of system resources for those', () => {
    const all = { ...place, reference: () => '/Things(1)' }
    expect(resolvePartUrl('$metadata', all)).toBe('/$metadata')
    expect(resolvePartUrl('$batch', all)).toBe('/$batch')
    expect(resolvePartUrl('$x', all)).toBe('/Things(1)')
  })

  it('gives a path with no dot segment, whatever it is given', () => {
    const piece = fc.constantFrom(
      '/',
      '..',
      '.',
      '%2e',
      '$1',
      'Things',
      '?',
      '//',
      'https:',
      'host.example:8443',
      'odata/v1',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 10 }), (pieces) => {
        const result = codeOf(pieces.join(''))
        if (result === 'urlSyntax') return
        const path = result.slice('taken: '.length).split('?')[0] ?? ''
        expect(new URL(`http://x/a/b${path}`).pathname).toMatch(/^\/a\/b\//)
        expect(path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))).toBe(false)
        expect(path).toMatch(/^\/[\x21-\x7e]*$/)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('partHeaders', () => {
  it('lets a request say little for itself, and leaves the rest to the batch', () => {
    const outer = {
      host: 'good',
      authorization: 'Bearer good',
      'odata-maxversion': '4.0',
      'content-type': 'multipart/mixed',
      'content-length': '7',
      accept: 'multipart/mixed',
      prefer: 'continue-on-error',
      'if-match': '"1"',
      'x-custom': 'outer',
    }
    const part = new Map([
      ['host', 'evil'],
      ['authorization', 'Bearer evil'],
      ['cookie', 'evil'],
      ['x-forwarded-for', 'evil'],
      ['x-ms-client-principal', 'evil'],
      ['x-purpose', 'own'],
      ['x-http-method', 'DELETE'],
      ['__proto__', 'evil'],
      ['x-custom', 'evil'],
      ['content-type', 'application/json'],
      ['if-none-match', '*'],
      ['prefer', 'return=minimal'],
    ])
    // a model that names all of them (Capabilities.CustomHeaders) but one
    const custom = new Set([...part.keys()].filter((name) => !['x-ms-client-principal', '__proto__'].includes(name)))
    expect({ ...partHeaders(part, inheritedHeaders(outer), () => custom) }).toEqual({
      host: 'good',
      authorization: 'Bearer good',
      'odata-maxversion': '4.0',
      'x-custom': 'outer',
      'x-purpose': 'own',
      'content-type': 'application/json',
      'if-none-match': '*',
      prefer: 'return=minimal',
    })
  })
})
