import { beforeAll, expect, it } from 'vitest'
import { payload } from '../support/payloads.ts'
import { graphModel, graphSettings, onEveryService, rawRequest } from '../support/running-service.ts'

const set = '/onPremEncryptedPayloads'
interface Page {
  readonly '@odata.context': string
  readonly '@odata.count'?: number
  readonly '@odata.nextLink'?: string
  readonly value: readonly Record<string, unknown>[]
}

onEveryService('the query options', graphModel, { ...graphSettings, limits: { pageSize: 7 } }, (running) => {
  // 20 rows: thumbprints t00 to t19, status i % 4, one tick of 100 ns apart and in zones that sort otherwise as text
  beforeAll(async () => {
    for (let i = 0; i < 20; i++) {
      const createdTime = `2017-01-01T${i % 2 === 0 ? '08' : '10'}:00:00.${String(i).padStart(7, '0')}${i % 2 === 0 ? '-02:00' : 'Z'}`
      const body = payload({
        deviceKeyThumbprint: `t${String(i).padStart(2, '0')}`,
        status: i % 4,
        payloadVersion: i,
        createdTime,
        plistTemplate: i % 5 === 0 ? "it's a 100% match" : 'plain',
        isDeleted: i < 10,
      })
      expect((await running().send('POST', set, body)).status).toBe(201)
    }
  })

  const list = async (query: string, headers: Record<string, string> = {}): Promise<Page> => {
    const answer = await running().get(`${set}?${query}`, headers)
    const body = await answer.text()
    expect(answer.status, body).toBe(200)
    return JSON.parse(body) as Page
  }
  const names = async (query: string): Promise<string> => {
    const page = await list(`${query}&$top=20&$select=deviceKeyThumbprint`, { Prefer: 'maxpagesize=50' })
    return page.value.map((row) => String(row.deviceKeyThumbprint).slice(1)).join(' ')
  }
  const filter = (text: string): Promise<string> => names(`$filter=${encodeURIComponent(text)}&$orderby=payloadVersion`)

  it.each([
    ['status eq 3', '03 07 11 15 19'],
    ['status ne 3 and payloadVersion lt 6', '00 01 02 04 05'],
    ['payloadVersion ge 18 or payloadVersion le 1', '00 01 18 19'],
    ['not (payloadVersion gt 2)', '00 01 02'],
    ['payloadVersion in (3,5,99)', '03 05'],
    ["deviceKeyThumbprint in ('t01','t19')", '01 19'],
    ['status eq null', ''],
    ['status ne null and payloadVersion eq 4', '04'],
    ["contains(plistTemplate,'100% match') and isDeleted", '00 05'],
    ["contains(plistTemplate,'it''s')", '00 05 10 15'],
    [
      "startswith(deviceKeyThumbprint,'t1') and not endswith(deviceKeyThumbprint,'9') and payloadVersion gt 15",
      '16 17 18',
    ],
    ['isDeleted eq false and status eq 1', '13 17'],
    ['tenantId eq f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9 and payloadVersion eq 1', '01'],
    ['createdTime eq 2017-01-01T10:00:00.0000003Z', '03'],
    ['createdTime lt 2017-01-01T10:00:00.0000003Z', '00 01 02'],
    ['createdTime gt 2017-01-01T10:00:00.0000017Z', '18 19'],
    ['payloadVersion eq 3000000000', ''],
    ['payloadVersion lt 1.5', '00 01'],
    ["plistTemplate eq 'plain' and payloadVersion lt 3", '01 02'],
  ])('$filter=%s', async (text, expected) => {
    expect(await filter(text)).toBe(expected)
  })

  it('filters and orders by what $compute defines', async () => {
    const compute = encodeURIComponent('payloadVersion mod 3 as rest,length(plistTemplate) as size')
    const by = (filter: string, orderby: string) =>
      names(`$compute=${compute}&$filter=${encodeURIComponent(filter)}&$orderby=${encodeURIComponent(orderby)}`)
    expect(await by('rest eq 0 and size gt 5', 'payloadVersion')).toBe('00 15')
    expect(await by('payloadVersion lt 6', 'rest desc,payloadVersion')).toBe('02 05 01 04 00 03')
  })

  it('orders by instants to the last digit, by several items, in both directions', async () => {
    expect(await names('$orderby=createdTime')).toBe(
      Array.from({ length: 20 }, (_, i) => String(i).padStart(2, '0')).join(' '),
    )
    expect((await names('$orderby=createdTime desc')).startsWith('19 18 17')).toBe(true)
    expect(await names('$orderby=status desc,payloadVersion asc&$filter=payloadVersion lt 8')).toBe(
      '03 07 02 06 01 05 00 04',
    )
  })

  it('selects, tops, skips and counts', async () => {
    const page = await list('$select=status,payloadVersion&$orderby=payloadVersion&$top=2&$skip=3&$count=true')
    expect(page['@odata.count']).toBe(20)
    expect(page['@odata.context']).toBe(`${running().root}/$metadata#onPremEncryptedPayloads(status,payloadVersion)`)
    expect(page.value.map(({ payloadVersion }) => payloadVersion)).toEqual([3, 4])
    expect(Object.keys(page.value[0] ?? {}).filter((name) => !name.startsWith('@'))).toEqual([
      'payloadVersion',
      'status',
    ])
    expect((await list('$top=0&$count=true')).value).toEqual([])
    expect((await list('$filter=status eq 9&$count=true'))['@odata.count']).toBe(0)
    expect(await (await running().get(`${set}/$count?$filter=status eq 1`)).text()).toBe('5')
  })

  it.each([
    '',
    '$orderby=createdTime desc',
    '$orderby=status',
    '$orderby=status desc,isDeleted',
    '$filter=payloadVersion gt 2&$orderby=status',
    '$top=16',
    '$skip=3',
    '$skip=2&$top=15&$orderby=isDeleted',
  ])('walks all pages of ?%s and meets each row once', async (query) => {
    const expected = (await list(`${query}&$select=payloadVersion`, { Prefer: 'odata.maxpagesize=100' })).value.map(
      ({ payloadVersion }) => payloadVersion,
    )
    const met: unknown[] = []
    let url: string | undefined = `${running().root}${set}?${query}&$select=payloadVersion`
    let pages = 0
    while (url !== undefined) {
      const page = (await (await fetch(url)).json()) as Page
      expect(page.value.length).toBeLessThanOrEqual(7)
      met.push(...page.value.map(({ payloadVersion }) => payloadVersion))
      url = page['@odata.nextLink']
      pages++
    }
    expect(met).toEqual(expected)
    expect(pages).toBe(Math.ceil(expected.length / 7))
  })

  it('refuses a $skiptoken that is forged, cut or of another question', async () => {
    const link = new URL(String((await list('$orderby=status'))['@odata.nextLink']))
    const token = link.searchParams.get('$skiptoken') ?? ''
    expect((await running().get(`${set}?$orderby=status&$skiptoken=${token}`)).status).toBe(200)
    for (const query of [
      `$orderby=status&$skiptoken=${token.slice(0, -4)}`,
      `$orderby=status desc&$skiptoken=${token}`,
      `$orderby=status&$filter=status eq 1&$skiptoken=${token}`,
      `$orderby=status&$skiptoken=${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`,
      `$orderby=status&$skiptoken=nonsense`,
      `$orderby=status&$skiptoken=`,
    ])
      expect((await running().get(`${set}?${query}`)).status, query).toBe(400)
  })

  it('keeps to the page size it applied', async () => {
    const answer = await running().get(`${set}?$select=id`, { Prefer: 'maxpagesize=3' })
    expect(answer.headers.get('Preference-Applied')).toBe('odata.maxpagesize=3')
    expect(answer.headers.get('Vary')).toContain('Prefer')
    expect(((await answer.json()) as Page).value).toHaveLength(3)
    expect((await list('$select=id', { Prefer: 'maxpagesize=0' })).value).toHaveLength(7)
  })

  it.each([
    ['$filter=nonsense eq 1', '$filter', 'nonsense'],
    ['$filter=status eq', '$filter', ''],
    ["$filter=status eq 'x'", '$filter', 'Edm.Int32'],
    ['$filter=status', '$filter', ''],
    ['$filter=frobnicate(status)', '$filter', 'frobnicate'],
    ['$orderby=nonsense', '$orderby', 'nonsense'],
    ['$select=nonsense', '$select', 'nonsense'],
    ['$top=-1', '$top', ''],
    ['$top=x', '$top', ''],
    ['$top=', '$top', ''],
    ['$filtre=status eq 1', '$filtre', '$filter'],
    ['$top=1&$top=2', '$top', ''],
    ['$filter=', '$filter', ''],
  ])('refuses ?%s and names the option', async (query, target, words) => {
    const answer = await running().get(`${set}?${query}`)
    expect(answer.status).toBe(400)
    const { error } = (await answer.json()) as { error: { target?: string; message: string } }
    expect(error.target).toBe(target)
    expect(error.message).toContain(words)
  })

  it('refuses options that mean nothing on the resource', async () => {
    const id = (await list('$top=1')).value[0]?.id
    for (const query of ['$filter=status eq 1', '$top=1', '$orderby=status', '$count=true', '$skiptoken=x']) {
      const answer = await running().get(`${set}/${id}?${query}`)
      expect(answer.status, query).toBe(400)
    }
    expect((await running().get(`${set}/$count?$top=1`)).status).toBe(400)
  })

  it('answers malformed URLs with 400 or 404', async () => {
    for (const path of [
      `${set}?$filter=%`,
      `${set}?$filter=%ff`,
      `${set}('`,
      `${set}('a`,
      `${set}(%00`,
      `${set}(id=)`,
      '/%',
      `${set}//`,
      '/$nonsense',
      '/nonsense',
      `${set}(1)`,
    ]) {
      const { status } = await rawRequest(running().root, path)
      expect([400, 404], path).toContain(status)
    }
  })
})
