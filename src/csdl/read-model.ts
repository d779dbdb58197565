import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import type { Model } from '../edm/model.ts'
import { Problems, Source } from './problems.ts'
import { CsdlError, type Problem, parseCsdl } from './read-csdl.ts'

/** How the files of a model are found. */
export interface ReadModelOptions {
  /** file by the URI of an `edmx:Reference`, relative to the working directory; URLs are never fetched */
  readonly files?: Readonly<Record<string, string>>
  /** is told each warning; the model loads all the same */
  readonly onWarning?: (problem: Problem) => void
}

/**
 * Reads a model from a CSDL file, XML or JSON. Relative references are read from beside the file; a reference to a URL is read
 * only where `files` maps it, else the names it includes stay unresolved.
 * @param path of the file
 * @throws CsdlError with all problems found; an Error of node:fs where the file itself cannot be read
 */
export async function readModel(path: string, options: ReadModelOptions = {}): Promise<Model> {
  const text = decode(readFileSync(path), path)
  const { onWarning } = options
  return parseCsdl(text, {
    file: normalize(path),
    resolve: (uri, from) => {
      const file = fileOf(uri, from, options.files)
      return file === undefined ? undefined : { file, text: decode(readReferenced(file, uri, from), file) }
    },
    ...(onWarning ? { onWarning } : {}),
  })
}

function fileOf(uri: string, from: string, files: Readonly<Record<string, string>> = {}): string | undefined {
  if (Object.hasOwn(files, uri)) return files[uri]
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri) || uri.startsWith('//')) return undefined
  const relative = decoded(uri.replace(/[?#].*$/, ''))
  return isAbsolute(relative) ? relative : join(dirname(from), relative)
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri)
  } catch {
    return uri
  }
}

function readReferenced(file: string, uri: string, from: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    const problems = new Problems()
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read'
    problems.report(
      { source: new Source(from, ''), offset: 0 },
      'reference-read',
      `the referenced document '${uri}' ${reason} (${file}).`,
    )
    throw new CsdlError(problems.all)
  }
}

/** Text of a document in UTF-8, UTF-16 with byte order mark, or what its XML declaration says. */
function decode(bytes: Buffer, file: string): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : (/^[^>]{0,100}\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(bytes.toString('latin1', 0, 200))?.[1] ??
          'utf-8')
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    const problems = new Problems()
    problems.report({ source: new Source(file, ''), offset: 0 }, 'encoding', `the file is not in ${encoding}.`)
    throw new CsdlError(problems.all)
  }
}
