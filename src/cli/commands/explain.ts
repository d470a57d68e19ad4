import type { Command } from 'commander'
import { examples, type Host, outputOption, runs } from '../command.ts'
import type { ExplainOptions } from '../options.ts'

export function addExplain(program: Command, host: Host): void {
  const command = program
    .command('explain')
    .summary('why a request goes where it goes')
    .description(
      'Explains the decision about a request: listener, host, every route that was tried and why it failed, the route that is ' +
        'taken with the object it comes from, what its policies do, and where the request goes and why. Nothing is sent, except with --live.',
    )
    .argument('<url>', 'http://HOST/PATH, HOST/PATH, or /PATH with -H "Host: …"')
    .option('-X, --request <method>', 'method of the request', 'GET')
    .option('-H, --header <header>', 'a header, "Name: value"; may be repeated', collect, [])
    .option('--listener <id>', 'listener at which it comes in (default: the one that fits)')
    .option('--from <ip>', 'address that it comes from (default: 127.0.0.1)')
    .option('--admin <url>', 'ask the admin port of a "sluice proxy -f"')
    .option('-f, --filename <file>', 'ask a routing file, YAML or JSON; nothing needs to run')
    .option('--live', 'also send the request, and print what the proxy did with it')
    .addOption(outputOption(['json', 'yaml']))
  runs<ExplainOptions>(command, host, async () => (await import('../actions/explain.ts')).explainRequest)
  examples(command, [
    ['sluice explain http://echo.example.com/api', 'Where does this request go, and why?'],
    ['sluice explain -X POST -H "stage: canary" echo.example.com/orders', 'With another method and a header'],
    ['sluice explain --live echo.example.com/', 'Send it, and see which endpoint answered'],
    ['sluice explain --admin http://127.0.0.1:15000 echo.example.com/', 'Ask a proxy that runs alone'],
    ['sluice explain -f routing.yaml echo.example.com/ -o json', 'Ask a file, for a program'],
  ])
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
