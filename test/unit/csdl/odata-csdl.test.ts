import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readModel } from '../../../src/csdl/read-model.ts'
import { writeJson } from '../../../src/csdl/write-json.ts'
import { writeXml } from '../../../src/csdl/write-xml.ts'
import { shared, sharedVocabularies } from '../../support/shared.ts'

/** What the npm package `odata-csdl` makes of our CSDL XML, against the CSDL JSON that we write of the same model. */
type Convert = (xml: string, options: { messages: unknown[] }) => unknown

function installed(): Convert | undefined {
  try {
    return (createRequire(import.meta.url)('odata-csdl') as { xml2json: Convert }).xml2json
  } catch {
    return undefined
  }
}

interface Difference {
  readonly path: string
  readonly theirs: unknown
  readonly ours: unknown
}

/** A kind of difference that is meant, with its reason. */
interface Explained {
  readonly reason: string
  /** occurs in no model of this repository */
  readonly elsewhere?: true
  readonly matches: (difference: Difference) => boolean
}

const absent = undefined

const explained: Readonly<Record<string, Explained>> = {
  'vocabularies in JSON': {
    reason: 'odata-csdl points references to OASIS vocabularies at their JSON form; we keep the URI of the model.',
    matches: ({ path }) => /^\/\$Reference\/https:\/\/oasis-tcs\.github\.io\/.*\.(?:json|xml)$/.test(path),
  },
  'unsaid precision and scale': {
    reason:
      'Without Precision and Scale in the XML odata-csdl writes the default 0. We write none, which in CSDL JSON means any, and is what the service does: it checks the facets that a model says.',
    matches: ({ path, theirs, ours }) => /\/\$(?:Precision|Scale)$/.test(path) && theirs === 0 && ours === absent,
  },
  'variable scale': {
    reason: 'A variable scale is the default of CSDL JSON, which odata-csdl leaves out; we write what the model says.',
    matches: ({ path, theirs, ours }) => path.endsWith('/$Scale') && theirs === absent && ours === 'variable',
  },
  'Unicode true': {
    reason: 'The default, which odata-csdl leaves out; we write what the model says.',
    matches: ({ path, theirs, ours }) => path.endsWith('/$Unicode') && theirs === absent && ours === true,
  },
  'JSON Schema': {
    reason: 'odata-csdl writes the schema as the JSON that it is; we write the string of the XML, and read both.',
    matches: ({ path, theirs, ours }) =>
      path.endsWith('/@JSON.Schema') && isDeepStrictEqual(JSON.parse(String(ours)), theirs),
  },
  'SRID as a string': {
    reason: 'CSDL JSON 7.2.6 has a string; odata-csdl writes a number.',
    matches: ({ path, theirs, ours }) => path.endsWith('/$SRID') && String(theirs) === ours,
  },
  'Int64 in full': {
    reason: 'odata-csdl puts default values of Edm.Int64 through a double; we write the digits as a string.',
    matches: ({ path, theirs, ours }) =>
      path.endsWith('/$DefaultValue') && typeof ours === 'string' && Number(ours) === theirs,
  },
  'aliases in paths': {
    reason:
      'Names in paths of bindings and in targets: we write the alias, as CSDL JSON 5.1 wants it; odata-csdl leaves some as they were.',
    matches: ({ path, theirs, ours }) =>
      (theirs === absent || ours === absent) &&
      (/\/\$NavigationPropertyBinding\/.*\./.test(path) || /\/\$Annotations\/[^/]+\/@[^/]*$/.test(path)),
  },
  'targets in the own container': {
    reason: 'odata-csdl cuts the container from a target where it is the own one; we write the target of the model.',
    matches: ({ path, theirs, ours }) =>
      path.includes('/$NavigationPropertyBinding/') && String(ours).endsWith(`/${String(theirs)}`),
  },
  'default value of the term': {
    reason:
      'An annotation without a value: odata-csdl writes true whatever the term says; we write the default of the term.',
    matches: ({ path, theirs, ours }) => /\/@self\.Text$/.test(path) && theirs === true && ours === 'nothing said',
  },
  'AnyPropertyPath as an attribute': {
    reason: 'New in 4.01; odata-csdl does not know the attribute.',
    matches: ({ path, theirs }) => path.endsWith('/@self.RuleOf/Any') && theirs === absent,
  },
  'paths as attributes of Cast, IsOf and UrlRef': {
    reason: 'odata-csdl reads their operand from child elements only and loses the attribute, and with it the type.',
    matches: ({ path, theirs }) =>
      theirs === absent && /#(?:Cast|CastCollection|IsOf|PlainUrl)\/\$(?:Cast|Type|IsOf|UrlRef)$/.test(path),
  },
  'annotations of UrlRef': {
    reason: 'odata-csdl loses them.',
    matches: ({ path, theirs }) => path.endsWith('#Url/@Core.Description') && theirs === absent,
  },
  'carriage returns': {
    reason: 'odata-csdl takes the line ends of character references (&#13;&#10;) for those of the document.',
    elsewhere: true,
    matches: ({ theirs, ours }) => typeof ours === 'string' && ours.replaceAll('\r\n', '\n') === theirs,
  },
  'enumeration members in collections': {
    reason: 'odata-csdl casts each to the type; the term says the type, so that the name of the member is enough.',
    matches: ({ theirs, ours }) =>
      typeof theirs === 'object' && theirs !== null && '$Cast' in theirs && theirs.$Cast === ours,
  },
}

function* differences(theirs: unknown, ours: unknown, path = ''): Generator<Difference> {
  if (theirs === ours) return
  if (isObject(theirs) && isObject(ours) && Array.isArray(theirs) === Array.isArray(ours)) {
    for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)]))
      yield* differences(theirs[name], ours[name], `${path}/${name}`)
  } else yield { path, theirs, ours }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

const own = ['metadata', 'examples', 'test/models'].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.xml'))
    .map((name) => `${folder}/${name}`),
)
const files = sharedVocabularies()
const given = [shared('csdl/trippin.xml'), shared('csdl/msgraph-v1.0.xml'), ...Object.values(files)]

const convert = installed()
const reason = convert === undefined ? ' (skipped: npm install --no-save odata-csdl)' : ''

describe.skipIf(convert === undefined)(`odata-csdl reads our XML to the JSON we write${reason}`, () => {
  const used = new Set<string>()

  async function unexplained(file: string): Promise<readonly Difference[]> {
    const model = await readModel(file, { files: file.includes('Org.OData') ? files : {} })
    const theirs = convert?.(writeXml(model, { version: '4.01' }), { messages: [] })
    const ours: unknown = JSON.parse(writeJson(model, { version: '4.01' }))
    return [...differences(theirs, ours)].filter((difference) => {
      const name = Object.keys(explained).find((candidate) => explained[candidate]?.matches(difference))
      if (name !== undefined) used.add(name)
      return name === undefined
    })
  }

  it.each(own)('%s', async (file) => {
    expect(await unexplained(file)).toEqual([])
  })

  for (const file of given) {
    const there = existsSync(file)
    it.skipIf(!there)(`${file}${there ? '' : ' (skipped: it is not here)'}`, async () => {
      expect(await unexplained(file)).toEqual([])
    })
  }

  it('differs in each way that is explained', () => {
    const here = Object.entries(explained).filter(([name, { elsewhere }]) => !elsewhere || used.has(name))
    expect([...used].sort()).toEqual(here.map(([name]) => name).sort())
  })
})
