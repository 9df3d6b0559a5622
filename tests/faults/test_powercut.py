"""The power is cut while backups are swept, published and removed: nothing acknowledged is lost.

The publisher (powercut-publisher.c) works on a loop file system through the product's own
functions. At a random moment the file system is told to go down without flushing anything, not even
its journal, which is what a power cut leaves behind: only what was fsynced is there after the next
mount. Two publishers that forget one kind of fsync show that this test can fail.

All mounts live in a mount namespace of this process, on loop devices that detach themselves:
however the test ends, the kernel takes them away.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import random
import re
import shutil
import struct
import subprocess
import time


import pgbackup
import pgtest
import scratch

CUTS = 200
CUTS_TO_CONVICT = 25  # a forgetful publisher is found out by one of the first
CUTS_BETWEEN_MKFS = 10
WORDS = 10  # of a publisher before the cut, at most: its life in its own steps, however slow it is
DATA = re.compile(r"app_\w+\.(dump|dir)")
FILES = ["3381.dat", "3382.dat", "blob_16431.dat", "blob_2147483648.dat", "blob_4294967295.dat",
         "blobs.toc", "toc.dat"]  # of a directory
STEP = 0.005  # seconds from the last of them until the cut, at most: about a step
SEED = int(os.environ.get("FAULT_SEED", "20261122"))

FS_IOC_GOINGDOWN, NOLOGFLUSH = 0x8004587D, 2
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 0x4000, 0x40000

MKFS = {  # XFS takes 300 MiB at least; the images are sparse
    "ext4": ("64M", ["mkfs.ext4", "-q", "-F"]),
    "xfs": ("320M", ["mkfs.xfs", "-q", "-f"]),
}


def setUpModule():
    for program in ("mkfs.ext4", "mkfs.xfs", "mount", "umount"):
        if not shutil.which(program):
            raise RuntimeError(f"{program} is missing: install e2fsprogs, xfsprogs and mount")
    if not os.path.exists("/dev/loop-control"):
        raise RuntimeError("/dev/loop-control is missing: the power-cut test needs loop devices")
    enter_own_mount_namespace()


def enter_own_mount_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or \
            libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None) != 0:
        error = os.strerror(ctypes.get_errno())
        raise RuntimeError(f"could not make a mount namespace (root is needed): {error}")


class Disk:
    """A file system in an image file, whose power can be cut."""

    def __init__(self, kind):
        self.kind = kind
        self.directory = scratch.make_directory()
        self.image = self.directory + "/image"
        self.root = self.directory + "/mnt"
        self.is_mounted = False
        os.mkdir(self.root)
        pgtest.close_at_exit(self.unmount)

    def format(self):
        size, mkfs = MKFS[self.kind]
        self.unmount()
        subprocess.run(["truncate", "-s", "0", self.image], check=True)
        subprocess.run(["truncate", "-s", size, self.image], check=True)
        subprocess.run([*mkfs, self.image], check=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-n", "-t", self.kind, "-o", "loop", self.image, self.root],
                       check=True)
        self.is_mounted = True

    def unmount(self):
        """A publisher's child, whose next write fails, may have outlived it by a moment."""
        if self.is_mounted:
            pgtest.wait_until(lambda: subprocess.run(["umount", "-n", self.root],
                                                     stderr=subprocess.DEVNULL).returncode == 0,
                              f"{self.root} is unmounted")
            self.is_mounted = False

    def make_directory(self, name):
        """A directory that is durable before anything happens in it."""
        path = os.path.join(self.root, name)
        os.mkdir(path)
        self._on_root(os.fsync)
        return path

    def cut(self):
        self._on_root(lambda fd: fcntl.ioctl(fd, FS_IOC_GOINGDOWN, struct.pack("I", NOLOGFLUSH)))

    def _on_root(self, action):
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            action(fd)
        finally:
            os.close(fd)


