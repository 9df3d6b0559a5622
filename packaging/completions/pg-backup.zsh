#compdef pg-backup
# zsh completion for pg-backup. What there is, the program's own --help says.

_pg-backup_commands() {
    local -a commands
    commands=(${(f)"$(_call_program commands pg-backup --help 2>/dev/null |
        sed -n 's/^  \([a-z]\{1,\}\)  *\(.*\)/\1:\2/p')"})
    _describe command commands
}

_pg-backup_instances() {
    local -a instances
    instances=(/etc/pg-backup/*.conf(N:t:r))
    compadd -a instances
}

_pg-backup_options() {
    local -a options
    options=(${(f)"$(_call_program options pg-backup $words[1] --help 2>/dev/null |
        sed -n 's/^  \(--[a-z-]*\)[ A-Z]*  \(.*\)/\1:\2/p')"})
    _describe -o option options
    _files
}

_arguments -S \
    '(-c --config -i --instance)'{-c,--config}'[settings from this file]:file:_files' \
    '(-c --config -i --instance)'{-i,--instance}'[settings of this instance]:instance:_pg-backup_instances' \
    '(- *)--help[print help]' \
    '(- *)--version[print the version]' \
    '1:command:_pg-backup_commands' \
    '*::argument:_pg-backup_options'
