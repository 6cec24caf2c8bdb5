"""The account that runs Postgres, which refuses to run as root, while containers usually run as root.

As an ordinary user nothing changes. As root, Headwater uses the first of these ways that works:

1. a system user without rights (`postgres`, else `nobody`), if it can reach the programs and the data;

2. a user namespace in which root has another name (`unshare`), if the files are in a folder that such a user
cannot enter, such as root's home;

3. the system user with the capability to pass closed folders (`setpriv`), where namespaces are forbidden, as
in most containers.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headwater.metadata.errors import ServiceError

WITHOUT_RIGHTS = ("postgres", "nobody")
PASS_CLOSED_FOLDERS = (
    "setpriv",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


@dataclass(frozen=True)
class Account:
    """A way to start a program as `uid` and `gid`, who own the data. `prefix` precedes the command.

    `is_switched` means that the child switches to uid and gid before it starts.
    """

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    is_switched: bool = False

    @property
    def user(self) -> int | None:
        return self.uid if self.is_switched else None

    @property
    def group(self) -> int | None:
        return self.gid if self.is_switched else None


def account_for(folder: Path, program: Path) -> Account:
    """Give `folder` to an account that may run `program` and write there; return that account.

    No program may be using the folder, because its owner may change. Raises `ServiceError` if root finds no
    account.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = folder.stat().st_uid if any(folder.iterdir()) else None
    for account in sorted(
        _ways_for_root(), key=lambda way: way.uid != owner
    ):  # first the way that worked before
        _give(folder, account)
        if _works(account, folder, program):
            return account
    raise ServiceError(
        f"Postgres does not run as root, and no user without rights can reach {folder} and {program}. "
        "Work as an ordinary user, or put the project and HEADWATER_HOME where everybody can enter."
    )


def _ways_for_root() -> Iterator[Account]:
    users = [user for name in WITHOUT_RIGHTS if (user := _user(name)) is not None]
    for user in users:
        yield Account(user.pw_uid, user.pw_gid, is_switched=True)
    for user in users:
        if shutil.which("unshare"):
            alias = ("unshare", "-U", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--")
            yield Account(0, 0, alias)
        if shutil.which("setpriv"):
            become = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")
            yield Account(user.pw_uid, user.pw_gid, (*PASS_CLOSED_FOLDERS, *become))


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _give(folder: Path, account: Account) -> None:
    """Make the account the owner of `folder` and its content, unless it already is."""
    if (folder.stat().st_uid, folder.stat().st_gid) == (account.uid, account.gid):
        return
    for path, _, files in os.walk(folder):
        for name in files:
            os.chown(Path(path, name), account.uid, account.gid, follow_symlinks=False)
    for path, _, _ in os.walk(folder):
        os.chown(path, account.uid, account.gid)


def _works(account: Account, folder: Path, program: Path) -> bool:
    script = 'test -x "$1" && "$1" --version && cd "$0" && : > .probe && rm .probe'
    try:
        tried = subprocess.run(
            [*account.prefix, "/bin/sh", "-c", script, str(folder), str(program)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=[] if account.is_switched else None,
            check=False,
        )
    except OSError:
        return False
    return tried.returncode == 0
