# bash completion for pg-backup. What there is, the program's own --help says.
# shellcheck shell=bash

_pg_backup() {
    local current=${COMP_WORDS[COMP_CWORD]} command="" i words

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c | --config | -i | --instance) i=$((i + 1)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -c | --config | --output)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    -i | --instance | --into)
        words=$(for i in /etc/pg-backup/*.conf; do [ -e "$i" ] && basename "$i" .conf; done)
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
        ;;
    esac

    if [ -n "$command" ]; then
        words=$(pg-backup "$command" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
    else
        words=$(pg-backup --help 2>/dev/null |
            sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p; s/^ .*\(--[a-z]\{1,\}\) .*/\1/p')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _pg_backup pg-backup
