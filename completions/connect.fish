complete --keep-order --exclusive --command connect --arguments "(_CONNECT_COMPLETE=fish connect -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