class Ledger:
    """What the publisher said, and what must therefore be true.

    Only what it said before the cut binds: a file system that was told to go down may call an fsync
    done (XFS does so for a directory whose changes it has just dropped), which a machine without
    power cannot.
    """

    def __init__(self):
        self.committed = set()  # and not about to be removed
        self.removed = set()
        self.latest = None

    def take(self, line, before_cut):
        what, _, stem = line.partition(" ")
        if what == "removing":
            self.committed.discard(stem)
        elif what == "committed" and before_cut:
            self.committed.add(stem)
            self.latest = stem
        elif what == "removed" and before_cut:
            self.removed.add(stem)

    def violations(self, backup_dir):
        """The promises that the directory breaks, as sentences."""
        directory = os.path.join(backup_dir, "app")
        names = set(os.listdir(directory)) if os.path.isdir(directory) else set()
        manifests = {name[:-len(".json")] for name in names if re.fullmatch(r"app_\w+\.json", name)}

        found = [f"{stem}: acknowledged, but its manifest is gone"
                 for stem in sorted(self.committed - manifests)]
        found += [f"{stem}: acknowledged as removed, but its manifest is there"
                  for stem in sorted(self.removed & manifests)]
        for stem in sorted(manifests):
            found += [f"{stem}: {text}" for text in broken_backup(directory, stem)]
        for name in sorted(names):
            if DATA.fullmatch(name) and not os.path.islink(f"{directory}/{name}"):
                found += [f"{name}: {text}" for text in broken_data(directory, name)]
        return found + self._broken_latest(directory, names, manifests)

    def _broken_latest(self, directory, names, manifests):
        """Of two links, one for each format, the older is still to be removed."""
        links = {"app_latest.dump", "app_latest.dir"} & names
        if not links and self.latest:
            return ["no latest link, though a backup was acknowledged"]
        targets = {link: os.readlink(f"{directory}/{link}") for link in links}
        found = [f"the latest link names {target}, which has no manifest"
                 for target in targets.values() if os.path.splitext(target)[0] not in manifests]
        found += [f"the latest link names {target}, but {self.latest} was acknowledged"
                  for target in targets.values()
                  if self.latest and os.path.splitext(target)[0] < self.latest]
        return found


def broken_backup(directory, stem):
    """What is wrong with a backup that has a manifest: it must be complete in every file."""
    try:
        with open(f"{directory}/{stem}.json", encoding="utf-8") as f:
            manifest = json.load(f)
        data = [(name, *digest_of(f"{directory}/{name}"))
                for name in data_files(directory, manifest["file"])]
        inventory_digest, _ = digest_of(f"{directory}/{manifest['inventory_file']}")
        manifest_digest, _ = digest_of(f"{directory}/{stem}.json")
        with open(f"{directory}/{manifest['file']}.sha256", encoding="ascii") as f:
            checksum = f.read()
    except (OSError, ValueError, KeyError) as error:
        return [f"not readable: {error!r}"]

    expected = "".join(f"{digest}  {name}\n" for name, digest in [
        *[(name, digest) for name, digest, _ in data],
        (manifest["inventory_file"], inventory_digest), (stem + ".json", manifest_digest)])
    values = set(walk(manifest))
    return [text for text, wrong in [
        ("the manifest names another stem", manifest.get("stem") != stem),
        ("a digest in the manifest is not that of the data",
         not values.issuperset(digest for _, digest, _ in data)),
        ("the digest in the manifest is not that of the inventory", inventory_digest not in values),
        ("a size in the manifest is not that of the data",
         not values.issuperset(size for _, _, size in data)),
        ("the checksum file is wrong", checksum != expected),
    ] if wrong]


def data_files(directory, name):
    """The names of a backup's data: one, or those of a directory in their order."""
    if not name.endswith(".dir"):
        return [name]
    return [f"{name}/{file}" for file in sorted(os.listdir(f"{directory}/{name}"))]


def digest_of(path):
    """SHA-256 and size of a file."""
    with open(path, "rb") as f:
        data = f.read()
    return hashlib.sha256(data).hexdigest(), len(data)


