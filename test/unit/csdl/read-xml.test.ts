import { describe, expect, it } from 'vitest'
import { CsdlError, parseCsdl, printProblem } from '../../../src/csdl/read-csdl.ts'
import { csdlDocument, modelOf, tryCsdl } from '../../support/csdl.ts'

describe('reading CSDL XML', () => {
  it('takes a byte order mark, a declaration, comments and processing instructions', () => {
    const text = `\uFEFF<?xml version="1.0" encoding="utf-8"?>\n<!-- a -->\n<?b c?>\n${csdlDocument('<ComplexType Name="A"/>')}`
    expect(tryCsdl(text)).toMatchObject({ problems: [] })
    expect(parseCsdl(text, { file: 'f' }).types.has('t.A')).toBe(true)
  })

  it('goes by namespaces, not by prefixes', () => {
    const text = `<x:Edmx Version="4.01" xmlns:x="http://docs.oasis-open.org/odata/ns/edmx" xmlns:e="http://docs.oasis-open.org/odata/ns/edm">
      <x:DataServices><e:Schema Namespace="t"><e:ComplexType Name="A"/></e:Schema></x:DataServices></x:Edmx>`
    expect(tryCsdl(text)).toMatchObject({ problems: [] })
    expect(parseCsdl(text, { file: 'f' }).types.has('t.A')).toBe(true)
  })

  it('passes over elements and attributes of other namespaces with all that is in them', () => {
    const model = modelOf(`<o:Other xmlns:o="urn:o"><ComplexType Name="B"/>text</o:Other>
      <ComplexType Name="A" o:a="b" xmlns:o="urn:o"><Property Name="P" Type="Edm.String"/></ComplexType>`)
    expect([...model.types.keys()]).toEqual(['t.A'])
  })

  it('knows the five entities of XML and character references, and no others', () => {
    const model = modelOf(
      '<ComplexType Name="A"><Property Name="P" Type="Edm.String" DefaultValue="&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;"/></ComplexType>',
    )
    const type = model.types.get('t.A')
    expect(type?.kind === 'complex' && type.properties[0]?.defaultValue).toBe('<>&"\'A\u{1F600}')
    const { problems } = tryCsdl(csdlDocument('<ComplexType Name="&other;"/>'))
    expect(problems).toMatchObject([{ rule: 'xml-well-formed', line: 5 }])
  })

  it('never expands entities of a document type', () => {
    const text = `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${csdlDocument('<ComplexType Name="&x;"/>')}`
    expect(tryCsdl(text).problems).toMatchObject([{ rule: 'no-doctype', severity: 'error' }])
  })

  it('tells documents of OData 3 from other XML', () => {
    const old = '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"/>'
    expect(tryCsdl(old).problems[0]?.message).toContain('OData 3.0 or earlier')
    expect(tryCsdl('<html/>').problems[0]?.message).toContain("not 'html'")
  })

  it('gives line and column of the element', () => {
    const { problems } = tryCsdl(
      csdlDocument('  <ComplexType Name="A">\r\n\t<Property\n Name="P" Type="self.X"/>\n</ComplexType>'),
    )
    expect(problems.map(printProblem)).toEqual([
      "test.xml:6:2: type-resolved: 'self.X' is not the name of a type in scope.",
    ])
  })

  it('reports all problems at once, the nearest name with them', () => {
    const { model, problems } = tryCsdl(
      csdlDocument(`<ComplexType Name="Address"/>
<ComplexType Name="A"><Property Name="P" Type="self.Adress"/><Property Name="Q" Type="Edm.Strin"/></ComplexType>
<EnumType Name="1"><Member Name="m" Value="x"/></EnumType>`),
    )
    expect(model).toBeUndefined()
    expect(problems.map(({ rule, line }) => `${line} ${rule}`)).toEqual([
      '6 type-resolved',
      '6 type-resolved',
      '7 schema-child-name-form',
      '7 attribute-value',
    ])
    expect(problems[0]?.message).toContain("Is 't.Address' meant?")
  })

  it('throws an error whose message lists the errors', () => {
    try {
      parseCsdl(csdlDocument('<ComplexType Name="1"/>\n<ComplexType Name="2"/>'), { file: 'a.xml' })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(CsdlError)
      expect((error as Error).message.split('\n')).toEqual([
        "a.xml:5:1: schema-child-name-form: '1' must be a simple identifier.",
        "a.xml:6:1: schema-child-name-form: '2' must be a simple identifier.",
      ])
    }
  })

  it('stops at text that is no XML', () => {
    for (const text of ['', ' ', '<a', '<a></b>', 'text', '<a b="1" b="2"/>', `${csdlDocument('')}<more/>`]) {
      const { model, problems } = tryCsdl(text)
      expect(model, text).toBeUndefined()
      expect(problems.length, text).toBeGreaterThan(0)
    }
  })

  it('joins text and CDATA, and keeps the white space of strings', () => {
    const model = modelOf(`<Term Name="T" Type="Edm.String"/>
      <Annotation Term="self.T"><String> a&amp;<![CDATA[<b>]]> </String></Annotation>`)
    expect(model.schemas[0]?.annotations[0]?.value).toEqual({ kind: 'string', value: ' a&<b> ' })
  })
})
