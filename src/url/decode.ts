import { ODataError } from '../errors/odata-error.ts'
import { BLANK, hexDigit, isHex, PLUS } from './characters.ts'
import { quote } from './scanner.ts'

/** Percent-decoding, once for each part, after the URL was split (URL Conventions 2). */

const PERCENT = 0x25

/** Where short parts are decoded; nobody looks at it in between. */
const scratch = Buffer.alloc(2_048)

/**
 * Decodes what is ASCII, escaped or not, in one pass: nearly every part of nearly every URL.
 * @returns undefined where something else stands in it, well formed or not
 */
function decodeAscii(raw: string, plusIsBlank: boolean): string | undefined {
  const { length } = raw
  if (length > scratch.length) return undefined
  let changed = false
  let to = 0
  for (let at = 0; at < length; at++) {
    let code = raw.charCodeAt(at)
    if (code === PERCENT) {
      if (at + 2 >= length) return undefined
      code = (hexDigit(raw.charCodeAt(at + 1)) << 4) | hexDigit(raw.charCodeAt(at + 2))
      at += 2
      changed = true
    } else if (code === PLUS && plusIsBlank) {
      code = BLANK
      changed = true
    }
    // no digit is -1
    if (code > 127 || code < 0) return undefined
    scratch[to++] = code
  }
  return changed ? scratch.toString('latin1', 0, to) : raw
}

/**
 * Decodes one part of a URL.
 * @param raw the part as it came
 * @param plusIsBlank form encoding of queries: `+` stands for a blank
 * @param target what an error names: the query option; undefined for the path
 * @param base offset of the part in the text that positions count from
 * @throws ODataError urlSyntax for a malformed percent sequence, bytes that are not UTF-8, or an unpaired surrogate
 */
export function decodePart(raw: string, plusIsBlank: boolean, target: string | undefined, base = 0): string {
  const ascii = decodeAscii(raw, plusIsBlank)
  if (ascii !== undefined) return ascii
  let special = false
  let foreign = false
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code === PERCENT || (code === PLUS && plusIsBlank)) special = true
    else if (code > 127) foreign = true
  }
  if (!special && !foreign) return raw
  try {
    const text = plusIsBlank && raw.includes('+') ? raw.replaceAll('+', ' ') : raw
    if (foreign) encodeURIComponent(text) // throws for an unpaired surrogate
    return decodeURIComponent(text)
  } catch (error) {
    const at = malformedAt(raw)
    const where = target === undefined ? 'of the path' : `of ${quote(target)}`
    throw new ODataError(
      'urlSyntax',
      `Malformed percent-encoding or invalid UTF-8 (at position ${base + at} ${where}).`,
      {
        ...(target === undefined ? undefined : { target }),
        position: { offset: base + at, length: 0 },
        cause: error,
      },
    )
  }
}

/** Where the first fault of the encoding lies. */
function malformedAt(raw: string): number {
  let at = 0
  while (at < raw.length) {
    const code = raw.charCodeAt(at)
    if (code === PERCENT) {
      let end = at
      // one run of percent sequences holds whole UTF-8 characters
      while (raw.charCodeAt(end) === PERCENT) {
        if (!isHexAt(raw, end + 1) || !isHexAt(raw, end + 2)) return end
        end += 3
      }
      try {
        decodeURIComponent(raw.slice(at, end))
      } catch {
        return at
      }
      at = end
    } else {
      const point = raw.codePointAt(at) ?? 0
      if (point >= 0xd800 && point <= 0xdfff) return at
      at += point > 0xffff ? 2 : 1
    }
  }
  return 0
}

function isHexAt(raw: string, at: number): boolean {
  return at < raw.length && isHex(raw.charCodeAt(at))
}
