import { Argument, type Command } from 'commander'
import { examples, type Host, runs } from '../command.ts'

export function addCompletion(program: Command, host: Host): void {
  const command = program
    .command('completion')
    .summary('completion for your shell')
    .description('Prints a script that teaches your shell to complete commands, options, types and names.')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
  runs<object>(command, host, async () => (await import('../actions/completion.ts')).printCompletion)
  examples(command, [
    ['source <(sluice completion bash)', 'This shell, bash'],
    ['sluice completion zsh > "${fpath[1]}/_sluice"', 'Every shell, zsh'],
    ['sluice completion fish > ~/.config/fish/completions/sluice.fish', 'Every shell, fish'],
  ])
  // The scripts ask this for candidates: the words of the line so far, the last one being completed.
  const complete = program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
  runs<object>(complete, host, async () => {
    const { complete: run } = await import('../actions/complete.ts')
    return (call) => run(call, program)
  })
}
