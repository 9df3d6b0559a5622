#!/usr/bin/env python3
"""Holds the source tree to its map: docs/ARCHITECTURE.md in the form of tables.

    layers.py [TOP]

Reads every .c and .h below TOP/src and prints each violation as FILE:LINE: sentence. The exit
status is 1 when there is one.
"""

import collections
import pathlib
import re
import sys

# Which layers each layer may include, beside itself.
LAYERS = {
    "main": {"cmd", "sys"},
    "cmd": {"backup", "archive", "stream", "pg", "net", "conf", "sys"},
    "backup": {"archive", "stream", "pg", "net", "conf", "sys"},
    "archive": {"sys"},
    "stream": {"archive", "sys"},
    "pg": {"sys"},
    "net": {"sys"},
    "conf": {"sys"},
    "sys": set(),
}

# Single headers that a layer may include although the table above forbids their layer.
ALSO_ALLOWED = {
    "stream": {"net/s3.h"},
}

# Third-party headers, and the only files that may name each.
THIRD_PARTY = {
    "curl/curl.h": {"net/http.c"},
    "isa-l.h": {"stream/codec-gzip.c"},
    "jansson.h": {"sys/json.c"},
    "libpq-fe.h": {"pg/session.h"},
    "linux/landlock.h": {"sys/landlock.c"},
    "lz4frame.h": {"stream/codec-lz4.c"},
    "openssl/evp.h": {"stream/stage-tap.c"},
    "systemd/sd-bus.h": {"sys/timer.c"},
    "systemd/sd-daemon.h": {"sys/progress.c"},
    "systemd/sd-id128.h": {"sys/log.c"},
    "systemd/sd-journal.h": {"sys/log.c"},
    "xxhash.h": {"archive/digest.c", "sys/names.c"},
    "zlib.h": {"stream/codec-gzip.c"},
    "zstd.h": {"stream/codec-zstd.c"},
    "zstd_errors.h": {"stream/codec-zstd.c"},
}

LIBC = set(
    """
    assert.h ctype.h dirent.h endian.h errno.h fcntl.h fnmatch.h ftw.h getopt.h glob.h grp.h
    inttypes.h langinfo.h libgen.h limits.h locale.h math.h netdb.h poll.h pthread.h pwd.h sched.h
    search.h signal.h spawn.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h
    string.h strings.h syslog.h termios.h time.h unistd.h wchar.h wctype.h
    arpa/inet.h linux/fs.h netinet/in.h netinet/tcp.h
    search.h signal.h spawn.h stdarg.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h
    strings.h syslog.h termios.h time.h unistd.h wchar.h wctype.h
    arpa/inet.h linux/fs.h linux/sockios.h netinet/in.h netinet/tcp.h
    sys/eventfd.h sys/file.h sys/ioctl.h sys/mman.h sys/prctl.h sys/random.h sys/resource.h
    sys/signalfd.h sys/socket.h sys/stat.h sys/statvfs.h sys/syscall.h sys/time.h sys/timerfd.h
    sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/vfs.h sys/wait.h sys/xattr.h
    arpa/inet.h linux/fs.h netinet/in.h netinet/tcp.h
    sys/eventfd.h sys/file.h sys/ioctl.h sys/mman.h sys/pidfd.h sys/prctl.h sys/random.h
    sys/resource.h sys/signalfd.h sys/socket.h sys/stat.h sys/statvfs.h sys/syscall.h sys/time.h
    sys/shm.h sys/signalfd.h sys/socket.h sys/stat.h sys/statvfs.h sys/syscall.h sys/time.h
    sys/timerfd.h sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/vfs.h sys/wait.h sys/xattr.h
    """.split()
)

DRAWERS = {"common", "helper", "helpers", "misc", "util", "utils"}
MAX_LINES = 500

# Below cmd/, nobody logs above debug and nobody ends the process.
LOGS = re.compile(r"\blog_(?:error|warning|notice|info|event|err)\s*\(")
EXITS = re.compile(r"\b(?:_?exit|_Exit|quick_exit|abort)\s*\(")
MAY_LOG = {"sys/log.c", "sys/log.h"}
MAY_EXIT = {
    "sys/mem.c",  # out of memory ends the process: mem.h says why
    "sys/child-start.c",  # a child that could not become what it should
    "sys/sandbox.c",  # a child that tries what can be had
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = violations(top / "src")
    for violation in found:
        print(f"src/{violation}")
    return 1 if found else 0


def violations(src):
    files = sorted(path for path in src.rglob("*") if path.suffix in (".c", ".h"))
    found = repeated_names(src, files)
    for path in files:
        name = path.relative_to(src).as_posix()
        text = path.read_text()
        for check in (check_place, check_name, check_length, check_includes, check_calls):
            found += [f"{name}:{line}: {sentence}" for line, sentence in check(name, text)]
    return found


def layer_of(name):
    return name.split("/")[0] if "/" in name else pathlib.PurePath(name).stem


def repeated_names(src, files):
    places = collections.defaultdict(list)
    for path in files:
        places[path.name].append(path.relative_to(src).as_posix())
    return [
        f"{names[1]}:1: there is another file of this name: {names[0]}"
        for names in places.values()
        if len(names) > 1
    ]


def check_place(name, _text):
    if layer_of(name) not in LAYERS:
        yield 1, f'"{layer_of(name)}" is none of the layers {", ".join(LAYERS)}'


def check_name(name, _text):
    if pathlib.PurePath(name).stem in DRAWERS:
        yield 1, "a file is named for what it does; this name says nothing"


def check_length(name, text):
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield MAX_LINES, f"{lines} lines, more than {MAX_LINES}: split it where its two ideas meet"


def check_includes(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            check = check_ours if match[1] == '"' else check_foreign
            yield from ((number, sentence) for sentence in check(name, match[2]))


def check_ours(name, included):
    layer, target = layer_of(name), layer_of(included)
    if "/" not in included:
        yield f'write the include with its layer: "layer/{included}"'
    elif target not in LAYERS:
        yield f'"{included}" is in none of the layers'
    elif target != layer and target not in LAYERS.get(layer, set()):
        if included not in ALSO_ALLOWED.get(layer, set()):
            yield f'{layer} may not include {target} ("{included}")'


def check_foreign(name, included):
    if included in LIBC:
        return
    if included not in THIRD_PARTY:
        yield f"<{included}> is neither in the list of libc's headers nor in that of third parties"
    elif name not in THIRD_PARTY[included]:
        yield f"only {' and '.join(sorted(THIRD_PARTY[included]))} may include <{included}>"


def check_calls(name, text):
    if layer_of(name) in ("main", "cmd"):
        return
    code = NOT_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(code.splitlines(), 1):
        if LOGS.search(line) and name not in MAY_LOG:
            yield number, "below cmd/ nobody logs above debug: return an Err"
        if EXITS.search(line) and name not in MAY_EXIT:
            yield number, "below cmd/ nobody ends the process: return an Err"


if __name__ == "__main__":
    sys.exit(main())
