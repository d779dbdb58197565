import { Buffer } from 'node:buffer'
import { parseMediaType } from './media-type.ts'

/**
 * Headers that keep a browser from taking stored bytes for a page of this origin: the type is never guessed, scripts never run,
 * and what is not surely an image, sound, film or plain text is to be saved rather than shown.
 * @param disposition what the model says (Core.ContentDisposition): type and proposed name
 */
export function harmless(
  contentType: string,
  disposition: { readonly type: string; readonly filename: string | undefined } | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { 'X-Content-Type-Options': 'nosniff' }
  const shown = isShown(contentType)
  if (!shown) headers['Content-Security-Policy'] = "default-src 'none'; sandbox"
  if (disposition !== undefined) headers['Content-Disposition'] = printDisposition(disposition)
  else if (!shown) headers['Content-Disposition'] = 'attachment'
  return headers
}

function isShown(contentType: string): boolean {
  const media = parseMediaType(contentType)
  if (media === undefined) return false
  const { type, subtype } = media
  if (type === 'image') return !subtype.includes('svg') && !subtype.includes('xml')
  return type === 'audio' || type === 'video' || `${type}/${subtype}` === 'text/plain'
}

/** The value of a Content-Disposition header (RFC 6266): a name that is not ASCII stands there twice. */
export function printDisposition({
  type,
  filename,
}: {
  readonly type: string
  readonly filename: string | undefined
}): string {
  const kind = /^[\w-]{1,40}$/.test(type) ? type : 'attachment'
  if (filename === undefined || filename === '') return kind
  const name = [...filename].slice(0, 200).join('')
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  if (plain === name) return `${kind}; filename="${plain}"`
  // halves of surrogate pairs, which others may have stored, cannot be encoded
  const encoded = encodeURIComponent(Buffer.from(name).toString()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`
}
