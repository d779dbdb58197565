import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { commands, helpText, usageOf } from '../../../src/cli/commands.ts'
import { describeFlags } from '../../../src/cli/flags.ts'

const file = 'docs/cli.md'
const text = readFileSync(file, 'utf8')

/** The generated head of a command's section: its usage and its flags. */
function headOf(name: string): string {
  const command = commands[name]!
  const rows = Object.entries(command.flags).map(([flag, { argument, help, multiple, explicit }]) => {
    const variable = explicit ? '' : `\`ODATUM_${flag.toUpperCase().replaceAll('-', '_')}\``
    const shown = `\`--${flag}${argument === undefined ? '' : ` ${argument}`}\``
    return `| ${shown.replaceAll('|', '\\|')} | ${variable} | ${help.replaceAll('|', '\\|')}${multiple && !help.includes('repeatable') ? ' (repeatable)' : ''} |`
  })
  const table = rows.length === 0 ? '' : `\n| flag | environment | |\n|---|---|---|\n${rows.join('\n')}\n`
  return `## odatum ${name}\n\n${command.summary}\n\n\`\`\`sh\n${usageOf(name, command)}\n\`\`\`\n${table}`
}

describe('docs/cli.md', () => {
  it.each(Object.keys(commands))(
    'has usage and flags of odatum %s as the code has them (ODATUM_WRITE_DOCS=1 writes them)',
    (name) => {
      if (process.env.ODATUM_WRITE_DOCS === '1') writeSection(name)
      expect(readFileSync(file, 'utf8')).toContain(headOf(name))
    },
  )

  it('describes no command that is not there', () => {
    const described = [...text.matchAll(/^## odatum (\S+)$/gm)].map(([, name]) => name)
    expect(described).toEqual(Object.keys(commands))
  })
})

describe('the help text', () => {
  it('names every command and every flag', () => {
    const help = helpText('1.2.3')
    for (const [name, command] of Object.entries(commands)) {
      expect(help).toContain(usageOf(name, command))
      expect(help).toContain(describeFlags(command.flags))
    }
  })
})

/** Puts the generated head in the place of the old one, or at the end of the page. */
function writeSection(name: string): void {
  const old = readFileSync(file, 'utf8')
  const head = headOf(name)
  const section = new RegExp(
    `^## odatum ${name}\\n(?:(?!^## )[^\\n]*\\n)*?\`\`\`\\n(?:\\n\\|[^\\n]*\\n(?:\\|[^\\n]*\\n)*)?`,
    'm',
  )
  writeFileSync(file, section.test(old) ? old.replace(section, () => head) : `${old.trimEnd()}\n\n${head}`)
}
