
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'connect' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'connect'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'connect' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Open a resource and hold it until Ctrl-C')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a command with the resource''s variables set; its exit status is ours')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a command as one run of a job, and attest what its outputs were made from')
            [CompletionResult]::new('shell', 'shell', [CompletionResultType]::ParameterValue, 'Start the engine''s own client on a resource')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Say what would become of a statement, and execute nothing')
            [CompletionResult]::new('request', 'request', [CompletionResultType]::ParameterValue, 'Ask for access to a resource that somebody must approve')
            [CompletionResult]::new('requests', 'requests', [CompletionResultType]::ParameterValue, 'List requests: your own, and those that you may decide')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Approve a request')
            [CompletionResult]::new('reject', 'reject', [CompletionResultType]::ParameterValue, 'Reject a request, or take back your own')
            [CompletionResult]::new('env', 'env', [CompletionResultType]::ParameterValue, 'Print the variables of an open session, for eval')
            [CompletionResult]::new('url', 'url', [CompletionResultType]::ParameterValue, 'Print the URL of an open session, or its profile for a graphical client')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List what you may open')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show what is open, and who is signed in')
            [CompletionResult]::new('close', 'close', [CompletionResultType]::ParameterValue, 'End a session')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until a session is ready')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Sign in through the browser')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Forget the sign-in')
            [CompletionResult]::new('whoami', 'whoami', [CompletionResultType]::ParameterValue, 'Say who is signed in')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'End sessions at the agent, at once: one, all of your own, or everything of somebody')
            [CompletionResult]::new('agents', 'agents', [CompletionResultType]::ParameterValue, 'The agents that are known here')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'Show my own statements and how they ended')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'Check proofs of what was done, and search it')
            [CompletionResult]::new('lineage', 'lineage', [CompletionResultType]::ParameterValue, 'Say where values came from, where they went, and who saw them')
            [CompletionResult]::new('attest', 'attest', [CompletionResultType]::ParameterValue, 'Check what a file was made from')
            [CompletionResult]::new('mcp', 'mcp', [CompletionResultType]::ParameterValue, 'The door for AI agents: they read, as their own actor on your behalf')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look for what is in the way, and say what would help')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Settings and where they come from')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Show everything on this machine, with a database of its own')
            break
        }
        'connect;open' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Local port: a number, or auto for any free one [default: the one that was used before]')
            [CompletionResult]::new('--socket', '--socket', [CompletionResultType]::ParameterName, 'Listen on a Unix socket instead: a file, or a folder to put it in')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'For how long, where somebody must approve: 30m, 2h, 1d')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Ask for reading only')
            [CompletionResult]::new('--no-wait', '--no-wait', [CompletionResultType]::ParameterName, 'Fail at once where somebody must approve first')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Go to the background once it is ready')
            [CompletionResult]::new('--detached', '--detached', [CompletionResultType]::ParameterName, 'We are the one in the background')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;exec' {
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Name of the AI agent that acts for you; it gets no more than AI agents may have')
            [CompletionResult]::new('--as-agent', '--as-agent', [CompletionResultType]::ParameterName, 'Name of the AI agent that acts for you; it gets no more than AI agents may have')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--task', '--task', [CompletionResultType]::ParameterName, 'What the AI agent works on: an id that stands in every record')
            [CompletionResult]::new('--parent', '--parent', [CompletionResultType]::ParameterName, 'Take a part of this session''s grant [default: CONNECT_PARENT, which the command of an AI agent''s exec has]')
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'Only these tables: SCHEMA.TABLE or SCHEMA.*')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'For at most so long: 30s, 10m')
            [CompletionResult]::new('--statements', '--statements', [CompletionResultType]::ParameterName, 'At most so many statements')
            [CompletionResult]::new('--rows', '--rows', [CompletionResultType]::ParameterName, 'At most so many rows')
            [CompletionResult]::new('--cells', '--cells', [CompletionResultType]::ParameterName, 'At most so many cells: rows times columns')
            [CompletionResult]::new('--bytes', '--bytes', [CompletionResultType]::ParameterName, 'At most so many bytes')
            [CompletionResult]::new('--persons', '--persons', [CompletionResultType]::ParameterName, 'Rows of at most so many different persons')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Ask for reading only')
            [CompletionResult]::new('--no-wait', '--no-wait', [CompletionResultType]::ParameterName, 'Fail at once where somebody must approve first')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;run' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Name of the job that this is a run of')
            [CompletionResult]::new('--input', '--input', [CompletionResultType]::ParameterName, 'A file or folder that the run reads; its hash is attested')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'A file or folder that the run writes; FILE.intoto.jsonl says what it was made from. After `run`, --output means the same')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Name of the AI agent that acts for you; it gets no more than AI agents may have')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Ask for reading only')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Begin a run that stays open in the background, and print its variables for eval')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'End it: hash its outputs and attest what they were made from')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List the runs that were started here and not stopped')
            break
        }
        'connect;run;start' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Name of the job that this is a run of')
            [CompletionResult]::new('--input', '--input', [CompletionResultType]::ParameterName, 'A file or folder that the run reads; its hash is attested')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'A file or folder that the run writes; FILE.intoto.jsonl says what it was made from. After `run`, --output means the same')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Name of the AI agent that acts for you; it gets no more than AI agents may have')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--shell', '--shell', [CompletionResultType]::ParameterName, 'The shell that reads the variables')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Ask for reading only')
            [CompletionResult]::new('--detached', '--detached', [CompletionResultType]::ParameterName, 'We are the one in the background')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;run;stop' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--failed', '--failed', [CompletionResultType]::ParameterName, 'It failed: nothing is attested, and the log says so')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;run;ls' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;shell' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Ask for reading only')
            [CompletionResult]::new('--no-wait', '--no-wait', [CompletionResultType]::ParameterName, 'Fail at once where somebody must approve first')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;explain' {
            [CompletionResult]::new('--search-path', '--search-path', [CompletionResultType]::ParameterName, 'Schemas in which names are looked for, in order [default: those of a new connection]')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'As if this AI agent acted for you')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'As if this was why; it stands in the record of the question, too')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'As if this was why; it stands in the record of the question, too')
            [CompletionResult]::new('--task', '--task', [CompletionResultType]::ParameterName, 'As if the AI agent worked on this task')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'As if only reading was asked for')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;request' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever decides')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for whoever decides')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'For how long: 30m, 2h, 1d [default: as long as the agent gives]')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Name of the AI agent that would act for you')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Ask for reading only')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait until somebody has decided')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;requests' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;approve' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask whether it is meant')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;reject' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever asked')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;env' {
            [CompletionResult]::new('--shell', '--shell', [CompletionResultType]::ParameterName, 'The shell that reads them')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;url' {
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'What this client imports or opens, instead of the URL')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;ls' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;status' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;close' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'End every session')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;wait' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up after so many seconds')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;login' {
            [CompletionResult]::new('--acr', '--acr', [CompletionResultType]::ParameterName, 'Sign in anew by this class of sign-in, as a resource demands it')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Where to keep the sign-in')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--no-browser', '--no-browser', [CompletionResultType]::ParameterName, 'Print the address to standard output and open nothing')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Sign in on another device, with a code')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;logout' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;whoami' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;revoke' {
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'For how long a principal is kept out: 30m, 8h, 7d [default: 1h]')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record and for those whose sessions end')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--mine', '--mine', [CompletionResultType]::ParameterName, 'All sessions of your own')
            [CompletionResult]::new('--lift', '--lift', [CompletionResultType]::ParameterName, 'Let a principal in again whom an operator or a canary keeps out')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;agents' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Add an agent, and fix the certificate that it must show')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List them')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Forget one')
            break
        }
        'connect;agents;add' {
            [CompletionResult]::new('--fingerprint', '--fingerprint', [CompletionResultType]::ParameterName, 'The fingerprint that its operator gave you: sha256:…')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'The certificate authority that signs its certificate (PEM)')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'How to call it here [default: what it calls itself]')
            [CompletionResult]::new('--identity', '--identity', [CompletionResultType]::ParameterName, 'The identity provider that signs you in, where the agent has several [default: its own]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;agents;ls' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;agents;rm' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;history' {
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'Of this resource')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Of this AI agent')
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'That read, wrote or would have touched this table: SCHEMA.NAME or NAME')
            [CompletionResult]::new('--column', '--column', [CompletionResultType]::ParameterName, 'That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'That asked for a column of this label, or of its class: pii.email, pii')
            [CompletionResult]::new('--decision', '--decision', [CompletionResultType]::ParameterName, 'That were decided so')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Before then')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'Whose normalised statement has this in it')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Of this kind: intent, denial, grant_issued, session_opened …')
            [CompletionResult]::new('--statement', '--statement', [CompletionResultType]::ParameterName, 'Of this statement: st_…')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'Of this session: ss_…')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Of this run')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'As events of OCSF 1.8, one JSON object a line for each entry')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;audit' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check a log, a receipt, or one against the other; works offline')
            [CompletionResult]::new('receipt', 'receipt', [CompletionResultType]::ParameterValue, 'Fetch the receipt of a statement of yours')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Search everybody''s entries; for auditors')
            [CompletionResult]::new('tail', 'tail', [CompletionResultType]::ParameterValue, 'Follow everybody''s entries as they are written; for auditors')
            [CompletionResult]::new('reconcile', 'reconcile', [CompletionResultType]::ParameterValue, 'Find what went on at a database without the agent; for auditors')
            break
        }
        'connect;audit;verify' {
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'The log: a folder, or an agent''s URL [default: the known agent''s, if no receipt is given]')
            [CompletionResult]::new('--receipt', '--receipt', [CompletionResultType]::ParameterName, 'A receipt; with a log it must be in that log')
            [CompletionResult]::new('--checkpoint', '--checkpoint', [CompletionResultType]::ParameterName, 'A checkpoint that was seen before; the log must contain it')
            [CompletionResult]::new('--range', '--range', [CompletionResultType]::ParameterName, 'Only the entries from the first to before the second index')
            [CompletionResult]::new('--witness', '--witness', [CompletionResultType]::ParameterName, 'The key of a witness: NAME+HASH+BASE64; it must have cosigned the log')
            [CompletionResult]::new('--require', '--require', [CompletionResultType]::ParameterName, 'So many of the witnesses must have cosigned [default: all that are given]')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The log''s verifier key: NAME+HASH+BASE64 [default: the known agent''s]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;audit;receipt' {
            [CompletionResult]::new('--index', '--index', [CompletionResultType]::ParameterName, 'The entry at this index, of yours or for auditors')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write it to this file [default: standard output]')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--last', '--last', [CompletionResultType]::ParameterName, 'Your last statement')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;audit;search' {
            [CompletionResult]::new('--principal', '--principal', [CompletionResultType]::ParameterName, 'Of this principal: its name or its stable id')
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'Of this resource')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Of this AI agent')
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'That read, wrote or would have touched this table: SCHEMA.NAME or NAME')
            [CompletionResult]::new('--column', '--column', [CompletionResultType]::ParameterName, 'That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'That asked for a column of this label, or of its class: pii.email, pii')
            [CompletionResult]::new('--decision', '--decision', [CompletionResultType]::ParameterName, 'That were decided so')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Before then')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'Whose normalised statement has this in it')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Of this kind: intent, denial, grant_issued, session_opened …')
            [CompletionResult]::new('--statement', '--statement', [CompletionResultType]::ParameterName, 'Of this statement: st_…')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'Of this session: ss_…')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Of this run')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'As events of OCSF 1.8, one JSON object a line for each entry')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many, the newest first')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'Only entries before this index: the next page')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;audit;tail' {
            [CompletionResult]::new('--principal', '--principal', [CompletionResultType]::ParameterName, 'Of this principal: its name or its stable id')
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'Of this resource')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Of this AI agent')
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'That read, wrote or would have touched this table: SCHEMA.NAME or NAME')
            [CompletionResult]::new('--column', '--column', [CompletionResultType]::ParameterName, 'That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'That asked for a column of this label, or of its class: pii.email, pii')
            [CompletionResult]::new('--decision', '--decision', [CompletionResultType]::ParameterName, 'That were decided so')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Before then')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'Whose normalised statement has this in it')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Of this kind: intent, denial, grant_issued, session_opened …')
            [CompletionResult]::new('--statement', '--statement', [CompletionResultType]::ParameterName, 'Of this statement: st_…')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'Of this session: ss_…')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Of this run')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'As events of OCSF 1.8, one JSON object a line for each entry')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Begin with so many that are there')
            [CompletionResult]::new('--lines', '--lines', [CompletionResultType]::ParameterName, 'Begin with so many that are there')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;audit;reconcile' {
            [CompletionResult]::new('--server-log', '--server-log', [CompletionResultType]::ParameterName, 'A log that the server wrote (csvlog or jsonlog): sessions that are over are found in it, too')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;lineage' {
            [CompletionResult]::new('--depth', '--depth', [CompletionResultType]::ParameterName, 'So far, in steps')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'What was read and written from then on: 2h, 90d, 2026-11-25, 2026-11-25T10:00:00Z')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Before then')
            [CompletionResult]::new('--during', '--during', [CompletionResultType]::ParameterName, 'Within that time: last-quarter, 2026-Q3, 2026-07, 2026, yesterday')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'What WHAT is, if several things are called so')
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'On this resource')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why; it stands in the record of the question')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why; it stands in the record of the question')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'As a document for other programs')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent, where several are known')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--up', '--up', [CompletionResultType]::ParameterName, 'Where it came from [default for runs, jobs, files and principals]')
            [CompletionResult]::new('--upstream', '--upstream', [CompletionResultType]::ParameterName, 'Where it came from [default for runs, jobs, files and principals]')
            [CompletionResult]::new('--down', '--down', [CompletionResultType]::ParameterName, 'Where it went, and who saw it [default for columns and tables]')
            [CompletionResult]::new('--downstream', '--downstream', [CompletionResultType]::ParameterName, 'Where it went, and who saw it [default for columns and tables]')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'By everybody''s statements, not only mine; for auditors')
            [CompletionResult]::new('--before-label', '--before-label', [CompletionResultType]::ParameterName, 'Only what was done with the columns before they had a label')
            [CompletionResult]::new('--unlabelled', '--unlabelled', [CompletionResultType]::ParameterName, 'Only what was done with the columns before they had a label')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;attest' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check a file against its attestation, and say what it was made from; works offline')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Check a file against its attestation, and say what it was made from; works offline')
            break
        }
        'connect;attest;verify' {
            [CompletionResult]::new('--attestation', '--attestation', [CompletionResultType]::ParameterName, 'Its attestation [default: FILE.intoto.jsonl, or that of a folder around it]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'The agent''s log in a folder; it must hold the run')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The verifier key of the agent''s log: NAME+HASH+BASE64 [default: the known agent''s]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;attest;show' {
            [CompletionResult]::new('--attestation', '--attestation', [CompletionResultType]::ParameterName, 'Its attestation [default: FILE.intoto.jsonl, or that of a folder around it]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'The agent''s log in a folder; it must hold the run')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The verifier key of the agent''s log: NAME+HASH+BASE64 [default: the known agent''s]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;mcp' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Serve the Model Context Protocol on standard input and output')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print what to add to the settings of an AI agent''s program')
            break
        }
        'connect;mcp;serve' {
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'Offer only these resources [default: all that you may open]')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--task', '--task', [CompletionResultType]::ParameterName, 'What it is started for: an id that stands in every record, before what a call names as its own task')
            [CompletionResult]::new('--parent', '--parent', [CompletionResultType]::ParameterName, 'Serve a sub-agent, with a part of this session''s grant [default: CONNECT_PARENT]')
            [CompletionResult]::new('--http', '--http', [CompletionResultType]::ParameterName, 'Serve HTTP on this port of the loopback, to whoever has the token; 0 takes a free one')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;mcp;config' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;doctor' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;config' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Every setting, its value and its origin')
            break
        }
        'connect;config;list' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;completions' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'connect;demo' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How data is written to standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--script', '--script', [CompletionResultType]::ParameterName, 'A guided tour without a browser or a terminal')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything; fail instead, and say which option would have answered')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
