import { CsdlError, type ParseOptions, type Problem, parseCsdl } from '../../src/csdl/read-csdl.ts'
import type { Model } from '../../src/edm/model.ts'

/** A CSDL XML document around the content of one schema `t` (alias `self`) that starts on line 5. */
export function csdlDocument(content: string, { version = '4.01', references = '' } = {}): string {
  return `<edmx:Edmx Version="${version}" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  ${references.replaceAll('\n', ' ')}
  <edmx:DataServices>
    <Schema Namespace="t" Alias="self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
${content}
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>`
}

/** Reads a document and gives all problems; `model` where there is no error. */
export function tryCsdl(
  text: string,
  options: Partial<ParseOptions> = {},
): { readonly model: Model | undefined; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  try {
    const model = parseCsdl(text, { file: 'test.xml', onWarning: (problem) => problems.push(problem), ...options })
    return { model, problems }
  } catch (error) {
    if (!(error instanceof CsdlError)) throw error
    return { model: undefined, problems: error.problems }
  }
}

/** The model of a schema's content; fails on any problem. */
export function modelOf(content: string, options: Parameters<typeof csdlDocument>[1] = {}): Model {
  const { model, problems } = tryCsdl(csdlDocument(content, options))
  if (!model || problems.length > 0)
    throw new Error(problems.map(({ rule, message }) => `${rule}: ${message}`).join('\n'))
  return model
}
