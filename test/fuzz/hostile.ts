import fc from 'fast-check'
import { seedRequest } from '../support/payloads.ts'

/** Requests that a fuzzer sends: valid ones broken in places, random bytes, odd encodings, odd headers, odd bodies. */

export interface HostileRequest {
  readonly service: 'payloads' | 'bookshop' | 'measurements'
  readonly method: string
  /** path and query below the root; characters U+0021 to U+007E: node's parser refuses others by itself */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

/** Well-formed targets, from what is implemented and from what is not. */
const targets: Readonly<Record<HostileRequest['service'], readonly string[]>> = {
  payloads: [
    '/onPremEncryptedPayloads',
    "/onPremEncryptedPayloads('x')/encryptedBlob/$value",
    "/onPremEncryptedPayloads(id='x')",
    '/onPremEncryptedPayloads/x/status',
    '/onPremEncryptedPayloads/$count?$filter=status eq 6',
    "/onPremEncryptedPayloads?$filter=status eq 6 and contains(eTag,'a') or not (payloadVersion in (1,2,3))",
    '/onPremEncryptedPayloads?$filter=createdTime ge 2017-01-01T00:03:18.9597073-08:00&$orderby=createdTime desc,status&$top=5&$skip=1&$count=true',
    '/onPremEncryptedPayloads?$select=id,status&$filter=tenantId eq f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
    '/onPremEncryptedPayloads?$search="a b" AND NOT (c OR d)',
    '/onPremEncryptedPayloads?$apply=filter(status eq 1)/groupby((status),aggregate(payloadVersion with sum as total))',
    '/onPremEncryptedPayloads?$compute=status mul 2 as twice&$select=twice&$orderby=twice',
    '/onPremEncryptedPayloads?$filter=status eq @p&@p=6',
    "/onPremEncryptedPayloads?$filter=matchesPattern(eTag,'^(a+)+$')",
    "/onPremEncryptedPayloads?$filter=isof(microsoft.graph.onPremEncryptedPayload) and cast(status,Edm.String) eq '1'",
    '/onPremEncryptedPayloads/microsoft.graph.onPremEncryptedPayload?$expand=*($levels=max)',
    '/onPremEncryptedPayloads?$skiptoken=abc',
    '/onPremEncryptedPayloads?$deltatoken=abc',
    '/onPremEncryptedPayloads?$deltatoken=latest&$filter=status eq 1',
    '/onPremEncryptedPayloads?$format=application/json;odata.metadata=full',
    '/onPremEncryptedPayloads/$filter(status eq 1)/$count',
    '/onPremEncryptedPayloads/$each',
    "/onPremEncryptedPayloads/$ref?$id=onPremEncryptedPayloads('x')",
    '/$metadata?$format=json',
    "/$entity?$id=onPremEncryptedPayloads('x')",
    '/$all',
    '/$crossjoin(onPremEncryptedPayloads,onPremEncryptedPayloads)',
    '/$batch',
    '/',
    '',
    '?$format=json',
  ],
  bookshop: [
    '/Books?$apply=groupby((rollup(Author/Name,Title)),aggregate(Price with sum as S,$count as N))/topcount(2,S)&$orderby=N desc',
    '/Authors?$apply=join(Books as B,filter(Price gt 1)/aggregate(Price with average as A))/groupby((Name,B/A))&$expand=B',
    '/Authors?$apply=addnested(Books,top(1) as T)/concat(nest(identity as X),compute($these/$count as C))&$filter=isdefined(C)',
    '/Authors?$filter=Books/aggregate(Price mul 2 with max from Title with min) gt $these/aggregate(ID with sum)&$expand=Books($apply=identity)',
    '/Books?$apply=ancestors($root/Books,Q,ID,filter(true),1,keep start)/traverse($root/Books,Q,ID,preorder,Title desc)',
    "/Books?$filter=Tags/any(t:t eq 'new') and Genres has org.example.bookshop.Genre'Fiction,Science'",
    '/Books?$expand=Author($select=Name;$expand=Books($top=1;$filter=Price gt 9.99;$orderby=Title))',
    '/Books(01234567-89ab-cdef-0123-456789abcdef)/Author/Address/City',
    '/Books?$filter=Price mul 2 gt 20 and year(Published) lt 1900 and Author/Name eq null',
    "/Books?$filter=Title in ('a','b') and Author/Books/any(b:b/Price gt $it/Price)",
    '/Authors(1)/Books/$ref',
    '/Authors(1)/Address',
    "/Authors?$filter=Address eq null or Address/City ne 'x'",
    "/StockLevels(Shop='a',Shelf=1)",
    '/StockLevels/a/1/Copies/$value',
    "/StockLevels(Shop=@s,Shelf=@n)?@s='a'&@n=1",
    '/Authors/-1',
  ],
  measurements: [
    '/Measurements?$filter=Double div 0 eq INF or Single eq NaN and Int64 gt 9007199254740992',
    "/Measurements?$filter=Span gt duration'PT1H' and Bytes eq binary'AA==' and Time lt 08:00:00",
    "/Measurements?$filter=Marks has test.measurements.Marks'Two' and Colour eq test.measurements.Colour'Red'",
    '/Measurements?$filter=Places/any(p:p/Floor eq 0 and p/Since lt At)&$orderby=Place/Floor desc,Number',
    "/Measurements?$filter=substring(Text,1,2) eq 'a' and indexof(Text,'b') ge 0 and length(concat(Text,Other)) lt 10",
    '/Measurements?$filter=round(Decimal) eq 1 and Int32 mod 2 eq 1 and -Double lt 1',
    '/Measurements?$filter=Int32 div 0 eq 1',
    '/Measurements?$filter=At sub Seen gt Span and date(At) eq Date',
    "/Measurements?$filter=Text in ['a','b'] and Number in [1,2]",
    '/Measurements(1)/Places?$top=1&$filter=$this/Floor eq 1',
    '/Measurements(1)/Values/$count',
    '/Measurements(1)/Tags?$orderby=$this',
    '/Measurements?$orderby=Double,Text desc,Guid&$select=Number,Place/City&$count=true&$top=3',
  ],
}

/** Pieces put into texts: what separates, opens, ends, overflows. */
const pieces = [
  "'",
  "''",
  '(',
  ')',
  '((',
  '))',
  '[',
  ']',
  '{',
  '}',
  ',',
  ';',
  ':',
  '/',
  '//',
  '..',
  '/../',
  '?',
  '&',
  '=',
  '#',
  '@',
  '@p',
  '$',
  '$$',
  '$it',
  '$this',
  '$value',
  '$count',
  '$ref',
  '$root/',
  ' ',
  '  ',
  '\t',
  '+',
  '-',
  '--',
  '*',
  '%',
  '%25',
  '%00',
  '%0a',
  '%2F',
  '%27',
  '%2527',
  '%ff',
  '%c0%af',
  '%ed%a0%80',
  '%u0041',
  '\u00e4',
  '\u00ff',
  '.',
  '1e999',
  '-1e999',
  '99999999999999999999999999',
  '0x10',
  '1.',
  '.5',
  '-0',
  'INF',
  'NaN',
  'null',
  'true',
  'not ',
  ' and ',
  ' or ',
  ' eq ',
  ' in ()',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'microsoft.graph.entity',
  'Edm.Int32',
  'Collection(Edm.Int32)',
  "duration'P'",
  "binary'!'",
  "geography'POINT(1 2)'",
  '2017-02-30',
  '2017-01-01T25:00:00Z',
  '99999-01-01',
  'any(x:x)',
  'all(',
  'x:',
  'cast(',
  'case(',
  'if',
  '$filter=',
  '$top=-1',
  '$skip=99999999999',
  '&$top=1',
  '&@a=@a',
  '&$filter=@a&@a=@b&@b=@a',
  '('.repeat(70),
  '('.repeat(3000),
  'not '.repeat(500),
  '-'.repeat(200),
  'a/'.repeat(200),
  ' and true'.repeat(300),
  '1,'.repeat(600),
  "concat('a',".repeat(80),
  'x'.repeat(17_000),
] as const

const piece = fc.constantFrom(...pieces)

/** A text with some spans taken out, doubled, moved or replaced. */
export function mutated(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.record({
    kind: fc.constantFrom('cut', 'double', 'insert', 'replace', 'swap', 'end'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 12 }),
    piece,
  })
  return fc.tuple(text, fc.array(change, { maxLength: 3 })).map(([start, changes]) =>
    changes.reduce((now, { kind, at, length, piece }) => {
      const from = Math.floor(at * now.length)
      const [before, span, after] = [now.slice(0, from), now.slice(from, from + length), now.slice(from + length)]
      if (kind === 'cut') return before + after
      if (kind === 'double') return before + span + span + after
      if (kind === 'insert') return before + piece + span + after
      if (kind === 'replace') return before + piece + after
      if (kind === 'end') return before
      return before + [...span].reverse().join('') + after
    }, start),
  )
}

