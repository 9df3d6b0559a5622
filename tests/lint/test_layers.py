"""The layer check finds what it is there to find: each test plants one violation in a clean tree."""

import pathlib
import tempfile
import unittest

import layers

CLEAN = {
    "main.c": '#include "cmd/commands.h"\n',
    "cmd/commands.h": "#pragma once\n",
    "cmd/run.c": '#include <stdio.h>\n\n#include "backup/plan.h"\n#include "sys/log.h"\n'
    'void f(void)\n{\n    log_error("x");\n    exit(1);\n}\n',
    "backup/plan.h": '#include "pg/server.h"\n#include "stream/stage.h"\n',
    "stream/stage.h": '#include "sys/err.h"\n',
    "pg/server.h": '#include "sys/err.h"\n',
    "net/http.c": "#include <curl/curl.h>\n",
    "sys/err.h": "#pragma once\n",
    "sys/log.h": "#pragma once\n",
    "sys/mem.c": "void f(void)\n{\n    _exit(1);\n}\n",
}


class Layers(unittest.TestCase):
    def found_in(self, **planted):
        with tempfile.TemporaryDirectory() as directory:
            src = pathlib.Path(directory)
            for name, text in {**CLEAN, **planted.get("files", {})}.items():
                path = src / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return layers.violations(src)

    def assert_found(self, name, text, expected):
        found = self.found_in(files={name: text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])
        self.assertTrue(found[0].startswith(name), found[0])

    def test_a_clean_tree_has_no_violation(self):
        self.assertEqual(self.found_in(), [])

    def test_a_layer_that_includes_one_above_is_found(self):
        self.assert_found("sys/a.c", '#include "pg/server.h"\n', "sys may not include pg")

    def test_a_layer_that_includes_its_neighbour_is_found(self):
        self.assert_found("conf/a.c", '#include "pg/server.h"\n', "conf may not include pg")

    def test_an_include_of_cmd_is_found(self):
        self.assert_found("backup/a.c", '#include "cmd/commands.h"\n', "may not include cmd")

    def test_only_one_header_of_net_is_open_to_stream(self):
        self.assert_found("stream/a.c", '#include "net/http.h"\n', "may not include net")
        self.assertEqual(self.found_in(files={"stream/a.c": '#include "net/s3.h"\n'}), [])

    def test_an_include_without_its_layer_is_found(self):
        self.assert_found("sys/a.c", '#include "err.h"\n', "with its layer")

    def test_a_third_party_header_in_another_file_is_found(self):
        self.assert_found("backup/a.c", "#include <curl/curl.h>\n", "only net/http.c")

    def test_an_unknown_header_is_found(self):
        self.assert_found("sys/a.c", "#include <lz4.h>\n", "neither")

    def test_a_directory_that_is_no_layer_is_found(self):
        self.assert_found("extra/a.h", "#pragma once\n", "none of the layers")

    def test_a_basename_used_twice_is_found(self):
        self.assert_found("sys/server.h", "#pragma once\n", "another file of this name")

    def test_a_drawer_is_found(self):
        self.assert_found("sys/util.c", "\n", "says nothing")

    def test_a_long_file_is_found(self):
        self.assert_found("sys/a.c", "\n" * 501, "501 lines")

    def test_logging_below_cmd_is_found(self):
        text = '#include "sys/log.h"\nvoid f(void)\n{\n    log_warning("x");\n}\n'
        self.assert_found("backup/a.c", text, "backup/a.c:4: below cmd/ nobody logs")

    def test_ending_the_process_below_cmd_is_found(self):
        self.assert_found("net/a.c", "void f(void)\n{\n    exit(1);\n}\n", "ends the process")

    def test_comments_and_strings_are_no_calls(self):
        text = '/* log_error("x") and\n * exit(1) */\nconst char *s = "exit(1)"; // abort()\n'
        self.assertEqual(self.found_in(files={"sys/a.c": text}), [])


if __name__ == "__main__":
    unittest.main()
