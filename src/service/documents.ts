import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { createTurns } from '../base/turns.ts'
import { jsonPieces } from '../csdl/write-json.ts'
import { xmlPieces } from '../csdl/write-xml.ts'
import type { Model } from '../edm/model.ts'
import { writeServiceDocument } from '../payload/service-document.ts'
import type { JsonDialect } from '../payload/writer.ts'
import { acceptedEncoding, type Encoding } from '../protocol/encoding.ts'
import { readConditions } from '../protocol/etag.ts'
import type { HttpResponse, RequestHeaders } from '../protocol/message.ts'
import { jsonContentType, negotiateJson, negotiateMetadata, type ODataVersion } from '../protocol/negotiate.ts'

type Packing = Exclude<Encoding, 'identity'>

/** One document that does not change while the service runs. */
interface Document {
  readonly contentType: string
  readonly etag: string
  readonly plain: Uint8Array
  /** made in the thread pool when a client first takes it; everybody who asks meanwhile waits for the same */
  readonly packed: Map<Packing, Promise<Uint8Array>>
}

/** `$metadata` and the service document as bytes, made once (Protocol 11.1). */
export class Documents {
  readonly #model: Model
  readonly #made = new Map<string, Document | Promise<Document>>()

  constructor(model: Model) {
    this.#model = model
  }

  /**
   * `$metadata`: CSDL XML, or JSON where it is asked for, in the version of the answer. Schemas of other files are in it: clients
   * could not reach those files.
   */
  metadata(
    headers: RequestHeaders,
    format: string | undefined,
    version: ODataVersion,
  ): Promise<HttpResponse> | HttpResponse {
    const form = negotiateMetadata(headers, format)
    const document = this.#once(`metadata ${form} ${version}`, () =>
      form === 'xml'
        ? makeDocument('application/xml;charset=utf-8', xmlPieces(this.#model, { version, inline: true }))
        : makeDocument('application/json;charset=utf-8', jsonPieces(this.#model, { version: '4.01', inline: true })),
    )
    return document instanceof Promise ? document.then((made) => present(made, headers)) : present(document, headers)
  }

  /** The service document: JSON (JSON Format 5). */
  service(
    headers: RequestHeaders,
    format: string | undefined,
    dialect: Omit<JsonDialect, 'metadata'>,
  ): Promise<HttpResponse> | HttpResponse {
    const json = negotiateJson(headers, format)
    const contentType = jsonContentType(json, dialect.version)
    const key = `service ${contentType} ${dialect.root}`
    if (this.#made.size > 100) this.#made.clear()
    const document = this.#once(key, () =>
      makeDocument(contentType, [writeServiceDocument(this.#model, { ...dialect, metadata: json.metadata })]),
    )
    return document instanceof Promise ? document.then((made) => present(made, headers)) : present(document, headers)
  }

  /** Everybody who asks while a document is being made waits for the same. */
  #once(key: string, make: () => Promise<Document>): Document | Promise<Document> {
    const known = this.#made.get(key)
    if (known) return known
    const making = make()
    this.#made.set(key, making)
    making.then(
      (document) => this.#made.set(key, document),
      () => this.#made.delete(key),
    )
    return making
  }
}

/** Milliseconds that a document is written at a stretch; then whatever else is due has its turn. */
const stretch = 10

/** Characters that are gathered before they are made bytes. */
const gathered = 65_536

async function makeDocument(contentType: string, pieces: Iterable<string | Uint8Array>): Promise<Document> {
  const hash = createHash('sha256').update(contentType)
  const parts: Uint8Array[] = []
  const add = (bytes: Uint8Array): void => {
    hash.update(bytes)
    parts.push(bytes)
  }
  let text = ''
  const turns = createTurns(stretch)
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece
    else add(piece)
    if (text.length > gathered) {
      add(Buffer.from(text, 'utf8'))
      text = ''
    }
    if (turns.due()) await turns.pass()
  }
  add(Buffer.from(text, 'utf8'))
  return { contentType, etag: hash.digest('base64url').slice(0, 27), plain: Buffer.concat(parts), packed: new Map() }
}

/** The forms a document has; each is a representation of its own, so its ETag says which. */
const encodings: readonly Encoding[] = ['identity', 'gzip', 'br']

function tagOf({ etag }: Document, encoding: Encoding): string {
  return encoding === 'identity' ? etag : `${etag}-${encoding}`
}

function present(document: Document, headers: RequestHeaders): Promise<HttpResponse> | HttpResponse {
  const encoding = acceptedEncoding(headers['accept-encoding'])
  const { ifNoneMatch } = readConditions(headers)
  // Whichever form the client has, it is the same document.
  const known = ifNoneMatch?.any
    ? encoding
    : encodings.find((form) => ifNoneMatch?.tags.includes(tagOf(document, form)))
  if (known !== undefined) return { status: 304, headers: { ETag: `"${tagOf(document, known)}"` }, body: undefined }
  const answer = { ETag: `"${tagOf(document, encoding)}"`, 'Content-Type': document.contentType }
  if (encoding === 'identity') return { status: 200, headers: answer, body: document.plain }
  return packedForm(document, encoding).then((body) => ({
    status: 200,
    headers: { ...answer, 'Content-Encoding': encoding },
    body,
  }))
}

function packedForm({ plain, packed }: Document, encoding: Packing): Promise<Uint8Array> {
  let form = packed.get(encoding)
  if (form === undefined) {
    form =
      encoding === 'gzip'
        ? packGzip(plain, { level: 9 })
        : packBrotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
    packed.set(encoding, form)
    // a failure (no memory) is for those who wait, not for all who come
    form.catch(() => packed.delete(encoding))
  }
  return form
}

const packGzip = promisify(gzip)
const packBrotli = promisify(brotliCompress)
