"""What a power cut could leave, by the calls that a process made: nothing is on the disk before its fsync, and
what happens in a folder comes there in any order until the folder is synced."""

from pathlib import PurePath


class Disk:
    """Follows logged calls, all done, and raises AssertionError where a power cut could do harm."""

    def __init__(self):
        self.dirty = set()  # files with bytes that are not synced
        self.unsynced = {}  # folder -> what was put into it since its last sync
        self.synced = set()  # files and folders that are on the disk, if the folders they are in are
        self.made = set()  # folders
        self.steps = 0

    @property
    def durable(self):
        """Files that a power cut leaves, whole."""
        lost = [folder + "/" for folder in self.made - self.synced]
        return {p for p in self.synced - self.made if not p.startswith(tuple(lost))}

    def follow(self, calls, needed=lambda durable: True):
        """`needed(durable)`: must stay true once it was."""
        was_true = False
        for call in calls:
            self.step(call)
            now = needed(self.durable)
            assert now or not was_true, f"after {call} a power cut would leave only {self.durable}"
            was_true = now
            self.steps += 1
        assert not self.dirty, f"never synced: {self.dirty}"
        unsynced = {folder: names for folder, names in self.unsynced.items() if names}
        assert not unsynced, f"renames that were never synced: {unsynced}"
        return self.durable

    def step(self, call):
        getattr(self, "do_" + call.name.replace("-", "_").replace("open64", "open"))(call.what)

    def do_open(self, path):
        self.dirty.add(path)

    do_write = do_open

    def do_open_folder(self, path):
        pass

    def do_close(self, path):
        assert path not in self.dirty, f"{path} is closed before it is synced"

    def do_fsync(self, path):
        self.dirty.discard(path)
        self.synced |= self.unsynced.pop(path, set())

    def do_rename(self, what):
        source, target = what.split(" -> ")
        assert source not in self.dirty, f"{source} is renamed before it is synced"
        self.made = {target if p == source else p for p in self.made}
        self.synced = {target + p[len(source):] if p.startswith(source + "/") else p for p in self.synced - {source}}
        for names in self.unsynced.values():
            names.discard(source)
        self.put(target)

    def do_unlink(self, path):
        self.dirty.discard(path)
        for names in self.unsynced.values():
            names.discard(path)
        self.synced.discard(path)  # the worst case: it reaches the disk at once
        self.made.discard(path)

    def do_mkdir(self, path):
        self.made.add(path)
        self.put(path)

    def put(self, path):
        self.unsynced.setdefault(str(PurePath(path).parent), set()).add(path)
