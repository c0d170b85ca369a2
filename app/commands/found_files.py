"""What the named files and folders hold: each file once, and of whatever is not read the reason.

Folders that a link leads to are read like others, each once however many links lead there, after all folders that
need no link. Nothing is opened here but folders.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.commands.endings import reason
from app.commands.names import shown
from imaging.errors import RefusedUpload

STANDARD_INPUT = Path("-")
MASK_ENDING = ".mask.png"
_KINDS = {
    stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip

Identity = tuple[int, int]  # device and number on it: what stays the same whatever a file is called


@dataclass(frozen=True)
class LeftOut:
    """Nothing is wrong with it, and it is not read: a code for programs, a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Source:
    """A file, and where its mask goes below the folder of the masks; or a file or folder with what keeps it unread."""

    path: Path
    below: Path
    unread: LeftOut | RefusedUpload | None = None


HIDDEN = LeftOut("hidden", "What has a name that begins with a dot is left out of folders.")
EARLIER_MASK = LeftOut("earlier_mask", "It is a mask of an earlier run.")
OWN_OUTPUT = LeftOut("own_output", "The answers of this run go here.")
UPWARDS = "The link leads to a folder that it lies in itself."


def sources(paths: Iterable[Path], own: Collection[Identity] = ()) -> list[Source]:
    """Every file that the paths name, each once, folders in the order of their names.

    Hidden files, masks of an earlier run and what can't be read are in the list, with the reason. A path that does not
    exist counts as a file: reading it tells.

    Args:
        own: files that the answers go to; in folders they are left out.
    """
    walk = _Walk(own)
    for number, path in enumerate(paths):
        walk.name(number, path)
    walk.follow_links()
    return _told_apart([source for _, source in sorted(walk.found.values(), key=_order)])


def identity(path: Path | int) -> Identity | None:
    """Of a file, or of an open descriptor; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib knows no descriptors
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _order(numbered: tuple[int, Source]) -> tuple[int, tuple[str, ...]]:
    return numbered[0], numbered[1].path.parts


def _told_apart(sources: list[Source]) -> list[Source]:
    """The same files; one whose mask would overwrite another's gets a numbered folder."""
    first: dict[Path, int] = {}
    for number, source in enumerate(sources):
        if source.unread is None:
            first.setdefault(source.below, number)
    return [
        source
        if first.get(source.below, number) == number
        else Source(source.path, Path(str(number)) / source.below, source.unread)
        for number, source in enumerate(sources)
    ]


@dataclass(frozen=True)
class _Folder:
    """A folder to enter: the number of the argument that led to it, its path, and its place among the masks."""

    number: int
    path: Path
    below: Path


class _Walk:
    def __init__(self, own: Collection[Identity]) -> None:
        self._own = own
        self._entered: dict[Identity, Path] = {}
        self._links: deque[_Folder] = deque()
        self._real: dict[Path, str] = {}
        self.found: dict[tuple[str, str], tuple[int, Source]] = {}  # by the true folder and the name in it

    def name(self, number: int, path: Path) -> None:
        """A path that somebody typed."""
        if path != STANDARD_INPUT and os.path.isdir(path):  # noqa: PTH112 - pathlib's raises where it may not look
            folder = _Folder(number, path, Path(os.path.basename(os.path.abspath(path))))  # noqa: PTH100, PTH119
            self._enter(folder, is_link=path.is_symlink())
        else:
            self._add(number, Source(path, Path(path.name)))

    def follow_links(self) -> None:
        """Enter the folders that links lead to, which may hold further ones."""
        while self._links:
            link = self._links.popleft()
            holder = os.path.realpath(link.path.parent)
            if Path(holder).is_relative_to(os.path.realpath(link.path)) and identity(link.path) not in self._entered:
                self._add(link.number, Source(link.path, link.below, LeftOut("linked_folder", UPWARDS)))
            else:
                self._enter(link, is_link=True)

    def _enter(self, first: _Folder, is_link: bool) -> None:
        """A folder and all below it, without following links; no recursion, folders may be thousands deep."""
        waiting = [first]
        while waiting:
            folder = waiting.pop()
            earlier = self._was_entered(folder)
            if earlier is None:
                waiting += self._look_through(folder)
            elif is_link and folder is first:  # else its files are in the list, and nothing is missing
                told = LeftOut("linked_folder", f"The link leads to a folder that is read as {shown(earlier)}.")
                self._add(folder.number, Source(folder.path, folder.below, told))

    def _was_entered(self, folder: _Folder) -> Path | None:
        """The path by which this folder was entered earlier; None for the first time, which is noted."""
        found = identity(folder.path)
        if found is None:
            return None
        earlier = self._entered.get(found)
        self._entered.setdefault(found, folder.path)
        return earlier

    def _look_through(self, folder: _Folder) -> Iterator[_Folder]:
        """The folders right in a folder; files, links and what is left out are noted."""
        try:
            with os.scandir(folder.path) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    within = _Folder(folder.number, folder.path / entry.name, folder.below / entry.name)
                    if entry.name.startswith("."):
                        self._note(within, HIDDEN)
                    elif entry.is_dir(follow_symlinks=False):
                        yield within
                    else:
                        self._look_at(within, entry)
        except OSError as error:
            self._note(folder, _unreadable(f"The folder can't be opened: {reason(error)}."))

    def _look_at(self, within: _Folder, entry: os.DirEntry[str]) -> None:
        """Something in a folder that is no folder itself, but may be a link to one."""
        try:
            found = entry.stat()
        except OSError as error:
            what = "The link leads nowhere" if entry.is_symlink() else "The file can't be opened"
            self._note(within, _unreadable(f"{what}: {reason(error)}."))
            return
        if stat.S_ISDIR(found.st_mode):
            self._links.append(within)
        elif entry.name.endswith(MASK_ENDING):
            self._note(within, EARLIER_MASK)
        elif (found.st_dev, found.st_ino) in self._own:
            self._note(within, OWN_OUTPUT)
        elif stat.S_ISREG(found.st_mode):
            self._note(within, None)
        else:
            self._note(within, no_file(found.st_mode))

    def _note(self, within: _Folder, unread: LeftOut | RefusedUpload | None) -> None:
        self._add(within.number, Source(within.path, within.below, unread))

    def _add(self, number: int, source: Source) -> None:
        folder = source.path.parent
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        self.found.setdefault((self._real[folder], source.path.name), (number, source))


def no_file(mode: int) -> RefusedUpload:
    """Why what has this mode is not opened: whoever opens a pipe or a device may wait for ever."""
    return _unreadable(f"This is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file.")


def _unreadable(sentence: str) -> RefusedUpload:
    return RefusedUpload("unreadable_file", sentence)
