"""An object store that fails: each call comes right after retries or says why, and nothing half is ever seen."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from headwater.extract.landing import s3_client
from headwater.extract.landing import store as store_module
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import DeliveryIncomplete, StorageError
from tests.support.faulty_s3 import (
    CONFLICT,
    ERROR,
    FROM_NOW_ON,
    LOST,
    LOST_IN_CONFLICT,
    LOST_IN_RESET,
    LOST_IN_SILENCE,
    RESET,
    SLOW_DOWN,
    STALL,
    TOO_MANY,
    Fault,
    FaultyS3,
)

SMALL = b"a small object"
PART_SIZE = 5 << 20  # bytes, the least that S3 takes
LARGE = os.urandom(2 * PART_SIZE + 1000)  # three parts

CUT = Fault(sends=10)
ERROR_IN_A_SUCCESS = Fault(
    acts=True, body=b"<Error><Code>InternalError</Code><Message>planned</Message></Error>"
)
TRANSIENT = {
    "500": ERROR, "503": SLOW_DOWN, "429": TOO_MANY, "reset": RESET, "stall": STALL, "lost": LOST,
    "lost in reset": LOST_IN_RESET,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PART_SIZE", PART_SIZE)


@pytest.fixture
def broken(faulty: FaultyS3) -> ObjectStore:
    """The test's bucket, by way of the proxy."""
    reached = ObjectStore.from_environment()
    faulty.calls.clear()
    return reached


def upload(store: ObjectStore, content: bytes = LARGE) -> bool:
    with store.upload("k") as going:
        for begin in range(0, len(content), 1 << 20):
            going.write(content[begin : begin + (1 << 20)])
        return going.complete()


def read(store: ObjectStore) -> bytes:
    content = b""
    with store.open("k") as stream:
        while chunk := stream.read(1 << 20):
            content += chunk
    return content


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()  # a difference of megabytes is no message


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        *((call, fault) for call in ("part 2", "complete") for fault in TRANSIENT),
        *((call, fault) for call in ("begin", "part 3") for fault in ("500", "lost")),
    ],
)
def test_an_object_is_written_once_and_whole_through_a_passing_fault(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, call: str, fault: str
) -> None:
    faulty.plan(f"{call} k", TRANSIENT[fault], (1,) if fault == "stall" else (1, 2))
    assert upload(broken)
    # on a busy machine an honest answer may come too late as well
    assert faulty.calls.count(f"{call} k") >= (2 if fault == "stall" else 3)
    assert digest(store.get("k")) == digest(LARGE)
    assert list(store.list("")) == ["k"]


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_a_new_object_is_ours_though_its_first_answer_was_lost(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, fault: Fault
) -> None:
    faulty.plan("put k", fault)
    assert broken.put_new("k", SMALL)
    assert not broken.put_new("k", b"another")
    assert store.get("k") == SMALL


@pytest.mark.parametrize("fault", [CONFLICT, LOST_IN_CONFLICT, LOST_IN_SILENCE])
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["put", "complete"])
def test_a_key_that_is_being_written_is_tried_again(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, content: bytes, fault: Fault
) -> None:
    faulty.plan("put k|complete k", fault)
    assert upload(broken, content)
    assert digest(store.get("k")) == digest(content)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["put", "complete"])
def test_a_key_that_stays_in_conflict_is_said(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, content: bytes
) -> None:
    faulty.plan("put k|complete k", CONFLICT, FROM_NOW_ON)
    with pytest.raises(StorageError, match=r"S3 answers ConditionalRequestConflict to .*: run again later$"):
        upload(broken, content)
    assert list(store.list("")) == []


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["put", "complete"])
def test_another_ones_object_is_never_taken_for_ours(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, content: bytes
) -> None:
    theirs = bytes(len(content))
    assert upload(store, theirs)
    faulty.plan("put k|complete k", ERROR)
    assert not upload(broken, content)
    assert digest(store.get("k")) == digest(theirs)


def test_an_upload_that_fails_in_the_middle_of_an_answer_of_success_is_tried_again(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore
) -> None:
    faulty.plan("complete k", ERROR_IN_A_SUCCESS)
    assert upload(broken)
    assert digest(store.get("k")) == digest(LARGE)


def test_an_upload_that_was_ended_by_somebody_is_no_object(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore
) -> None:
    faulty.plan("complete k", Fault(404, "NoSuchUpload"))
    with pytest.raises(StorageError, match=r"S3 answers NoSuchUpload to CompleteMultipartUpload: planned$"):
        upload(broken)
    assert list(store.list("")) == []


READS: dict[str, tuple[str, Callable[[ObjectStore], Any]]] = {
    "get": ("get k", lambda store: digest(read(store))),
    "list": ("list", lambda store: list(store.list(""))),
    "head": ("head", lambda _: ObjectStore.from_environment().bucket),
    "delete": ("delete other", lambda store: store.delete("other")),
}


