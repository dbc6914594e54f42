from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update
from ulid import ULID

from listen_sinks.voicemail.index.audit import AuditEvent, key_name
from listen_sinks.voicemail.index.audit_check import AuditReport, check_audit
from listen_sinks.voicemail.index.audit_keys import publish_key
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.schema import AuditKeyRow

VOUCHING = bytes(range(32))
LISTEN = AuditEvent("listen", "user:01kb", str(ULID()))


def machine(vouching: bytes | None = VOUCHING) -> AuditLog:
    return AuditLog(Ed25519PrivateKey.generate(), vouching)


async def checked(database: Database, log: AuditLog) -> AuditReport:
    return await check_audit(database, await log.known_keys(database))


async def test_each_machine_can_check_what_the_others_wrote(database: Database) -> None:
    one, other = machine(), machine()
    await one.note(database, LISTEN)
    await other.note(database, LISTEN)

    for log in (one, other, machine()):
        assert await checked(database, log) == AuditReport(2, 4, 2, ())


async def test_a_key_that_nobody_with_the_secret_put_there_is_not_trusted(
    database: Database,
) -> None:
    own, stranger = machine(), machine(bytes(32))
    await own.note(database, LISTEN)
    await stranger.note(database, LISTEN)

    (problem,) = (await checked(database, own)).problems

    assert "not signed by a key that is trusted" in problem.what


async def test_a_key_put_in_the_place_of_anothers_is_not_trusted(database: Database) -> None:
    own, other = machine(), machine()
    await other.note(database, LISTEN)
    forged = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    async with database.writing() as session:
        await session.execute(update(AuditKeyRow).values(public=forged))

    assert (await checked(database, own)).problems
    assert not (await checked(database, other)).problems  # it knows its own


async def test_a_machine_that_starts_again_puts_its_key_back(database: Database) -> None:
    key = Ed25519PrivateKey.generate()
    await AuditLog(key, VOUCHING).note(database, LISTEN)
    for damage in (update(AuditKeyRow).values(voucher=b""), delete(AuditKeyRow)):
        async with database.writing() as session:
            await session.execute(damage)
        assert (await checked(database, machine())).problems

        await AuditLog(key, VOUCHING).note(database, LISTEN)

        assert not (await checked(database, machine())).problems


async def test_what_is_no_key_is_passed_over_even_with_a_voucher_of_something_else(
    database: Database,
) -> None:
    own = machine()
    public = Ed25519PrivateKey.generate().public_key()
    async with database.writing() as session:
        await publish_key(session, public, VOUCHING)
        await session.execute(update(AuditKeyRow).values(public=b"short"))

    assert key_name(public) not in await own.known_keys(database)
