import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModel } from '../../../../src/csdl/read-model.ts'
import { writeTypes } from '../../../../src/tools/types/write-types.ts'
import { shared } from '../../../support/shared.ts'

const root = resolve(import.meta.dirname, '../../../..')
const bigModel = shared('csdl/msgraph-v1.0.xml')

/** What the TypeScript compiler says of files in a folder where `odatum` is this source. */
function compile(folder: string): string {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { paths: { odatum: [join(root, 'src/index.ts')] }, noUnusedLocals: false },
    include: [join(folder, '*.ts')],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const result = spawnSync(process.execPath, [compiler, '-p', folder], { cwd: folder, encoding: 'utf8' })
  // faults elsewhere are for `npm run check` to tell
  return result.stdout
    .split('\n')
    .filter((line) => /^[^\s(]*\(\d/.test(line) && !line.includes('src/'))
    .join('\n')
}

describe('odatum types', () => {
  let folder: string
  beforeAll(() => {
    const cache = join(root, 'node_modules/.cache')
    mkdirSync(cache, { recursive: true })
    folder = mkdtempSync(join(cache, 'odatum-types-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    ['bookshop', 'examples/bookshop.xml'],
    ['kitchen-sink', 'test/models/kitchen-sink.xml'],
    ['graph', 'metadata/microsoft.graph.xml'],
  ])('of the model %s fit what test/types says of them', async (name, file) => {
    const place = join(folder, name)
    mkdirSync(place)
    writeFileSync(join(place, `${name}.ts`), writeTypes(await readModel(file), file))
    copyFileSync(join(root, `test/types/${name}.test-d.ts`), join(place, `${name}.test-d.ts`))
    expect(compile(place)).toBe('')
  })

  it('would tell a fault, if there was one', () => {
    const place = join(folder, 'fault')
    mkdirSync(place)
    writeFileSync(
      join(place, 'fault.ts'),
      "export const text: string = 5\n// @ts-expect-error: none\nexport const a = ''\n",
    )
    expect(compile(place)).toMatch(/TS2322.*\n.*TS2578/)
  })

  it.skipIf(!existsSync(bigModel))(
    'of all of Microsoft Graph compile (skipped where ../shared is not there)',
    async () => {
      const place = join(folder, 'big')
      mkdirSync(place)
      writeFileSync(join(place, 'big.ts'), writeTypes(await readModel(bigModel), 'msgraph-v1.0.xml'))
      expect(compile(place)).toBe('')
    },
  )
})
