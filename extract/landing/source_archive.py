"""Removal and renaming of the objects of a source on S3.

The manifests and events of a source lie below its name. Landed objects lie where they were landed, for their keys never
change: after a renaming, the manifests name objects below the former name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from headwater.extract.landing.manifest import landed_folder, manifest_at, manifest_key, manifest_sqn, to_json
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import StorageError
from headwater.metadata.process.events import event_at_key, events_folder

AT_ONCE = 8


def landed_objects(store: ObjectStore, source: str, addresses: Iterable[str]) -> set[str]:
    """Return the addresses of the objects below the folders of a source, and of those in which `addresses` lie."""
    folders = {landed_folder(source)} | {_folder_of(store.key(address)) for address in addresses}
    return {store.address(key) for folder in folders for key in store.list(folder)}


def archived_keys(
    store: ObjectStore, source: str, landed_addresses: Collection[str], foreign: Collection[str]
) -> list[str]:
    """Return the keys of a source, facts after the objects that they name.

    `landed_addresses` are those of its deliveries, `foreign` those that other sources name below its folder: sources
    that had its name before.
    """
    kept = {store.key(address) for address in foreign}
    named = {store.key(address) for address in landed_addresses}
    landed = sorted((named | set(store.list(landed_folder(source)))) - kept)
    return [*landed, *store.list(events_folder(source)), *store.list(f"manifests/{source}/")]


def delete_keys(store: ObjectStore, keys: Collection[str]) -> None:
    """Delete objects, several at a time. One that is gone already is no error."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(store.delete, keys):
            pass


def copy_facts(store: ObjectStore, old: str, new: str) -> int:
    """Write the manifests and events of a source below its new name, and return their number.

    They are written once: a second call compares. Raises `StorageError` if another object has one of their keys.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(lambda fact: _put(store, *fact), _facts(store, old, new)))


def delete_facts(store: ObjectStore, old: str, new: str) -> None:
    """Delete the manifests and events below the former name that are there below the new one."""
    pairs = [(key, _renamed_key(key, old, new)) for key in _fact_keys(store, old)]
    there = set(_fact_keys(store, new))
    delete_keys(store, [key for key, copied in pairs if copied in there])


def _facts(store: ObjectStore, old: str, new: str) -> Iterator[tuple[str, bytes]]:
    for key in _fact_keys(store, old):
        body = store.get(key)
        if key.startswith("manifests/"):
            landed = manifest_at(key, body, store)
            body = to_json(replace(landed, source=new), store.key(landed.delivery_filename))
        yield _renamed_key(key, old, new), body


def _fact_keys(store: ObjectStore, source: str) -> list[str]:
    manifests = [key for key in store.list(f"manifests/{source}/") if manifest_sqn(source, key) is not None]
    events = [key for key in store.list(events_folder(source)) if event_at_key(source, key) is not None]
    return manifests + events


def _renamed_key(key: str, old: str, new: str) -> str:
    sqn = manifest_sqn(old, key)
    return (
        manifest_key(new, sqn)
        if sqn is not None
        else events_folder(new) + key.removeprefix(events_folder(old))
    )


def _put(store: ObjectStore, key: str, body: bytes) -> int:
    if not store.put_new(key, body) and store.get(key) != body:
        raise StorageError(
            f"{store.address(key)} is there already with another content: expected a name that is free"
        )
    return 1


def _folder_of(key: str) -> str:
    return key[: key.index("/", key.index("/") + 1) + 1]
