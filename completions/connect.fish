# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_connect_global_optspecs
    string join \n o/output= json color= no-input h/help V/version
end

function __fish_connect_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_connect_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_connect_using_subcommand
    set -l cmd (__fish_connect_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c connect -n "__fish_connect_needs_command" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_needs_command" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_needs_command" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_needs_command" -s V -l version -d 'Print version'
complete -c connect -n "__fish_connect_needs_command" -f -a "open" -d 'Open a resource and hold it until Ctrl-C'
complete -c connect -n "__fish_connect_needs_command" -f -a "exec" -d 'Run a command with the resource\'s variables set; its exit status is ours'
complete -c connect -n "__fish_connect_needs_command" -f -a "run" -d 'Run a command as one run of a job, and attest what its outputs were made from'
complete -c connect -n "__fish_connect_needs_command" -f -a "shell" -d 'Start the engine\'s own client on a resource'
complete -c connect -n "__fish_connect_needs_command" -f -a "explain" -d 'Say what would become of a statement, and execute nothing'
complete -c connect -n "__fish_connect_needs_command" -f -a "request" -d 'Ask for access to a resource that somebody must approve'
complete -c connect -n "__fish_connect_needs_command" -f -a "requests" -d 'List requests: your own, and those that you may decide'
complete -c connect -n "__fish_connect_needs_command" -f -a "approve" -d 'Approve a request'
complete -c connect -n "__fish_connect_needs_command" -f -a "reject" -d 'Reject a request, or take back your own'
complete -c connect -n "__fish_connect_needs_command" -f -a "env" -d 'Print the variables of an open session, for eval'
complete -c connect -n "__fish_connect_needs_command" -f -a "url" -d 'Print the URL of an open session, or its profile for a graphical client'
complete -c connect -n "__fish_connect_needs_command" -f -a "ls" -d 'List what you may open'
complete -c connect -n "__fish_connect_needs_command" -f -a "status" -d 'Show what is open, and who is signed in'
complete -c connect -n "__fish_connect_needs_command" -f -a "close" -d 'End a session'
complete -c connect -n "__fish_connect_needs_command" -f -a "wait" -d 'Wait until a session is ready'
complete -c connect -n "__fish_connect_needs_command" -f -a "login" -d 'Sign in through the browser'
complete -c connect -n "__fish_connect_needs_command" -f -a "logout" -d 'Forget the sign-in'
complete -c connect -n "__fish_connect_needs_command" -f -a "whoami" -d 'Say who is signed in'
complete -c connect -n "__fish_connect_needs_command" -f -a "revoke" -d 'End sessions at the agent, at once: one, all of your own, or everything of somebody'
complete -c connect -n "__fish_connect_needs_command" -f -a "agents" -d 'The agents that are known here'
complete -c connect -n "__fish_connect_needs_command" -f -a "history" -d 'Show my own statements and how they ended'
complete -c connect -n "__fish_connect_needs_command" -f -a "audit" -d 'Check proofs of what was done, and search it'
complete -c connect -n "__fish_connect_needs_command" -f -a "lineage" -d 'Say where values came from, where they went, and who saw them'
complete -c connect -n "__fish_connect_needs_command" -f -a "attest" -d 'Check what a file was made from'
complete -c connect -n "__fish_connect_needs_command" -f -a "mcp" -d 'The door for AI agents: they read, as their own actor on your behalf'
complete -c connect -n "__fish_connect_needs_command" -f -a "doctor" -d 'Look for what is in the way, and say what would help'
complete -c connect -n "__fish_connect_needs_command" -f -a "config" -d 'Settings and where they come from'
complete -c connect -n "__fish_connect_needs_command" -f -a "completions" -d 'Print a completion script'
complete -c connect -n "__fish_connect_needs_command" -f -a "demo" -d 'Show everything on this machine, with a database of its own'
complete -c connect -n "__fish_connect_using_subcommand open" -l port -d 'Local port: a number, or auto for any free one [default: the one that was used before]' -r
complete -c connect -n "__fish_connect_using_subcommand open" -l socket -d 'Listen on a Unix socket instead: a file, or a folder to put it in' -r -F
complete -c connect -n "__fish_connect_using_subcommand open" -l reason -l purpose -d 'Why, for the record' -r
complete -c connect -n "__fish_connect_using_subcommand open" -l for -d 'For how long, where somebody must approve: 30m, 2h, 1d' -r
complete -c connect -n "__fish_connect_using_subcommand open" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand open" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand open" -l read-only -d 'Ask for reading only'
complete -c connect -n "__fish_connect_using_subcommand open" -l no-wait -d 'Fail at once where somebody must approve first'
complete -c connect -n "__fish_connect_using_subcommand open" -l detach -d 'Go to the background once it is ready'
complete -c connect -n "__fish_connect_using_subcommand open" -l detached -d 'We are the one in the background'
complete -c connect -n "__fish_connect_using_subcommand open" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand open" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand exec" -l actor -l as-agent -d 'Name of the AI agent that acts for you; it gets no more than AI agents may have' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l reason -l purpose -d 'Why, for the record' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l task -d 'What the AI agent works on: an id that stands in every record' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l parent -d 'Take a part of this session\'s grant [default: CONNECT_PARENT, which the command of an AI agent\'s exec has]' -r -F
complete -c connect -n "__fish_connect_using_subcommand exec" -l table -d 'Only these tables: SCHEMA.TABLE or SCHEMA.*' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l for -d 'For at most so long: 30s, 10m' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l statements -d 'At most so many statements' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l rows -d 'At most so many rows' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l cells -d 'At most so many cells: rows times columns' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l bytes -d 'At most so many bytes' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -l persons -d 'Rows of at most so many different persons' -r
complete -c connect -n "__fish_connect_using_subcommand exec" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand exec" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand exec" -l read-only -d 'Ask for reading only'
complete -c connect -n "__fish_connect_using_subcommand exec" -l no-wait -d 'Fail at once where somebody must approve first'
complete -c connect -n "__fish_connect_using_subcommand exec" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand exec" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l job -d 'Name of the job that this is a run of' -r
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l input -d 'A file or folder that the run reads; its hash is attested' -r -F
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l out -d 'A file or folder that the run writes; FILE.intoto.jsonl says what it was made from. After `run`, --output means the same' -r -F
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l actor -d 'Name of the AI agent that acts for you; it gets no more than AI agents may have' -r
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l reason -l purpose -d 'Why, for the record' -r
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l read-only -d 'Ask for reading only'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -a "start" -d 'Begin a run that stays open in the background, and print its variables for eval'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -a "stop" -d 'End it: hash its outputs and attest what they were made from'
complete -c connect -n "__fish_connect_using_subcommand run; and not __fish_seen_subcommand_from start stop ls" -a "ls" -d 'List the runs that were started here and not stopped'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l job -d 'Name of the job that this is a run of' -r
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l input -d 'A file or folder that the run reads; its hash is attested' -r -F
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l out -d 'A file or folder that the run writes; FILE.intoto.jsonl says what it was made from. After `run`, --output means the same' -r -F
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l actor -d 'Name of the AI agent that acts for you; it gets no more than AI agents may have' -r
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l reason -l purpose -d 'Why, for the record' -r
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l shell -d 'The shell that reads the variables' -r -f -a "sh\t'Any POSIX shell: eval "$(connect env)"'
fish\t'connect env --shell fish | source'
powershell\t'connect env --shell powershell | Out-String | Invoke-Expression'"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l read-only -d 'Ask for reading only'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l detached -d 'We are the one in the background'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from stop" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from stop" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from stop" -l failed -d 'It failed: nothing is attested, and the log says so'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from stop" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from stop" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from ls" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from ls" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from ls" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand run; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand shell" -l reason -l purpose -d 'Why, for the record' -r
complete -c connect -n "__fish_connect_using_subcommand shell" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand shell" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand shell" -l read-only -d 'Ask for reading only'
complete -c connect -n "__fish_connect_using_subcommand shell" -l no-wait -d 'Fail at once where somebody must approve first'
complete -c connect -n "__fish_connect_using_subcommand shell" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand shell" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand shell" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand explain" -l search-path -d 'Schemas in which names are looked for, in order [default: those of a new connection]' -r
complete -c connect -n "__fish_connect_using_subcommand explain" -l actor -d 'As if this AI agent acted for you' -r
complete -c connect -n "__fish_connect_using_subcommand explain" -l reason -l purpose -d 'As if this was why; it stands in the record of the question, too' -r
complete -c connect -n "__fish_connect_using_subcommand explain" -l task -d 'As if the AI agent worked on this task' -r
complete -c connect -n "__fish_connect_using_subcommand explain" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand explain" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand explain" -l read-only -d 'As if only reading was asked for'
complete -c connect -n "__fish_connect_using_subcommand explain" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand explain" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand request" -l reason -l purpose -d 'Why, for whoever decides' -r
complete -c connect -n "__fish_connect_using_subcommand request" -l for -d 'For how long: 30m, 2h, 1d [default: as long as the agent gives]' -r
complete -c connect -n "__fish_connect_using_subcommand request" -l actor -d 'Name of the AI agent that would act for you' -r
complete -c connect -n "__fish_connect_using_subcommand request" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand request" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand request" -l read-only -d 'Ask for reading only'
complete -c connect -n "__fish_connect_using_subcommand request" -l wait -d 'Wait until somebody has decided'
complete -c connect -n "__fish_connect_using_subcommand request" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand request" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand request" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand requests" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand requests" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand requests" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand requests" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand requests" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand approve" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand approve" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand approve" -l yes -d 'Do not ask whether it is meant'
complete -c connect -n "__fish_connect_using_subcommand approve" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand approve" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand approve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand reject" -l reason -d 'Why, for whoever asked' -r
complete -c connect -n "__fish_connect_using_subcommand reject" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand reject" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand reject" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand reject" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand reject" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand env" -l shell -d 'The shell that reads them' -r -f -a "sh\t'Any POSIX shell: eval "$(connect env)"'
fish\t'connect env --shell fish | source'
powershell\t'connect env --shell powershell | Out-String | Invoke-Expression'"
complete -c connect -n "__fish_connect_using_subcommand env" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand env" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand env" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand env" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand env" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand url" -l for -d 'What this client imports or opens, instead of the URL' -r -f -a "dbeaver\t'The value of `dbeaver -con`'
datagrip\t'For the clipboard: New | Add data sources from clipboard'
pgadmin\t'A file for Tools | Import/Export Servers'
tableplus\t'A link that opens it'"
complete -c connect -n "__fish_connect_using_subcommand url" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand url" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand url" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand url" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand url" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand ls" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand ls" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand ls" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand status" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand status" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand status" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand close" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand close" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand close" -l all -d 'End every session'
complete -c connect -n "__fish_connect_using_subcommand close" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand close" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand close" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand wait" -l timeout -d 'Give up after so many seconds' -r
complete -c connect -n "__fish_connect_using_subcommand wait" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand wait" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand wait" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand wait" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand login" -l acr -d 'Sign in anew by this class of sign-in, as a resource demands it' -r
complete -c connect -n "__fish_connect_using_subcommand login" -l keep -d 'Where to keep the sign-in' -r -f -a "auto\t'The keychain; else a sealed file if there is a passphrase; else nothing is kept'
keychain\t''
sealed\t'A file sealed with a passphrase'
file\t'A plain file with mode 0600'
nothing\t''"
complete -c connect -n "__fish_connect_using_subcommand login" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand login" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand login" -l no-browser -d 'Print the address to standard output and open nothing'
complete -c connect -n "__fish_connect_using_subcommand login" -l device -d 'Sign in on another device, with a code'
complete -c connect -n "__fish_connect_using_subcommand login" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand login" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand logout" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand logout" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand logout" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand logout" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand whoami" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand whoami" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand whoami" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand whoami" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand whoami" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand revoke" -l for -d 'For how long a principal is kept out: 30m, 8h, 7d [default: 1h]' -r
complete -c connect -n "__fish_connect_using_subcommand revoke" -l reason -d 'Why, for the record and for those whose sessions end' -r
complete -c connect -n "__fish_connect_using_subcommand revoke" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand revoke" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand revoke" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand revoke" -l mine -d 'All sessions of your own'
complete -c connect -n "__fish_connect_using_subcommand revoke" -l lift -d 'Let a principal in again whom an operator or a canary keeps out'
complete -c connect -n "__fish_connect_using_subcommand revoke" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand revoke" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -f -a "add" -d 'Add an agent, and fix the certificate that it must show'
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -f -a "ls" -d 'List them'
complete -c connect -n "__fish_connect_using_subcommand agents; and not __fish_seen_subcommand_from add ls rm" -f -a "rm" -d 'Forget one'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l fingerprint -d 'The fingerprint that its operator gave you: sha256:…' -r
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l ca -d 'The certificate authority that signs its certificate (PEM)' -r -F
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l name -d 'How to call it here [default: what it calls itself]' -r
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l identity -d 'The identity provider that signs you in, where the agent has several [default: its own]' -r
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from ls" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from ls" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from ls" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from ls" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from rm" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from rm" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from rm" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand agents; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand history" -l resource -d 'Of this resource' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l actor -d 'Of this AI agent' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l table -d 'That read, wrote or would have touched this table: SCHEMA.NAME or NAME' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l column -d 'That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l label -d 'That asked for a column of this label, or of its class: pii.email, pii' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l decision -d 'That were decided so' -r -f -a "deny\t''
hold\t''
permit\t''"
complete -c connect -n "__fish_connect_using_subcommand history" -l since -d 'From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l until -d 'Before then' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l text -d 'Whose normalised statement has this in it' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l kind -d 'Of this kind: intent, denial, grant_issued, session_opened …' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l statement -d 'Of this statement: st_…' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l session -d 'Of this session: ss_…' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l run -d 'Of this run' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l format -d 'As events of OCSF 1.8, one JSON object a line for each entry' -r -f -a "ocsf\t''"
complete -c connect -n "__fish_connect_using_subcommand history" -l limit -d 'At most so many' -r
complete -c connect -n "__fish_connect_using_subcommand history" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand history" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand history" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand history" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand history" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -f -a "verify" -d 'Check a log, a receipt, or one against the other; works offline'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -f -a "receipt" -d 'Fetch the receipt of a statement of yours'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -f -a "search" -d 'Search everybody\'s entries; for auditors'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -f -a "tail" -d 'Follow everybody\'s entries as they are written; for auditors'
complete -c connect -n "__fish_connect_using_subcommand audit; and not __fish_seen_subcommand_from verify receipt search tail reconcile" -f -a "reconcile" -d 'Find what went on at a database without the agent; for auditors'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l log -d 'The log: a folder, or an agent\'s URL [default: the known agent\'s, if no receipt is given]' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l receipt -d 'A receipt; with a log it must be in that log' -r -F
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l checkpoint -d 'A checkpoint that was seen before; the log must contain it' -r -F
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l range -d 'Only the entries from the first to before the second index' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l witness -d 'The key of a witness: NAME+HASH+BASE64; it must have cosigned the log' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l require -d 'So many of the witnesses must have cosigned [default: all that are given]' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l key -d 'The log\'s verifier key: NAME+HASH+BASE64 [default: the known agent\'s]' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l index -d 'The entry at this index, of yours or for auditors' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l out -d 'Write it to this file [default: standard output]' -r -F
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l last -d 'Your last statement'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from receipt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l principal -d 'Of this principal: its name or its stable id' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l resource -d 'Of this resource' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l actor -d 'Of this AI agent' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l table -d 'That read, wrote or would have touched this table: SCHEMA.NAME or NAME' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l column -d 'That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l label -d 'That asked for a column of this label, or of its class: pii.email, pii' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l decision -d 'That were decided so' -r -f -a "deny\t''
hold\t''
permit\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l since -d 'From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l until -d 'Before then' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l text -d 'Whose normalised statement has this in it' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l kind -d 'Of this kind: intent, denial, grant_issued, session_opened …' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l statement -d 'Of this statement: st_…' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l session -d 'Of this session: ss_…' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l run -d 'Of this run' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l format -d 'As events of OCSF 1.8, one JSON object a line for each entry' -r -f -a "ocsf\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l limit -d 'At most so many, the newest first' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l before -d 'Only entries before this index: the next page' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l principal -d 'Of this principal: its name or its stable id' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l resource -d 'Of this resource' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l actor -d 'Of this AI agent' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l table -d 'That read, wrote or would have touched this table: SCHEMA.NAME or NAME' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l column -d 'That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l label -d 'That asked for a column of this label, or of its class: pii.email, pii' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l decision -d 'That were decided so' -r -f -a "deny\t''
hold\t''
permit\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l since -d 'From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l until -d 'Before then' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l text -d 'Whose normalised statement has this in it' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l kind -d 'Of this kind: intent, denial, grant_issued, session_opened …' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l statement -d 'Of this statement: st_…' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l session -d 'Of this session: ss_…' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l run -d 'Of this run' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l format -d 'As events of OCSF 1.8, one JSON object a line for each entry' -r -f -a "ocsf\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -s n -l lines -d 'Begin with so many that are there' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -l server-log -d 'A log that the server wrote (csvlog or jsonlog): sessions that are over are found in it, too' -r -F
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand audit; and __fish_seen_subcommand_from reconcile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand lineage" -l depth -d 'So far, in steps' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -l since -d 'What was read and written from then on: 2h, 90d, 2026-11-25, 2026-11-25T10:00:00Z' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -l until -d 'Before then' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -l during -d 'Within that time: last-quarter, 2026-Q3, 2026-07, 2026, yesterday' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -l as -d 'What WHAT is, if several things are called so' -r -f -a "column\t''
table\t''
run\t''
job\t''
file\t''
principal\t''"
complete -c connect -n "__fish_connect_using_subcommand lineage" -l resource -d 'On this resource' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -l reason -l purpose -d 'Why; it stands in the record of the question' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -l format -d 'As a document for other programs' -r -f -a "openlineage\t'OpenLineage events, one a line'
dot\t'Graphviz'
mermaid\t''
cyclonedx\t'A bill of materials of data and models, CycloneDX 1.6'
croissant\t'Metadata of a dataset, Croissant 1.0'
intoto\t'An in-toto statement about the files, unsigned'"
complete -c connect -n "__fish_connect_using_subcommand lineage" -l agent -d 'The agent, where several are known' -r
complete -c connect -n "__fish_connect_using_subcommand lineage" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand lineage" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand lineage" -l up -l upstream -d 'Where it came from [default for runs, jobs, files and principals]'
complete -c connect -n "__fish_connect_using_subcommand lineage" -l down -l downstream -d 'Where it went, and who saw it [default for columns and tables]'
complete -c connect -n "__fish_connect_using_subcommand lineage" -l all -d 'By everybody\'s statements, not only mine; for auditors'
complete -c connect -n "__fish_connect_using_subcommand lineage" -l before-label -l unlabelled -d 'Only what was done with the columns before they had a label'
complete -c connect -n "__fish_connect_using_subcommand lineage" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand lineage" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand lineage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -f -a "verify" -d 'Check a file against its attestation, and say what it was made from; works offline'
complete -c connect -n "__fish_connect_using_subcommand attest; and not __fish_seen_subcommand_from verify show" -f -a "show" -d 'Check a file against its attestation, and say what it was made from; works offline'
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -l attestation -d 'Its attestation [default: FILE.intoto.jsonl, or that of a folder around it]' -r -F
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -l log -d 'The agent\'s log in a folder; it must hold the run' -r -F
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -l key -d 'The verifier key of the agent\'s log: NAME+HASH+BASE64 [default: the known agent\'s]' -r
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -l attestation -d 'Its attestation [default: FILE.intoto.jsonl, or that of a folder around it]' -r -F
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -l log -d 'The agent\'s log in a folder; it must hold the run' -r -F
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -l key -d 'The verifier key of the agent\'s log: NAME+HASH+BASE64 [default: the known agent\'s]' -r
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand attest; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -f -a "serve" -d 'Serve the Model Context Protocol on standard input and output'
complete -c connect -n "__fish_connect_using_subcommand mcp; and not __fish_seen_subcommand_from serve config" -f -a "config" -d 'Print what to add to the settings of an AI agent\'s program'
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l resource -d 'Offer only these resources [default: all that you may open]' -r
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l reason -l purpose -d 'Why, for the record' -r
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l task -d 'What it is started for: an id that stands in every record, before what a call names as its own task' -r
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l parent -d 'Serve a sub-agent, with a part of this session\'s grant [default: CONNECT_PARENT]' -r -F
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l http -d 'Serve HTTP on this port of the loopback, to whoever has the token; 0 takes a free one' -r
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from config" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from config" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from config" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from config" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand mcp; and __fish_seen_subcommand_from config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand doctor" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand doctor" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand doctor" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand config; and not __fish_seen_subcommand_from list" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand config; and not __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand config; and not __fish_seen_subcommand_from list" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand config; and not __fish_seen_subcommand_from list" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand config; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand config; and not __fish_seen_subcommand_from list" -f -a "list" -d 'Every setting, its value and its origin'
complete -c connect -n "__fish_connect_using_subcommand config; and __fish_seen_subcommand_from list" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand config; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand config; and __fish_seen_subcommand_from list" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand config; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand config; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand completions" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand completions" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand completions" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c connect -n "__fish_connect_using_subcommand demo" -s o -l output -d 'How data is written to standard output' -r -f -a "table\t'For people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
name\t'Names only, one a line'"
complete -c connect -n "__fish_connect_using_subcommand demo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t''
never\t''"
complete -c connect -n "__fish_connect_using_subcommand demo" -l script -d 'A guided tour without a browser or a terminal'
complete -c connect -n "__fish_connect_using_subcommand demo" -l json -d 'The same as --output json'
complete -c connect -n "__fish_connect_using_subcommand demo" -l no-input -d 'Never ask anything; fail instead, and say which option would have answered'
complete -c connect -n "__fish_connect_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
