# fish completion for pg-backup. What there is, the program's own --help says.

function __pg_backup_commands
    pg-backup --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
end

function __pg_backup_command
    for word in (commandline -opc)[2..]
        if contains -- $word (__pg_backup_commands | string split -f 1 \t)
            echo $word
            return 0
        end
    end
    return 1
end

function __pg_backup_options
    pg-backup (__pg_backup_command) --help 2>/dev/null |
        string replace -rf '^  (--[a-z-]+)[ A-Z]*  +(.*)' '$1\t$2'
end

function __pg_backup_instances
    for file in /etc/pg-backup/*.conf
        path change-extension '' (path basename $file)
    end
end

complete -c pg-backup -f
complete -c pg-backup -n 'not __pg_backup_command' -a '(__pg_backup_commands)'
complete -c pg-backup -n 'not __pg_backup_command' -s c -l config -r -F -d 'settings from this file'
complete -c pg-backup -n 'not __pg_backup_command' -s i -l instance -x -a '(__pg_backup_instances)' \
    -d 'settings of this instance'
complete -c pg-backup -n 'not __pg_backup_command' -l help -d 'print help'
complete -c pg-backup -n 'not __pg_backup_command' -l version -d 'print the version'
complete -c pg-backup -n __pg_backup_command -a '(__pg_backup_options)'