@pytest.mark.parametrize("fault", [*TRANSIENT.values(), CUT], ids=[*TRANSIENT, "cut"])
@pytest.mark.parametrize("operation", READS)
def test_what_is_asked_is_answered_through_a_passing_fault(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, operation: str, fault: Fault
) -> None:
    pattern, ask = READS[operation]
    store.put_new("k", SMALL)
    expected = ask(store)
    faulty.plan(pattern, fault)
    assert ask(broken) == expected
    if not (fault is CUT and operation in ("head", "delete")):  # an answer without a body cannot be cut
        assert len([call for call in faulty.calls if re.match(pattern, call)]) > 1


WRITES: dict[str, tuple[str, Callable[[ObjectStore], Any]]] = {
    "put": ("put new", lambda store: store.put_new("new", SMALL)),
    "begin": ("begin", lambda store: store.upload_new("new", io.BytesIO(bytes(PART_SIZE + 1)))),
    "part": ("part 2", lambda store: store.upload_new("new", io.BytesIO(bytes(PART_SIZE + 1)))),
    "complete": ("complete", lambda store: store.upload_new("new", io.BytesIO(bytes(PART_SIZE + 1)))),
}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (ERROR, r"S3 answers InternalError to \w+: planned, 10 times in a row: run again later"),
        (SLOW_DOWN, r"S3 answers SlowDown to \w+: planned, 10 times in a row: run again later"),
        (
            Fault(403, "AccessDenied"),
            r"S3 answers AccessDenied to \w+: planned. Expected credentials with .*",
        ),
        (RESET, r".*Expected an S3 that AWS_ENDPOINT_URL and the other AWS variables name"),
    ],
    ids=["500", "503", "403", "reset"],
)
@pytest.mark.parametrize("operation", [*WRITES, "get", "list", "delete"])
def test_a_fault_that_stays_is_said_in_a_sentence_and_nothing_is_stored(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore, operation: str, fault: Fault, message: str
) -> None:
    store.put_new("k", SMALL)
    pattern, ask = {**WRITES, **READS}[operation]
    faulty.plan(pattern, fault, FROM_NOW_ON)
    with pytest.raises(StorageError, match=rf"^s3://{broken.bucket}/\w*: {message}$") as refused:
        ask(broken)
    assert "\n" not in str(refused.value)
    assert list(store.list("")) == ["k"]


def test_a_store_that_stays_silent_is_given_up(
    faulty: FaultyS3, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.1)
    silent = ObjectStore.from_environment()
    faulty.calls.clear()
    faulty.plan("", STALL, FROM_NOW_ON)
    with pytest.raises(StorageError, match=r"Read timeout.*Expected an S3 that AWS_ENDPOINT_URL"):
        silent.put_new("k", SMALL)
    assert faulty.calls == ["put k", "put k"]
    assert list(store.list("")) == []


def test_what_the_publisher_did_is_said_though_cleaning_up_fails_too(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore
) -> None:
    faulty.plan("abort", ERROR, FROM_NOW_ON)
    with pytest.raises(DeliveryIncomplete), broken.upload("k") as going:  # noqa: PT012
        going.write(LARGE)
        raise DeliveryIncomplete("half of it")
    assert any(call.startswith("abort") for call in faulty.calls)
    assert list(store.list("")) == []


def test_a_body_that_is_cut_over_and_over_again_is_read_to_its_end(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore
) -> None:
    upload(store)
    faulty.plan("get k", Fault(sends=1_100_000), FROM_NOW_ON)
    assert digest(read(broken)) == digest(LARGE)
    assert len(faulty.calls) >= 10


def test_a_body_that_does_not_come_is_said(faulty: FaultyS3, broken: ObjectStore, store: ObjectStore) -> None:
    store.put_new("k", SMALL)
    faulty.plan("get k", Fault(sends=0), FROM_NOW_ON)
    with pytest.raises(
        StorageError,
        match=r"k: the body broke off at byte 0 of 14, 10 times in a row \(.*\): run again later$",
    ):
        broken.get("k")


def test_a_store_that_knows_no_ranges_gives_no_wrong_bytes(
    faulty: FaultyS3, broken: ObjectStore, store: ObjectStore
) -> None:
    upload(store)
    faulty.plan("get k", Fault(sends=1_100_000))
    faulty.plan("get k", Fault(body=LARGE), FROM_NOW_ON)
    with pytest.raises(StorageError, match=r"k: S3 does not go on at byte 1100000, expected one that knows"):
        read(broken)


def test_an_object_too_large_for_s3_is_said(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PARTS", 1)
    with pytest.raises(StorageError, match=r"k: more than 5242880 bytes, expected a file that fits into one"):
        upload(store)
    assert list(store.list("")) == []


def test_a_server_that_is_no_s3_is_said_plainly(faulty: FaultyS3, broken: ObjectStore) -> None:
    faulty.plan("begin", Fault(body=b""), FROM_NOW_ON)
    with pytest.raises(StorageError, match=r"what answers is no S3 .*AWS_ENDPOINT_URL"):
        upload(broken)


@pytest.mark.parametrize("attempts", ["many", "0"])
@pytest.mark.usefixtures("store")
def test_a_number_of_attempts_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch, attempts: str) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    with pytest.raises(StorageError):
        ObjectStore.from_environment()