def walk(value):
    """All leaves of a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from walk(item)


def broken_data(directory, name):
    """What is wrong with data under a final name; with a manifest or without, it is complete."""
    stem, extension = os.path.splitext(name)
    path, end_of_rows = f"{directory}/{name}", b""
    if extension == ".dir":
        if sorted(os.listdir(path)) != FILES:
            return [f"other files than were written: {os.listdir(path)}"]
        path, end_of_rows = path + "/3381.dat", b"\\.\n\n\n"
    with open(path, "rb") as f:
        data = f.read()
    end = re.search(rb"^%b end (\d+)\n%b\Z" % (stem.encode(), re.escape(end_of_rows)), data[-64:],
                    re.MULTILINE)
    if not end:
        return [f"no end in its {len(data)} bytes"]
    lines = [f"{stem} {i}\n" for i in range(int(end[1]))] + [f"{stem} end {int(end[1])}\n"]
    return [] if "".join(lines).encode() + end_of_rows == data else ["other bytes than were written"]


class Publisher:
    """A running publisher, and what it has said."""

    def __init__(self, program, backup_dir, seed):
        path = os.path.join(os.path.dirname(pgbackup.BINARY), "tests", program)
        self.process = subprocess.Popen([path, backup_dir, str(seed)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.pipe = self.process.stdout.fileno()
        self.heard = b""

    def listen(self, words):
        """Waits until it has said so many lines, or ended."""
        while self.heard.count(b"\n") < words:
            more = os.read(self.pipe, 4096)
            if not more:
                self.process.wait()
                return
            self.heard += more

    def has_ended(self):
        return self.process.poll() is not None

    def complaint(self):
        return self.process.stderr.read().decode(errors="replace")

    def said(self):
        """The lines that it has said since the last time."""
        os.set_blocking(self.pipe, False)
        lines = (self.heard + (self.process.stdout.read() or b"")).decode().splitlines()
        self.heard = b""
        return lines

    def end(self):
        """Kills it; gives the rest of what it said."""
        self.process.kill()
        self.process.wait()
        said = self.said()
        self.process.stdout.close()
        self.process.stderr.close()
        return said


class PowerCut(pgtest.TestCase):
    seconds = 300

    def cut_once(self, disk, program, backup_dir, ledger, dice):
        """One life of the publisher; gives the violations that are found after it."""
        publisher = Publisher(program, backup_dir, dice.randrange(1 << 31))
        try:
            publisher.listen(words=dice.randint(1, WORDS))
            time.sleep(dice.uniform(0, STEP))
            if publisher.has_ended():
                self.fail("the publisher ended before the cut: " + publisher.complaint())
            before = publisher.said()
            disk.cut()
        finally:
            after = publisher.end()

        for line in before:
            ledger.take(line, before_cut=True)
        for line in after:
            ledger.take(line, before_cut=False)
        self.acknowledged += sum(line.startswith("committed") for line in before)
        disk.unmount()
        disk.mount()
        return ledger.violations(backup_dir)

    def cut_power(self, kind, program, cuts):
        """Cuts until something is violated; gives the number of cuts, and the violations."""
        self.acknowledged = 0
        dice = random.Random(f"{SEED} {kind}")
        disk = Disk(kind)
        self.addCleanup(shutil.rmtree, disk.directory, ignore_errors=True)
        self.addCleanup(disk.unmount)

        for cut in range(cuts):
            if cut % CUTS_BETWEEN_MKFS == 0:
                disk.format()
                ledger = Ledger()
                backup_dir = disk.make_directory("backups")
            found = self.cut_once(disk, program, backup_dir, ledger, dice)
            if found:
                return cut + 1, found
        return cuts, []

    def survives(self, kind):
        cuts, found = self.cut_power(kind, "powercut-publisher", CUTS)
        self.assertEqual(found, [], f"after {cuts} cuts on {kind} (seed {SEED})")
        self.assertGreater(self.acknowledged, cuts // 2, "hardly anything was published")
        print(f"power cuts on {kind}: {cuts}, of which 0 violated a promise;"
              f" {self.acknowledged} backups were acknowledged", flush=True)

    def is_convicted(self, kind, forgotten):
        cuts, found = self.cut_power(kind, f"powercut-publisher-no-{forgotten}-fsync",
                                     CUTS_TO_CONVICT)
        self.assertTrue(found, f"{cuts} cuts on {kind} did not notice a missing {forgotten} fsync")
        print(f"power cuts on {kind} without {forgotten} fsync: violation after {cuts}:"
              f" {found[0]}", flush=True)

    def test_every_promise_survives_power_cuts_on_ext4(self):
        self.survives("ext4")

    def test_every_promise_survives_power_cuts_on_xfs(self):
        self.survives("xfs")

    def test_a_missing_directory_fsync_is_noticed_on_ext4(self):
        self.is_convicted("ext4", "directory")

    def test_a_missing_directory_fsync_is_noticed_on_xfs(self):
        self.is_convicted("xfs", "directory")

    def test_a_missing_file_fsync_is_noticed_on_ext4(self):
        self.is_convicted("ext4", "file")

    def test_a_missing_file_fsync_is_noticed_on_xfs(self):
        self.is_convicted("xfs", "file")