/** Other characters than the printable ones of ASCII percent-encoded, one way or another. */
function sendable(text: string, encode: 'few' | 'all' | 'twice'): string {
  let out = ''
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    const plain = code > 0x20 && code < 0x7f && char !== '#'
    if (plain && (encode !== 'all' || /[\w/?&=$]/.test(char))) out += char
    else {
      const bytes = [...Buffer.from(char, 'utf8')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
      out += encode === 'twice' ? bytes.replaceAll('%', '%25') : bytes
    }
  }
  return out === '' || out.startsWith('/') || out.startsWith('?') ? out : `/${out}`
}

const encoding = fc.constantFrom('few' as const, 'few' as const, 'all' as const, 'twice' as const)
const anyBytes = fc
  .uint8Array({ maxLength: 60 })
  .map((bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))

function targetOf(service: HostileRequest['service']): fc.Arbitrary<string> {
  const known = fc.constantFrom(...targets[service])
  return fc.oneof(
    { weight: 12, arbitrary: fc.tuple(mutated(known), encoding).map(([text, encode]) => sendable(text, encode)) },
    { weight: 1, arbitrary: anyBytes.map((text) => `/${text}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(known, anyBytes).map(([text, bytes]) => `${sendable(text, 'few') || '/'}${bytes}`),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), encoding)
        .map(([path, filter, encode]) => sendable(`/${path}?$filter=${filter}`, encode)),
    },
  )
}

const ascii = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code === 0x7f ? 0x20 : code)),
  maxLength: 40,
})
const headerValues: Readonly<Record<string, readonly string[]>> = {
  Accept: [
    'application/json',
    '*/*',
    'text/plain',
    'application/xml',
    'application/json;odata.metadata=full;IEEE754Compatible=true',
    'application/json;odata.metadata=none',
    'a',
    '/',
    ';;;',
    'application/json;q=',
    'application/json;q=2',
    '"',
    ','.repeat(300),
    'application/json;x="\\"',
    'application/json;odata.streaming=maybe',
  ],
  'Accept-Charset': ['utf-8', 'latin1', '*;q=0', '', 'utf-8;q=0', ';'],
  'Accept-Encoding': ['gzip', 'br', 'gzip;q=0, br;q=0, identity;q=0', '*', 'zstd', 'gzip;q=x'],
  Authorization: ['Bearer x', 'Basic eDp5', 'Bearer', `Bearer ${'a.'.repeat(2000)}`],
  'Content-Type': [
    'application/json',
    'application/json;charset=latin1',
    'text/plain',
    'application/json;IEEE754Compatible=true',
    'application/xml',
    'multipart/mixed;boundary=x',
    'x',
    '',
    'application/json;odata=verbose',
  ],
  'Content-Encoding': ['gzip', 'br', 'nonsense'],
  'If-Match': ['*', 'W/"1"', '"1"', 'W/"1", W/"2"', '1', '', '"', 'W/"99999999999999999999"', '"a'.repeat(200)],
  'If-None-Match': ['*', 'W/"1"', 'W/"1",', 'x'],
  'OData-Version': ['4.0', '4.01', '3.0', '4', '4.0;', 'x', ''],
  'OData-MaxVersion': ['4.0', '4.01', '5.0', '3.0', '4', '', '99999.9'],
  Prefer: [
    'return=minimal',
    'return=representation',
    'maxpagesize=1',
    'odata.maxpagesize=0',
    'maxpagesize',
    'maxpagesize=-1',
    'maxpagesize=99999999999',
    'maxpagesize=1.5',
    'respond-async, wait=0',
    'handling=strict',
    'omit-values=nulls',
    'include-annotations="*"',
    ',;=',
    'return="minimal',
  ],
  'client-request-id': ['abc', 'a\u00e4', ' ', 'x'.repeat(5000), '<script>'],
  Isolation: ['snapshot', 'x'],
  'X-HTTP-Method': ['DELETE'],
  'X-HTTP-Method-Override': ['PATCH'],
  TE: ['trailers'],
  Range: ['bytes=0-1'],
  Host: ['evil.example', 'localhost:1', 'a b'],
}
const header = fc
  .constantFrom(...Object.keys(headerValues))
  .chain((name) =>
    fc
      .oneof(
        { weight: 5, arbitrary: fc.constantFrom(...(headerValues[name] ?? [''])) },
        { weight: name === 'Host' ? 0 : 1, arbitrary: ascii },
      )
      .map((value) => [name, value] as const),
  )

/** Bodies that are right, before they are broken. */
const bodies: Readonly<Record<HostileRequest['service'], readonly object[]>> = {
  payloads: [
    seedRequest,
    { status: 7 },
    { ...seedRequest, id: 'x', '@odata.id': 'onPremEncryptedPayloads(1)', '@odata.etag': 'W/"1"' },
  ],
  bookshop: [
    {
      Title: 'x',
      Price: 9.99,
      Binding: 'EBook',
      Genres: 'Fiction,Science',
      Tags: ['a', 'b'],
      Published: '1815-12-23',
      'Author@odata.bind': 'Authors(1)',
    },
    { ID: 5, Name: 'x', Address: { Street: null, City: 'y' }, Books: [{ Title: 'z', Price: 1 }] },
    { Shop: 'a', Shelf: 3, Copies: '9007199254740993', 'Copies@odata.type': '#Int64', Place: { City: 'c' } },
  ],
  measurements: [
    {
      Number: 1,
      Text: 't',
      Double: 'NaN',
      Single: 1.5,
      Decimal: '1.50',
      Int64: 1,
      Byte: 255,
      SByte: -128,
      Span: 'PT1S',
      Time: '07:00:00',
      At: '2017-01-01T00:00:00Z',
      Guid: '00000000-0000-0000-0000-000000000000',
      Bytes: 'AA==',
      Colour: 'Red',
      Marks: 'One,Two',
      Place: { City: 'c', Floor: 1 },
      Tags: ['a', null],
      Values: [1],
      Places: [{ City: 'd' }],
    },
  ],
}

const jsonPieces = [
  '"',
  '\\',
  '\\ud800',
  '\\u0000',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  'true',
  '1e999',
  '-',
  '0123',
  '1.5',
  '""',
  '"__proto__":{"a":1},',
  '"@odata.type":"#x.y",',
  '"@odata.type":1,',
  '"status":',
  '"@removed":{},',
  '\u0000',
  '\ufeff',
  '[[',
  '{"a":'.repeat(200),
  '['.repeat(20_000),
  '"'.repeat(999),
  '\u00ff',
  '/*x*/',
  "'",
]
const json = (service: HostileRequest['service']): fc.Arbitrary<Buffer> => {
  const names = Object.keys(Object.assign({}, ...bodies[service]) as object)
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      2 ** 53,
      '',
      'x',
      'NaN',
      '2017-01-01',
      'AA==',
      [],
      {},
      [null],
      [[]],
      { '@odata.type': '#a.b' },
      'x'.repeat(3000),
    ),
  )
  const oddMembers = fc
    .tuple(
      fc.constantFrom(...bodies[service]),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 12 })), value, { maxKeys: 4 }),
    )
    .map(([body, changes]) => JSON.stringify({ ...body, ...changes }))
  const broken = fc
    .tuple(
      fc.constantFrom(...bodies[service]),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), fc.constantFrom(...jsonPieces)), {
        minLength: 1,
        maxLength: 3,
      }),
    )
    .map(([body, changes]) =>
      changes.reduce((text, [at, cut, piece]) => {
        const from = Math.floor(at * text.length)
        return text.slice(0, from) + piece + text.slice(from + cut)
      }, JSON.stringify(body)),
    )
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...bodies[service]).map((body) => Buffer.from(JSON.stringify(body))) },
    { weight: 5, arbitrary: oddMembers.map((text) => Buffer.from(text)) },
    { weight: 5, arbitrary: broken.map((text) => Buffer.from(text)) },
    { weight: 2, arbitrary: broken.map((text) => Buffer.from(text, 'latin1')) },
    { weight: 1, arbitrary: fc.jsonValue().map((random) => Buffer.from(JSON.stringify(random))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constantFrom(Buffer.alloc(0), Buffer.from('\ufeff{}'), Buffer.alloc(1_100_000, 0x20)) },
  )
}

const methods = [
  'GET',
  'GET',
  'GET',
  'GET',
  'POST',
  'PATCH',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'MERGE',
  'QUERY',
  'PROPFIND',
]

export const hostileRequest: fc.Arbitrary<HostileRequest> = fc
  .constantFrom('payloads' as const, 'payloads' as const, 'bookshop' as const, 'measurements' as const)
  .chain((service) => {
    const sets = targets[service].filter((target) => /^\/\w+$/.test(target) || service !== 'payloads')
    const reading = fc.record({
      service: fc.constant(service),
      method: fc.constantFrom(...methods),
      target: targetOf(service),
      headers: fc.array(header, { maxLength: 3 }).map((list) => Object.fromEntries(list)),
      body: fc.option(json(service), { nil: undefined, freq: 1 }),
    })
    const collections = {
      payloads: ['/onPremEncryptedPayloads'],
      bookshop: ['/Books', '/Authors', '/StockLevels'],
      measurements: ['/Measurements'],
    }
    const writing = fc.record({
      service: fc.constant(service),
      method: fc.constantFrom('POST', 'POST', 'PATCH', 'PUT'),
      target: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...collections[service]) },
        { weight: 2, arbitrary: fc.constantFrom(...sets).map((text) => sendable(text, 'few')) },
        { weight: 2, arbitrary: fc.constantFrom(...collections[service]).map((set) => `${set}(1)`) },
      ),
      headers: fc
        .array(header, { maxLength: 2 })
        .map((list) => Object.fromEntries([['Content-Type', 'application/json'], ...list])),
      body: json(service),
    })
    return fc.oneof({ weight: 3, arbitrary: reading }, { weight: 2, arbitrary: writing })
  })
