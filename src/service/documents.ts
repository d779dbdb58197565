import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { writeJson } from '../csdl/write-json.ts'
import { writeXml } from '../csdl/write-xml.ts'
import type { Model } from '../edm/model.ts'
import { writeServiceDocument } from '../payload/service-document.ts'
import type { JsonDialect } from '../payload/writer.ts'
import { acceptedEncoding } from '../protocol/encoding.ts'
import { readConditions } from '../protocol/etag.ts'
import type { HttpResponse, RequestHeaders } from '../protocol/message.ts'
import { jsonContentType, negotiateJson, negotiateMetadata, type ODataVersion } from '../protocol/negotiate.ts'

/** One document that does not change while the service runs, in all its forms. */
interface Document {
  readonly contentType: string
  readonly etag: string
  readonly plain: Uint8Array
  readonly gzip: Promise<Uint8Array>
  readonly br: Promise<Uint8Array>
}

/** `$metadata` and the service document as bytes, made once (Protocol 11.1). */
export class Documents {
  readonly #model: Model
  readonly #made = new Map<string, Document>()

  constructor(model: Model) {
    this.#model = model
  }

  /** `$metadata`: CSDL XML, or JSON where it is asked for, in the version of the answer. */
  metadata(headers: RequestHeaders, format: string | undefined, version: ODataVersion): Promise<HttpResponse> {
    const form = negotiateMetadata(headers, format)
    const document = this.#once(`metadata ${form} ${version}`, () =>
      form === 'xml'
        ? makeDocument('application/xml;charset=utf-8', writeXml(this.#model, { version }))
        : makeDocument('application/json;charset=utf-8', writeJson(this.#model, { version: '4.01' })),
    )
    return present(document, headers)
  }

  /** The service document: JSON (JSON Format 5). */
  service(
    headers: RequestHeaders,
    format: string | undefined,
    dialect: Omit<JsonDialect, 'metadata'>,
  ): Promise<HttpResponse> {
    const json = negotiateJson(headers, format)
    const contentType = jsonContentType(json, dialect.version)
    const key = `service ${contentType} ${dialect.root}`
    if (this.#made.size > 100) this.#made.clear()
    const document = this.#once(key, () =>
      makeDocument(
        contentType,
        Buffer.from(writeServiceDocument(this.#model, { ...dialect, metadata: json.metadata })).toString('utf8'),
      ),
    )
    return present(document, headers)
  }

  #once(key: string, make: () => Document): Document {
    let document = this.#made.get(key)
    if (!document) {
      document = make()
      this.#made.set(key, document)
    }
    return document
  }
}

function makeDocument(contentType: string, text: string): Document {
  const plain = Buffer.from(text, 'utf8')
  const etag = `"${createHash('sha256').update(contentType).update(plain).digest('base64url').slice(0, 27)}"`
  const zipped = promisify(gzip)(plain, { level: 9 })
  const br = promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
  return { contentType, etag, plain, gzip: zipped, br }
}

async function present(document: Document, headers: RequestHeaders): Promise<HttpResponse> {
  const encoding = acceptedEncoding(headers['accept-encoding'])
  // Each form is a representation of its own, so its tag says which.
  const etag = encoding === 'identity' ? document.etag : `${document.etag.slice(0, -1)}-${encoding}"`
  const answer: Record<string, string> = { ETag: etag }
  const { ifNoneMatch } = readConditions(headers)
  if (ifNoneMatch && (ifNoneMatch.any || ifNoneMatch.tags.includes(etag.slice(1, -1))))
    return { status: 304, headers: answer, body: undefined }
  answer['Content-Type'] = document.contentType
  if (encoding === 'identity') return { status: 200, headers: answer, body: document.plain }
  answer['Content-Encoding'] = encoding
  return { status: 200, headers: answer, body: await (encoding === 'br' ? document.br : document.gzip) }
}
