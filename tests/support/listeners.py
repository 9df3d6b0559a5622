"""The other ends of what a service talks to: systemd's notify socket, the journal, a terminal."""

import os
import pty
import socket
import struct
import subprocess
import threading


class DatagramSocket:
    """Receives datagrams on a UNIX socket in the background (the kernel queues only ten)."""

    def __init__(self, test, path):
        self.path = path
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()
        test.addCleanup(self._close)

    def _receive(self):
        while True:
            data = self.socket.recv(1 << 20)
            if data == b"that is all":
                return
            self.messages.append(data)

    def all(self):
        """Everything that has arrived up to now."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"that is all", self.path)
        self.thread.join(10)
        return self.messages

    def _close(self):
        if self.thread.is_alive():
            self.all()
        self.socket.close()


class NotifySocket(DatagramSocket):
    """$NOTIFY_SOCKET: assignments of sd_notify(3), in order."""

    def assignments(self):
        return [line for data in list(self.messages) for line in data.decode().split("\n") if line]


class JournalSocket(DatagramSocket):
    """/run/systemd/journal/socket: entries in the native protocol (systemd.io, "Native Journal
    Protocol")."""

    def entries(self):
        return [parse_entry(data) for data in self.all() if data]


def parse_entry(data):
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        if b"=" in line:
            key, _, value = line.partition(b"=")
        else:  # a value with newlines: its size, then itself
            key, size = line, struct.unpack_from("<Q", data)[0]
            value, data = data[8:8 + size], data[8 + size + 1:]
        fields[key.decode()] = value.decode()
    return fields


class Terminal:
    """A pseudo-terminal of 100 columns; `fd` is the program's side."""

    def __init__(self, test):
        self.master, self.fd = pty.openpty()
        os.set_blocking(self.master, False)
        subprocess.run(["stty", "cols", "100", "rows", "40"], stdin=self.fd, check=True,
                       timeout=10)
        self.output = b""
        test.addCleanup(os.close, self.master)
        test.addCleanup(os.close, self.fd)

    def read(self):
        """All that was written so far, as the program wrote it."""
        try:
            while data := os.read(self.master, 65536):
                self.output += data
        except BlockingIOError:
            pass
        return self.output.decode()

    def screen(self):
        """The lines as they look in the end: carriage return and erase-line applied, colours gone.
        """
        return render(self.read())


def render(text):
    lines, row, column, i = [[]], 0, 0, 0
    while i < len(text):
        c = text[i]
        i += 1
        if c == "\n":
            row, column = row + 1, 0
            lines.append([])
        elif c == "\r":
            column = 0
        elif c == "\x1b" and text[i:i + 1] == "[":
            start = i + 1
            i = next(j for j in range(start, len(text)) if "@" <= text[j] <= "~") + 1
            if text[i - 1] == "K":
                del lines[row][0 if text[start] == "2" else column:]
        else:
            lines[row][column:column + 1] = [" "] * (column - len(lines[row])) + [c]
            column += 1
    return ["".join(line).rstrip() for line in lines]
